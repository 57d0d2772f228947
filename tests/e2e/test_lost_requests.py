"""Requests that a worker had in hand when it was killed: gunicorn itself says nothing of them."""

import contextlib
import os
import signal

import pytest
from support import FAST_SAMPLES, Exporter, Gunicorn, wait_until, wait_until_steady


@pytest.fixture(autouse=True)
def kernel_tells_ends():
    release = tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])
    if release < (6, 15):
        pytest.skip("this kernel does not tell how a process has ended")


def value(exporter, gunicorn, name):
    return exporter.scrape().get(f"gunicorn_{name}", app=gunicorn.name)


def hold(gunicorn, stack, count, path="/sleep?seconds=60"):
    for _ in range(count):
        connection = gunicorn.connect()
        stack.callback(connection.close)
        connection.request("GET", path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV], ids=lambda number: number.name)
def test_a_worker_that_is_killed_loses_what_it_had_in_hand(number):
    options = {"workers": 3, "worker_class": "gthread", "threads": 4, "args": ["--timeout", "120"]}
    with Exporter(config=FAST_SAMPLES) as exporter, Gunicorn(**options) as gunicorn, contextlib.ExitStack() as stack:
        wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 0, "the counter begins at 0")
        hold(gunicorn, stack, 5)
        wait_until(lambda: value(exporter, gunicorn, "requests_in_progress") == 5, "five are in hand")
        gunicorn.replace_workers(number)
        wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 5, "five are lost")
        wait_until(lambda: value(exporter, gunicorn, "workers_exited_total") == 3, "the ends are seen")
        assert value(exporter, gunicorn, "requests_lost_total") == 5


def test_a_timeout_loses_the_request():
    with Exporter(config=FAST_SAMPLES) as exporter, Gunicorn(workers=1, args=["--timeout", "5"]) as gunicorn:
        wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 0, "the counter begins at 0")
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, 1)
            wait_until(lambda: value(exporter, gunicorn, "requests_in_progress") == 1, "it is in hand")
            wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 1, "it is lost")
        wait_until_steady(lambda: value(exporter, gunicorn, "requests_lost_total") == 1, "only once")


@pytest.mark.parametrize("worker_class", ["sync", "gthread", "gevent", "uvicorn.workers.UvicornWorker"])
def test_workers_that_are_told_to_stop_lose_nothing(worker_class):
    app = "asgi_demo:application" if "uvicorn" in worker_class else "demo:application"
    options = {"workers": 2, "worker_class": worker_class, "app": app, "args": ["--graceful-timeout", "60"]}
    with Exporter(config=FAST_SAMPLES) as exporter, Gunicorn(**options) as gunicorn, contextlib.ExitStack() as stack:
        hold(gunicorn, stack, 2, "/sleep?seconds=3")
        wait_until(lambda: value(exporter, gunicorn, "requests_in_progress") == 2, "two are in hand")
        os.kill(gunicorn.master_pid, signal.SIGHUP)
        wait_until(lambda: value(exporter, gunicorn, "workers_exited_total") == 2, "the workers are replaced")
        wait_until_steady(lambda: value(exporter, gunicorn, "requests_lost_total") == 0, "nothing is lost")


def test_workers_that_end_after_their_share_of_requests_lose_nothing():
    config = FAST_SAMPLES + "  per_worker: true\n"
    with Exporter(config=config) as exporter, Gunicorn(workers=1, args=["--max-requests", "1"]) as gunicorn:
        wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 0, "the counter begins at 0")

        def is_seen():
            shown = exporter.scrape().by("pid", "gunicorn_worker_requests_in_progress", app=gunicorn.name)
            return str(gunicorn.worker_pids()[0]) in shown

        for ended in range(5):
            # One that came and went between two samples of a busy machine would not be counted.
            wait_until(lambda n=ended: value(exporter, gunicorn, "workers_exited_total") == n, "the last one has gone")
            wait_until(is_seen, "the worker is seen")
            assert gunicorn.get("/sleep?seconds=0.5").status == 200
        wait_until(lambda: value(exporter, gunicorn, "workers_exited_total") == 5, "the ends are seen")
        assert value(exporter, gunicorn, "requests_lost_total") == 0


# Nothing tells a connection that waits for its next request from one whose request is in hand.
@pytest.mark.parametrize("worker_class", ["gevent", "tornado"])
def test_answered_connections_of_an_event_loop_on_a_unix_socket_are_no_loss(worker_class):
    options = {"workers": 1, "worker_class": worker_class, "bind": "unix", "args": ["--keep-alive", "600"]}
    with Exporter(config=FAST_SAMPLES) as exporter, Gunicorn(**options) as gunicorn, contextlib.ExitStack() as stack:
        for _ in range(3):
            connection = gunicorn.connect()
            stack.callback(connection.close)
            connection.request("GET", "/")
            connection.getresponse().read()
        wait_until(lambda: value(exporter, gunicorn, "connections") == 3, "three are open")
        os.kill(gunicorn.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: value(exporter, gunicorn, "workers_exited_total") == 1, "the end is seen")
        wait_until_steady(lambda: value(exporter, gunicorn, "requests_lost_total") == 0, "nothing is lost")


def test_a_sync_worker_on_a_unix_socket_loses_its_request():
    with Exporter(config=FAST_SAMPLES) as exporter, Gunicorn(workers=1, bind="unix") as gunicorn:
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, 1)
            wait_until(lambda: value(exporter, gunicorn, "requests_in_progress") == 1, "it is in hand")
            os.kill(gunicorn.worker_pids()[0], signal.SIGKILL)
            wait_until(lambda: value(exporter, gunicorn, "requests_lost_total") == 1, "it is lost")
