"""50,000 connections that are none of gunicorn's: what a sample costs beside them.

The kernel has no index of connections by local port: asked for one port alone, it goes through all of its sockets, and
answers with gunicorn's. That is much less than to have them all written out, as /proc/net/tcp does, but not nothing; so the
samples follow each other more slowly, and cost no more than a hundredth of a processor.

Long; not in the default run. It prints the figures: pytest -s long_many_connections.py
"""

import contextlib
import ctypes
import resource
import statistics
import subprocess
import sys
import time

from support import Exporter, Gunicorn, wait_until

CONNECTIONS = 50_000
SAMPLES = 15
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


def table_seconds():
    """The median CPU time of reading the kernel's whole table of TCP sockets."""
    seen = []
    for _ in range(7):
        begin = time.thread_time()
        with open("/proc/net/tcp", "rb", buffering=0) as table:
            while table.read(131072):
                pass
        seen.append(time.thread_time() - begin)
    return statistics.median(seen)


def test_many_foreign_connections_cost_no_more_than_a_hundredth_of_a_processor():
    config = "process:\n  sample_interval: 100ms\n"
    with own_network_namespace(), Gunicorn(workers=4, args=["--timeout", "300"]) as gunicorn, Exporter(config=config) as exporter:
        connection = gunicorn.connect()
        connection.connect()
        connection.sock.sendall(b"GET / ")  # A sync worker waits for the rest of it.
        wait_until(lambda: exporter.value("gunicorn_connections", app=gunicorn.name) == 1, "the request is seen")
        before = sample_seconds(exporter)
        with open_connections(CONNECTIONS):
            with open("/proc/net/sockstat", encoding="ascii") as file:
                sockets = next(int(line.split()[2]) for line in file if line.startswith("TCP:"))
            assert sockets >= 2 * CONNECTIONS
            beside, table = sample_seconds(exporter), table_seconds()
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_connections", app=gunicorn.name) == 1
            assert scrape.value("gunicorn_workers", app=gunicorn.name, state="working") == 1
            interval = scrape.value("gunicorn_exporter_process_sample_interval_seconds")
            assert scrape.value("gunicorn_exporter_process_sample_cpu_seconds") <= 0.01 * interval
        connection.close()
        print(
            f"\na sample takes {before * 1e3:.3f} ms of CPU time, beside {CONNECTIONS} connections"
            f" ({sockets} sockets) {beside * 1e3:.3f} ms: {beside / before:.1f} times as much, and"
            f" {beside / table:.3f} of reading the whole table ({table * 1e3:.1f} ms); the interval is {interval:.3f} s"
        )
        assert beside < table / 2
