"""The exporter meets the end of its descriptors, its memory or its disk: it lives on, or dies so that it is seen."""

import os
import resource
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import Exporter, Gunicorn, free_port, send_udp, unique_name, wait_until
from support.exporter import SANITISED

FEW = 64


class LimitedExporter(Exporter):
    """Runs under prlimit(1) with that option."""

    def __init__(self, limit, **options):
        super().__init__(**options)
        self.limit = limit

    def prepare(self):
        super().prepare()
        self.command = ["prlimit", self.limit, "--", *self.command]


def connect_many(stack, port, count):
    for _ in range(count):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        client.setblocking(False)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


COUNTERS = ["gunicorn_workers_spawned_total", "gunicorn_workers_exited_total"]


def test_more_clients_than_descriptors_shut_nobody_out_and_change_no_counter():
    port = free_port()
    flags = [f"--statsd.listen-tcp=127.0.0.1:{port}"]
    with Gunicorn(workers=2) as gunicorn, LimitedExporter(f"--nofile={FEW}:{FEW}", flags=flags) as exporter:
        app = gunicorn.name
        wait_until(lambda: exporter.value("gunicorn_workers", app=app, state="idle") == 2, "its workers are seen")
        with ExitStack() as stack:
            connect_many(stack, port, 2 * FEW)
            connect_many(stack, exporter.port, 2 * FEW)
            wait_until(
                lambda: exporter.value("gunicorn_exporter_statsd_tcp_refused_connections_total") >= FEW,
                "connections are refused",
            )
            assert exporter.get("/-/healthy").status == 200
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_exporter_collector_success", collector="process") == 1
            assert scrape.value("process_open_fds") < FEW
            assert [scrape.value(name, app=app) for name in COUNTERS] == [0, 0]
            send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{app}")
            wait_until(lambda: exporter.value("gunicorn_requests_total", app=app) == 1, "StatsD is received")
        wait_until(lambda: exporter.value("process_open_fds") < FEW / 2, "the connections are gone")
        wait_until(lambda: "event=tcp_connections_refused" in exporter.log(), "it is said")
        assert exporter.log().count("event=tcp_connections_refused") == 1


@pytest.mark.skipif(SANITISED, reason="UBSan needs a descriptor to see whether a pointer may be followed, or takes it for a bad one")
def test_no_descriptor_at_all_is_said_once_and_survived():
    port = free_port()
    with Gunicorn(workers=2) as gunicorn, Exporter(flags=[f"--statsd.listen-tcp=127.0.0.1:{port}"]) as exporter:
        app = gunicorn.name
        wait_until(lambda: exporter.value("gunicorn_workers", app=app, state="idle") == 2, "its workers are seen")
        before = exporter.scrape()
        limits = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        used, begin = cpu_seconds(exporter.pid), time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(socket.create_connection(("127.0.0.1", exporter.port)))
            sender = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            wait_until(lambda: "event=http_cannot_accept" in exporter.log(), "it is said")
            wait_until(lambda: "event=tcp_cannot_accept" in exporter.log(), "it is said of StatsD")
            # Two samples of the process table and more are made without a descriptor.
            wait_until(lambda: "event=process_table_unreadable" in exporter.log(), "the table cannot be read")
            used, elapsed = cpu_seconds(exporter.pid) - used, time.monotonic() - begin
            assert used < elapsed * 0.2, f"it spins: {used} s of CPU in {elapsed} s"
            resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, limits)
            # The connection that has waited is served.
            sender.sendall(f"gunicorn.requests:1|c|#app:{app}\n".encode())
            wait_until(lambda: exporter.value("gunicorn_requests_total", app=app) == 1, "its line is counted")
        wait_until(
            lambda: exporter.value("gunicorn_exporter_collector_success", collector="process") == 1, "it recovers"
        )
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_workers", app=app, state="idle") == 2
        assert [scrape.value(name, app=app) for name in COUNTERS] == [0, 0]
        cpu = "gunicorn_cpu_seconds_total"
        assert before.total(cpu, app=app) <= scrape.total(cpu, app=app) < before.total(cpu, app=app) + 5
        assert exporter.log().count("event=http_cannot_accept") == 1
        assert exporter.log().count("event=tcp_cannot_accept") == 1
        assert exporter.log().count("event=process_table_unreadable") == 1


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one():
    with LimitedExporter("--nofile=256:4096") as exporter:
        assert exporter.value("process_max_fds") == 4096


