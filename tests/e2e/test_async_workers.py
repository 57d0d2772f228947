"""K of N asynchronous workers hold requests, with kept-alive connections parked on every one.

What is true: a worker works while it holds a request that is not answered, however many others it holds, and however many
answered connections stay open beside it. Which worker gets a connection is settled by stopping the others meanwhile.
"""

import contextlib
import os
import signal
import socket

import psutil
import pytest
from support import FAST_SAMPLES, Exporter, Gunicorn, wait_until, wait_until_steady

HOLD = "/sleep?seconds=60"
CLASSES = [
    ("gthread", "demo:application"),
    ("gevent", "demo:application"),
    ("eventlet", "demo:application"),
    ("tornado", "demo:application"),
    ("uvicorn.workers.UvicornWorker", "asgi_demo:application"),
]
# Its application runs in the event loop: a request that sleeps holds up all others of that worker.
ONE_AT_A_TIME = {"tornado"}


def holds(worker, client_port):
    return any(
        connection.raddr and connection.raddr.port == client_port
        for connection in psutil.Process(worker).connections(kind="tcp")
    )


@contextlib.contextmanager
def only(gunicorn, worker):
    others = [pid for pid in gunicorn.worker_pids() if pid != worker]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in others:
            os.kill(pid, signal.SIGCONT)


def open_on(gunicorn, stack, worker):
    """A connection that this worker has accepted; it has a request without an end so far."""
    with only(gunicorn, worker):
        connection = gunicorn.connect()
        stack.callback(connection.close)
        connection.connect()
        # Some workers accept what has sent something only.
        connection.sock.sendall(b"GET ")
        port = connection.sock.getsockname()[1]
        wait_until(lambda: holds(worker, port), f"worker {worker} accepts the connection")
    return connection


def request_on(connection, path):
    connection.sock.sendall(f"{path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())


def read_answer(connection):
    connection.sock.settimeout(60)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.sock.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def park(gunicorn, stack, worker, path):
    connection = open_on(gunicorn, stack, worker)
    request_on(connection, path)
    read_answer(connection)
    return connection


def shown(exporter, gunicorn):
    scrape = exporter.scrape()
    return (
        scrape.value("gunicorn_workers", app=gunicorn.name, state="working"),
        scrape.value("gunicorn_connections", app=gunicorn.name),
    )


def assert_at_every_scrape(exporter, gunicorn, working, connections):
    wait_until_steady(
        lambda: shown(exporter, gunicorn) == (working, connections), f"{working} work and {connections} are open"
    )


@pytest.mark.parametrize("worker_class, app", CLASSES, ids=[name.split(".")[0] for name, _ in CLASSES])
def test_two_of_three_workers_hold_requests_beside_parked_connections(worker_class, app):
    options = {"worker_class": worker_class, "threads": 8 if worker_class == "gthread" else 1, "app": app}
    with Exporter(config=FAST_SAMPLES) as exporter:
        with Gunicorn(workers=3, args=["--keep-alive", "75", "--timeout", "120"], **options) as gunicorn:
            with contextlib.ExitStack() as stack:
                workers = gunicorn.worker_pids()
                parked = []
                for worker in workers:
                    parked.append(park(gunicorn, stack, worker, "/"))
                    park(gunicorn, stack, worker, "/sleep?seconds=0.1")
                assert_at_every_scrape(exporter, gunicorn, 0, 6)
                # The first worker's by a new connection, the second's by one that was parked.
                request_on(open_on(gunicorn, stack, workers[0]), HOLD)
                parked[1].sock.sendall(b"GET ")
                request_on(parked[1], HOLD)
                assert_at_every_scrape(exporter, gunicorn, 2, 7)
                connections = 7
                if worker_class not in ONE_AT_A_TIME:
                    connections = 9
                    # More requests of workers that work already.
                    request_on(open_on(gunicorn, stack, workers[0]), HOLD)
                    request_on(open_on(gunicorn, stack, workers[1]), HOLD)
                    assert_at_every_scrape(exporter, gunicorn, 2, connections)
                # A request that has not come whole is one in hand, too.
                open_on(gunicorn, stack, workers[2])
                assert_at_every_scrape(exporter, gunicorn, 3, connections + 1)
                for pid in gunicorn.worker_pids():
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: shown(exporter, gunicorn) == (0, 0), "nothing is held any more")


@pytest.mark.parametrize("worker_class, app", CLASSES, ids=[name.split(".")[0] for name, _ in CLASSES])
def test_silent_connections_keep_no_worker_busy(worker_class, app):
    options = {"worker_class": worker_class, "threads": 8 if worker_class == "gthread" else 1, "app": app}
    # They close what stays silent for longer than that.
    keep = ["--keep-alive", "75"]
    with Gunicorn(workers=2, args=keep, **options) as gunicorn, contextlib.ExitStack() as stack:
        # Who has answered has started: that takes CPU time, which is work to an exporter that sees it.
        for worker in gunicorn.worker_pids():
            with contextlib.ExitStack() as answered:
                park(gunicorn, answered, worker, "/")
        with Exporter(config=FAST_SAMPLES) as exporter:
            wait_until(lambda: shown(exporter, gunicorn) == (0, 0), "both workers rest")
            for _ in range(4):
                stack.enter_context(socket.create_connection(("127.0.0.1", gunicorn.port)))
            wait_until(lambda: shown(exporter, gunicorn)[1] == 4, "four are accepted")
            assert_at_every_scrape(exporter, gunicorn, 0, 4)
