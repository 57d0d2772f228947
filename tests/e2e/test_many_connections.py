"""A sample costs little more where the machine has 50,000 connections that are none of gunicorn's.

Long; not in the default run. It prints the figures: pytest -s test_many_connections.py
"""

import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys

from support import Exporter, Gunicorn, wait_until

CONNECTIONS = 50_000
SAMPLES = 15
# How much dearer a sample may be. The kernel goes through all of its sockets for those on gunicorn's port.
MOST = float(os.environ.get("MOST_TIMES_DEARER", "3"))

_CLONE_NEWNET = 0x40000000

HOLDER = """
import resource, socket, sys
count = int(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
    kept = []
    for _ in range(count):
        kept.append(socket.create_connection(listener.getsockname()))
        kept.append(listener.accept()[0])
    print("open", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def own_network_namespace():
    libc = ctypes.CDLL(None, use_errno=True)

    def check(result):
        if result != 0:
            raise OSError(ctypes.get_errno(), "cannot change the network namespace")

    with open("/proc/self/ns/net", encoding="ascii") as old:
        check(libc.unshare(_CLONE_NEWNET))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            check(libc.setns(old.fileno(), _CLONE_NEWNET))


@contextlib.contextmanager
def open_connections(count):
    """In as many processes as descriptors are too few for; each holds both ends."""
    each = (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) // 2
    with contextlib.ExitStack() as stack:
        holders = []
        for first in range(0, count, each):
            command = [sys.executable, "-c", HOLDER, str(min(each, count - first))]
            holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            holders.append(stack.enter_context(holder))
            stack.callback(holder.kill)
        for holder in holders:
            assert holder.stdout.readline() == b"open\n"
        yield


def sample_seconds(exporter):
    """The median CPU time of samples, each of which is seen once."""
    seen = []

    def one_more():
        seconds = exporter.value("gunicorn_exporter_process_sample_cpu_seconds")
        if not seen or seconds != seen[-1]:
            seen.append(seconds)
        return len(seen) >= SAMPLES

    wait_until(one_more, f"{SAMPLES} samples are seen", seconds=300)
    return statistics.median(seen)


def test_a_sample_costs_little_more_beside_many_connections():
    config = "process:\n  sample_interval: 100ms\n"
    with own_network_namespace(), Gunicorn(workers=4, args=["--timeout", "300"]) as gunicorn, Exporter(config=config) as exporter:
        connection = gunicorn.connect()
        connection.connect()  # A sync worker waits for the request that does not come.
        wait_until(lambda: exporter.value("gunicorn_connections", app=gunicorn.name) == 1, "the request is seen")
        before = sample_seconds(exporter)
        with open_connections(CONNECTIONS):
            with open("/proc/net/sockstat", encoding="ascii") as file:
                sockets = next(int(line.split()[2]) for line in file if line.startswith("TCP:"))
            assert sockets >= 2 * CONNECTIONS
            beside = sample_seconds(exporter)
            assert exporter.value("gunicorn_connections", app=gunicorn.name) == 1
        connection.close()
        print(
            f"\na sample takes {before * 1e3:.3f} ms of CPU time, beside {CONNECTIONS} connections"
            f" ({sockets} sockets) {beside * 1e3:.3f} ms: {beside / before:.2f} times as much"
        )
        assert beside < MOST * before
