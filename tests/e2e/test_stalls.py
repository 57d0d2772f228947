"""Whoever sends to the unix socket waits for no scrape and no reload.

A send waits while the socket's queue is full. What of that is the machine's, since it had no processor for the sender,
for the receiving thread or for the one that reloads, the kernel tells (schedstat) and is not counted. Other work on the
machine makes a wait long now and then; one that scrapes or reloads cause comes with each of them, and lasts as long.
"""

import concurrent.futures
import fcntl
import heapq
import itertools
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import Exporter, ManagedProcess, free_port, unique_name, wait_until

APPS = [f"{unique_name('app')}_{number}" for number in range(1000)]
LOOK_ALIKES = [f"{unique_name('alike')}_{number}" for number in range(200)]
SCRAPES = 30
RELOADS = 10


def config(env):
    instances = "".join(f"  - {{proc_name: {name}, tags: ['env:{env}']}}\n" for name in APPS)
    return f"instances:\n{instances}statsd:\n  max_series: 100000\n"


class UnreadExporter(Exporter):
    """Nobody reads its stderr, and the pipe is full."""

    def prepare(self):
        super().prepare()
        path = self.directory / "stderr"
        os.mkfifo(path)
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, 4096)
        self.command = ["/bin/bash", "-c", 'exec "$@" 2>stderr', "bash", *self.command]

    def start(self):
        super().start()
        self.fill()

    def fill(self):
        while not self.is_full():
            pass

    def is_full(self):
        """Writes one byte where there is room for it."""
        try:
            os.write(self.pipe, b"\n")
        except BlockingIOError:
            return True
        return False

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            os.close(self.pipe)


@dataclass
class Sent:
    datagrams: int
    longest_waits: list  # As many as there are reloads, in seconds, without the machine's share; the longest first.


class RunDelay:
    """How long this process and these threads of another have been ready to run and had no processor, in seconds."""

    def __init__(self, threads):
        self.files = [open(folder / "schedstat", "rb", buffering=0) for folder in (Path("/proc/self"), *threads)]

    def seconds(self):
        return sum(int(os.pread(file.fileno(), 100, 0).split()[1]) for file in self.files) / 1e9


def threads_that_count(exporter):
    """The receiving one, and the main one, which reloads: the receiving one waits while it swaps the configuration."""
    tasks = Path(f"/proc/{exporter.pid}/task")

    def receiving():
        # It starts after the exporter is ready; others end meanwhile.
        return [task for task in tasks.iterdir() if (task / "comm").read_text() == "statsd\n"]

    [thread] = wait_until(receiving, "the receiving thread is there")
    return thread, tasks / str(exporter.pid)


def requests_of(apps):
    """gunicorn's three datagrams for each request, the apps in turn; None: without a tag."""
    for name in itertools.cycle(apps):
        tag = f"|#app:{name}".encode() if name else b""
        yield b"gunicorn.request.duration:12.5|ms" + tag
        yield b"gunicorn.requests:1|c|@1.0" + tag
        yield b"gunicorn.request.status.200:1|c|@1.0" + tag


def send_requests(apps, path, threads, stop, result):
    delay = RunDelay(threads)
    datagrams, waits = 0, []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(path)
        for datagram in requests_of(apps):
            datagrams += 1
            try:
                sender.send(datagram, socket.MSG_DONTWAIT)
                continue
            except BlockingIOError:
                pass
            delay_before, begin = delay.seconds(), time.monotonic()
            sender.send(datagram)
            waits.append(time.monotonic() - begin - (delay.seconds() - delay_before))
            if stop.is_set():
                break
    result.send(Sent(datagrams, heapq.nlargest(RELOADS, waits)))


@contextmanager
def sender_of_requests(exporter, apps=APPS):
    """Sends in a process of its own until its end; yields a function that ends it and tells how it went."""
    fork = multiprocessing.get_context("fork")
    stop = fork.Event()
    ours, theirs = fork.Pipe()
    arguments = (apps, str(exporter.directory / "statsd.sock"), threads_that_count(exporter), stop, theirs)
    process = fork.Process(target=send_requests, args=arguments)
    process.start()

    def finish():
        stop.set()
        assert ours.poll(60), "the sender told nothing"
        return ours.recv()

    try:
        yield finish
    finally:
        process.kill()
        process.join()


