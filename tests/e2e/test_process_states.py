"""Working and idle workers of a real gunicorn: requests held, and connections that are only kept alive."""

import contextlib
import os
import signal
import socket
import time

import pytest
from support import Exporter, Gunicorn, wait_until, wait_until_steady

# Longer than any test; what is still held at the end is killed with its worker.
HOLD = "seconds=60"
# The master lets a worker be that holds a request as long, and the worker a connection that waits for the next.
PATIENT = ["--timeout", "120", "--keep-alive", "120"]


def working(exporter, app):
    return exporter.value("gunicorn_workers", app=app, state="working")


def wait_for_working(exporter, app, count):
    wait_until(lambda: working(exporter, app) == count, f"{count} workers of {app} work")


def hold(gunicorn, stack, path, after_another=False):
    """Sends a request that is not answered meanwhile, on a new connection or on one that was answered just before."""
    connection = gunicorn.connect()
    stack.callback(connection.close)
    if after_another:
        connection.request("GET", "/")
        connection.getresponse().read()
    connection.request("GET", path)


def park(gunicorn, stack, count):
    """Leaves connections behind whose requests are answered, quickly or slowly."""
    for number in range(count):
        connection = gunicorn.connect()
        stack.callback(connection.close)
        connection.request("GET", "/" if number % 2 else "/sleep?seconds=0.1")
        connection.getresponse().read()


def assert_working_at_every_scrape(exporter, app, count):
    wait_until_steady(lambda: working(exporter, app) == count, f"{count} workers work")


def end_held_requests(gunicorn):
    for pid in gunicorn.worker_pids():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("bind", ["tcp", "unix"])
@pytest.mark.parametrize("path", ["/sleep", "/spin"])
def test_sync_workers_that_hold_a_request_work(bind, path):
    with Exporter() as exporter, Gunicorn(workers=4, bind=bind, args=PATIENT) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, f"{path}?{HOLD}")
            hold(gunicorn, stack, f"{path}?{HOLD}")
            assert_working_at_every_scrape(exporter, gunicorn.name, 2)
            assert exporter.value("gunicorn_connections", app=gunicorn.name) == 2
            end_held_requests(gunicorn)
        wait_for_working(exporter, gunicorn.name, 0)


@pytest.mark.parametrize("bind", ["tcp", "unix"])
@pytest.mark.parametrize("path", ["/sleep", "/spin"])
@pytest.mark.parametrize("after_another", [False, True])
def test_a_threaded_worker_that_holds_a_request_works(bind, path, after_another):
    options = {"worker_class": "gthread", "threads": 8, "bind": bind, "args": PATIENT}
    with Gunicorn(workers=1, **options) as gunicorn, contextlib.ExitStack() as stack:
        park(gunicorn, stack, 4)
        # It sees nothing of the CPU time until here, which would be work.
        with Exporter() as exporter:
            assert_working_at_every_scrape(exporter, gunicorn.name, 0)
            hold(gunicorn, stack, f"{path}?{HOLD}", after_another)
            assert_working_at_every_scrape(exporter, gunicorn.name, 1)
            assert exporter.value("gunicorn_connections", app=gunicorn.name) == 5
            end_held_requests(gunicorn)
            stack.close()
            wait_for_working(exporter, gunicorn.name, 0)


@pytest.mark.parametrize(
    "worker_class, app",
    [
        ("gevent", "demo:application"),
        ("eventlet", "demo:application"),
        ("tornado", "demo:application"),
        ("uvicorn.workers.UvicornWorker", "asgi_demo:application"),
    ],
)
@pytest.mark.parametrize("after_another", [False, True])
def test_an_asynchronous_worker_that_holds_a_request_works(worker_class, app, after_another):
    options = {"worker_class": worker_class, "app": app, "args": PATIENT}
    with Gunicorn(workers=1, **options) as gunicorn, contextlib.ExitStack() as stack:
        park(gunicorn, stack, 4)
        with Exporter() as exporter:
            assert_working_at_every_scrape(exporter, gunicorn.name, 0)
            hold(gunicorn, stack, f"/sleep?{HOLD}", after_another)
            assert_working_at_every_scrape(exporter, gunicorn.name, 1)
            end_held_requests(gunicorn)
            stack.close()
            wait_for_working(exporter, gunicorn.name, 0)


def test_a_sample_right_after_an_answer_loses_no_request():
    """The answer before and the request then have one time in the kernel's clock, which does not tell which came last."""
    config = "process:\n  sample_interval: 100ms\n"
    with Gunicorn(workers=1, worker_class="eventlet", args=PATIENT) as gunicorn, contextlib.ExitStack() as stack:
        with Exporter(config) as exporter:
            for _ in range(12):
                hold(gunicorn, stack, f"/sleep?{HOLD}", after_another=True)
                time.sleep(0.03)  # The samples are to fall at any time after it.
            wait_until_steady(
                lambda: exporter.value("gunicorn_requests_in_progress", app=gunicorn.name) == 12, "all requests are seen"
            )
            end_held_requests(gunicorn)


def test_on_a_unix_socket_each_open_connection_of_an_event_loop_counts():
    """What remains wrong, as worker_state.h says: nothing tells there what a connection has carried."""
    with Gunicorn(workers=1, worker_class="gevent", bind="unix", args=PATIENT) as gunicorn, contextlib.ExitStack() as stack:
        park(gunicorn, stack, 2)
        with Exporter() as exporter:
            assert_working_at_every_scrape(exporter, gunicorn.name, 1)
            assert exporter.value("gunicorn_connections", app=gunicorn.name) == 2
            stack.close()
            wait_for_working(exporter, gunicorn.name, 0)


def test_connections_that_wait_are_in_the_listen_queue():
    with Exporter() as exporter, Gunicorn(workers=1, args=PATIENT) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, f"/sleep?{HOLD}")
            wait_for_working(exporter, gunicorn.name, 1)
            for _ in range(3):
                hold(gunicorn, stack, "/")
            address = f"127.0.0.1:{gunicorn.port}"
            wait_until(
                lambda: exporter.value("gunicorn_listen_queue_length", app=gunicorn.name, address=address) == 3,
                "three connections wait",
            )
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_listen_queue_limit", app=gunicorn.name, address=address) == 2048
            assert scrape.value("gunicorn_connections", app=gunicorn.name) == 1
            end_held_requests(gunicorn)


def test_a_connection_that_finds_the_queue_full_is_an_overflow():
    with Exporter() as exporter, Gunicorn(workers=1, args=[*PATIENT, "--backlog", "1"]) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, f"/sleep?{HOLD}")
            wait_for_working(exporter, gunicorn.name, 1)
            before = exporter.value("gunicorn_listen_overflows_total", app=gunicorn.name)
            for _ in range(8):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", gunicorn.port))
            # At least each once; and again at each retry.
            wait_until(
                lambda: exporter.value("gunicorn_listen_overflows_total", app=gunicorn.name) >= before + 5,
                "the overflows are counted",
            )
            answer = exporter.get("/metrics").text
            (told,) = [line for line in answer.splitlines() if line.startswith("# HELP gunicorn_listen_overflows_total")]
            assert "each retry of a client once more" in told and "none of a unix socket" in told
            end_held_requests(gunicorn)
