"""A gunicorn whose application writes down which requests it has in hand, against what the exporter says."""

import contextlib
import os
import signal
import socket
import tempfile
from pathlib import Path

from support.exporter import FAST_SAMPLES, Exporter
from support.gunicorn import Gunicorn
from support.wait import wait_until, wait_until_steady

LOOKS = 20
SAMPLE_SECONDS = 0.2
# The master lets a worker be that holds a request as long, and the worker a connection that waits for the next.
PATIENT = ["--timeout", "120", "--keep-alive", "120"]


class WritingGunicorn(Gunicorn):
    """Its application writes down what it has in hand, in a folder."""

    def __init__(self, folder, args=(), env=None, **options):
        options.setdefault("app", "working_demo:application")
        super().__init__(args=[*PATIENT, *args], env={"IN_HAND": folder, **(env or {})}, **options)
        self.folder = Path(folder)

    def in_hand(self):
        """The worker's pid for each request that it has in hand."""
        alive = self.worker_pids()
        pids = [int(path.name.partition("-")[0]) for path in self.folder.iterdir()]
        return [pid for pid in pids if pid in alive]

    def open(self, stack):
        return stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=60))

    def ask(self, stack, path):
        sock = self.open(stack)
        send_request(sock, path)
        return sock


@contextlib.contextmanager
def running(config=FAST_SAMPLES, **options):
    with tempfile.TemporaryDirectory(prefix="gunicorn-exporter-in-hand-") as folder:
        # Who has started before the exporter looks burns no CPU time at its looks.
        with WritingGunicorn(folder, **options) as gunicorn, Exporter(config=config) as exporter:
            with contextlib.ExitStack() as stack:
                try:
                    yield gunicorn, exporter, stack
                finally:
                    # Held requests and silent connections would hold up a graceful end.
                    for pid in gunicorn.worker_pids():
                        os.kill(pid, signal.SIGKILL)


def send_request(sock, path):
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())


def shown(exporter, gunicorn):
    scrape = exporter.scrape()
    return {
        "working": scrape.value("gunicorn_workers", app=gunicorn.name, state="working"),
        "idle": scrape.value("gunicorn_workers", app=gunicorn.name, state="idle"),
        "unknown": scrape.value("gunicorn_workers", app=gunicorn.name, state="unknown"),
        "requests": scrape.value("gunicorn_requests_in_progress", app=gunicorn.name),
    }


def written(gunicorn):
    in_hand = gunicorn.in_hand()
    working = len(set(in_hand))
    return {"working": working, "idle": gunicorn.workers - working, "unknown": 0, "requests": len(in_hand)}


def wait_until_told(exporter, gunicorn, requests, connections):
    """A sample has seen so many of each."""

    def is_told():
        open_now = exporter.value("gunicorn_connections", app=gunicorn.name)
        return open_now == connections and shown(exporter, gunicorn) == written(gunicorn)

    wait_until(lambda: len(gunicorn.in_hand()) == requests, f"{requests} requests are in hand")
    wait_until(is_told, f"the exporter says {requests} requests on {connections} connections")


def assert_told(exporter, gunicorn, requests):
    """That many requests are written down, and shown, at each look."""
    wait_until(lambda: len(gunicorn.in_hand()) == requests, f"{requests} requests are in hand")
    before = written(gunicorn)
    last = None

    def is_told():
        nonlocal last
        last = shown(exporter, gunicorn)
        return last == written(gunicorn) == before

    try:
        wait_until_steady(is_told, f"the exporter says {before}", LOOKS, SAMPLE_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}: it said {last}") from None


def assert_idle(exporter, gunicorn, connections):
    """All workers, though they hold so many connections."""
    wait_until_told(exporter, gunicorn, 0, connections)
    assert_told(exporter, gunicorn, 0)
    assert exporter.value("gunicorn_connections", app=gunicorn.name) == connections