def virtual_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


class CrampedExporter(LimitedExporter):
    """Is started when it answers: with 503 where there is no memory for a thread that would answer more."""

    expected_exit = None

    def is_ready(self):
        return self.get("/-/healthy", timeout=5).status in (200, 503)


without_a_sanitiser = pytest.mark.skipif(SANITISED, reason="a sanitiser's shadow takes more address space than such a limit")


@without_a_sanitiser
@pytest.mark.parametrize("mebibytes", [56, 64, 72, 80, 96])
def test_a_start_with_too_little_memory_ends_or_answers(mebibytes):
    try:
        with CrampedExporter(f"--as={mebibytes << 20}"):
            pass
    except AssertionError as error:
        assert "ended at once" in str(error)


@without_a_sanitiser
def test_out_of_memory_it_lives_or_is_seen_to_die():
    with Exporter(config="statsd: {max_series: 100000000}\n", flags=["--statsd.listen-unixgram=s.sock"]) as exporter:
        exporter.expected_exit = None
        limit = virtual_bytes(exporter.pid) + (8 << 20)
        resource.prlimit(exporter.pid, resource.RLIMIT_AS, (limit, limit))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(str(exporter.directory / "s.sock"))
            client.settimeout(60)
            sent = 0
            try:
                while sent < 50_000:
                    client.send(f"gunicorn.requests:1|c|#app:app{sent}".encode())
                    sent += 1
            except OSError:
                pass  # It died; or hangs, which the next lines find out.

        def has_ended_or_answers():
            return exporter.process.poll() is not None or exporter.get("/-/healthy", timeout=5).status == 200

        wait_until(has_ended_or_answers, "it has ended, or answers")
        assert exporter.process.poll() is None or "bad_alloc" in exporter.log()
        assert exporter.process.poll() is not None or sent == 50_000


class SmallDiskExporter(Exporter):
    """Has a disk of 64 KiB at disk/, which nobody else sees but through /proc/PID/root. Its log goes there too."""

    def prepare(self):
        super().prepare()
        (self.directory / "disk").mkdir(exist_ok=True)
        shell = 'mount -t tmpfs -o size=64k small "$0/disk" && exec "$@" 2>>"$0/disk/log"'
        self.command = ["unshare", "--mount", "sh", "-c", shell, self.directory, *self.command]

    @property
    def disk(self):
        return Path(f"/proc/{self.pid}/root{self.directory}/disk")

    def fill_disk(self):
        try:
            with (self.disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(512))
        except OSError:
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_disk_costs_positions_and_log_lines_and_nothing_else(tmp_path):
    app = unique_name("shop")
    access = tmp_path / "access.log"
    access.touch()
    line = '127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"\n'
    config = f"logs:\n  - {{type: file, path: {access}, service: {app}, source: gunicorn}}\n"
    with SmallDiskExporter(config=config, flags=["--logs.position-file=disk/positions"]) as exporter:

        def add_lines(count, total):
            with access.open("a", encoding="utf-8") as log:
                log.write(line * count)
            wait_until(lambda: exporter.value("gunicorn_requests_total", app=app) == total, f"{total} are counted")

        add_lines(10, 10)
        wait_until(lambda: (exporter.disk / "positions").exists(), "its places are kept")
        exporter.fill_disk()
        add_lines(10, 20)
        exporter.send_signal(signal.SIGHUP)  # A log line that has no room.
        assert exporter.get("/-/healthy").status == 200
        assert exporter.scrape().value("gunicorn_exporter_collector_success", collector="logs") == 1
        # The places that were kept are whole, not cut.
        assert (exporter.disk / "positions").read_text().endswith("\n")
        (exporter.disk / "filler").unlink()
        add_lines(10, 30)
        offset = f'"offset":{30 * len(line)}'
        wait_until(lambda: offset in (exporter.disk / "positions").read_text(), "its places are kept again")