def scrape_and_reload(exporter, reloads=RELOADS):
    """Two scrapers, back to back; now and then the labels of all apps change. Returns how long each answer took."""
    answers = []

    def scrape():
        while len(answers) < SCRAPES:
            begin = time.monotonic()
            assert exporter.get("/metrics").status == 200
            answers.append(time.monotonic() - begin)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        scrapers = [pool.submit(scrape) for _ in range(2)]
        for number, env in zip(range(reloads), itertools.cycle(["dev", "prod"])):
            wait_until(lambda least=number * SCRAPES // RELOADS: len(answers) >= least, "scrapes are answered")
            exporter.write_config(config(env))
            exporter.send_signal(signal.SIGHUP)
        for scraper in scrapers:
            scraper.result()
    return answers


def assert_waits_for_no_answer(sent, answers):
    assert len(sent.longest_waits) == RELOADS, "the queue was hardly ever full: this shows nothing"
    assert sent.longest_waits[-1] < statistics.median(answers) / 10, (sent, sorted(answers))


def assert_nobody_waits(exporter):
    with sender_of_requests(exporter) as finish:
        answers = scrape_and_reload(exporter)
        sent = finish()
    assert_waits_for_no_answer(sent, answers)
    # And each of them is counted: a line is, once its event is in the store.
    wait_until(
        lambda: exporter.value("gunicorn_exporter_statsd_lines_total", transport="unixgram") == sent.datagrams,
        f"{sent.datagrams} lines are counted",
    )
    scrape = exporter.scrape()
    assert scrape.total("gunicorn_exporter_statsd_refused_series_total") == 0
    counted = sum(scrape.total(name) for name in (
        "gunicorn_request_duration_seconds_count", "gunicorn_requests_total", "gunicorn_request_status_total"))
    assert counted == sent.datagrams


def test_scrapes_and_reloads_delay_no_sender():
    with Exporter(config=config("prod"), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        assert_nobody_waits(exporter)


def test_a_log_that_nobody_reads_and_a_relay_that_nobody_hears_delay_no_sender():
    flags = ["--statsd.listen-unixgram=statsd.sock", f"--statsd.relay-address=127.0.0.1:{free_port()}"]
    with UnreadExporter(config=config("prod"), flags=[*flags, "--log.level=debug"]) as exporter:
        assert_nobody_waits(exporter)
        assert exporter.value("gunicorn_exporter_statsd_relay_packets_total") > 0
        # Nor does the log keep the program from its end.
        assert exporter.is_full()
        assert exporter.stop() == 0


class ManyGunicorns(ManagedProcess):
    """Processes that look like masters with a worker each, and only sleep."""

    def prepare(self):
        # comm is the name of the program's file, cut; the title is its first argument.
        for role in ("master", "worker"):
            shutil.copy("/bin/sleep", self.directory / f"gunicorn: {role}"[:15])
        names = " ".join(LOOK_ALIKES)
        self.command = ["/bin/bash", "-c", f"""
            for name in {names}; do
                (
                    (exec -a "gunicorn: worker [$name]" "./gunicorn: worke" infinity) &
                    exec -a "gunicorn: master [$name]" "./gunicorn: maste" infinity
                ) &
            done
            wait
        """]


def test_a_sender_who_must_be_looked_up_waits_for_no_view_of_many_gunicorns():
    with ManyGunicorns("look-alikes"), Exporter(flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        wait_until(
            lambda: len(set(LOOK_ALIKES) & set(exporter.scrape().by("app", "gunicorn_masters"))) == len(LOOK_ALIKES),
            "all of them are known",
        )
        with sender_of_requests(exporter, [None]) as finish:
            answers = scrape_and_reload(exporter, reloads=0)
            sent = finish()
        assert_waits_for_no_answer(sent, answers)
