"""The log collector on the logs of a real gunicorn: rotated under load, cut, restarted over, and beside StatsD."""

import os
import re
import shutil
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from support import Exporter, Gunicorn, make_requests, send_udp, unique_name, wait_until

REQUESTS = 3000


class LoggingGunicorn(Gunicorn):
    """A gunicorn that writes both logs into `directory`."""

    def __init__(self, directory, access_format=None, args=(), **options):
        self.access_log = directory / "access.log"
        self.error_log = directory / "error.log"
        logs = ["--access-logfile", self.access_log, "--error-logfile", self.error_log]
        if access_format is not None:
            logs += ["--access-logformat", access_format]
        super().__init__(args=[*logs, *args], **options)

    def log(self):
        written = self.error_log.read_text(errors="replace") if self.error_log.exists() else ""
        return super().log() + written


def logs_of(gunicorn, access="access.log"):
    folder = gunicorn.access_log.parent
    return f"""
logs:
  - type: file
    path: {folder}/{access}
    service: {gunicorn.name}
    source: gunicorn
  - type: file
    path: {gunicorn.error_log}
    service: {gunicorn.name}
    source: gunicorn
    log_processing_rules:
      - type: multi_line
        name: log_start_with_date
        pattern: '\\[\\d{{4}}-\\d{{2}}-\\d{{2}}'
"""


def rotate_by_rename(gunicorn, number):
    """As logrotate does with `create` and a postrotate that sends USR1."""
    log = gunicorn.access_log
    log.rename(log.with_name(f"access.log.{number}"))
    log.touch()
    gunicorn.send_signal(signal.SIGUSR1)


def rotate_by_copytruncate(gunicorn, number):
    log = gunicorn.access_log
    shutil.copyfile(log, log.with_name(f"access.log.{number}"))
    os.truncate(log, 0)


@contextmanager
def rotating(rotate, gunicorn, every=0.5):
    """Rotates over and over; gives the list of the rotations' numbers."""
    numbers = []
    stop = threading.Event()

    def work():
        while not stop.wait(every):
            numbers.append(len(numbers) + 1)
            rotate(gunicorn, numbers[-1])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield numbers
    finally:
        stop.set()
        thread.join()


def requests_until_rotated(gunicorn, numbers, rotations):
    """Requests in lots until the log was rotated so often. How many were made."""
    made = 0
    while made < REQUESTS or len(numbers) < rotations:
        make_requests(gunicorn, ["/", "/status/404"], 500, clients=2)
        made += 500
    return made


def lines_written(gunicorn):
    """Of the access log and all that it was before. gunicorn loses a request's line itself where USR1 meets its write."""
    return sum(path.read_bytes().count(b"\n") for path in gunicorn.access_log.parent.glob("access.log*"))


def requests_counted(exporter, name):
    return exporter.scrape().get("gunicorn_requests_total", app=name) or 0


@pytest.mark.parametrize("access", ["access.log", "access.log*"])
def test_renaming_loses_no_line_and_counts_none_twice(tmp_path, access):
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn, access)) as exporter:
        with rotating(rotate_by_rename, gunicorn) as numbers:
            made = requests_until_rotated(gunicorn, numbers, 4)
        # What is lost or counts twice does so by now: a marker at the end is read after all else.
        gunicorn.get("/status/418")
        wait_until(
            lambda: exporter.scrape().get("gunicorn_request_status_total", app=gunicorn.name, code=418) == 1,
            "the last line is counted",
        )
        scrape = exporter.scrape()
        written = lines_written(gunicorn)
        assert scrape.value("gunicorn_requests_total", app=gunicorn.name) == written
        assert made + 1 - len(numbers) * gunicorn.workers <= written <= made + 1
        for reason in ("no_format", "bad_status", "unknown_level", "binary"):
            assert scrape.value("gunicorn_exporter_logs_unmatched_lines_total", reason=reason) == 0


@pytest.mark.parametrize("access", ["access.log", "access.log*"])
def test_copytruncate_loses_little_and_counts_none_twice(tmp_path, access):
    """Lost is what is written between the last look, 20 ms before at most, and the cut."""
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn, access)) as exporter:
        begin = time.monotonic()
        with rotating(rotate_by_copytruncate, gunicorn) as numbers:
            made = requests_until_rotated(gunicorn, numbers, 4)
        rate = made / (time.monotonic() - begin)
        gunicorn.get("/status/418")
        wait_until(
            lambda: exporter.scrape().get("gunicorn_request_status_total", app=gunicorn.name, code=418) == 1,
            "the last line is counted",
        )
        counted = exporter.value("gunicorn_requests_total", app=gunicorn.name)
        # A tenth of a second for each rotation: a busy machine may be late.
        assert made + 1 - rate * 0.1 * len(numbers) <= counted <= made + 1
        assert exporter.value("gunicorn_exporter_logs_truncations_total") >= 1


def test_the_duration_is_read_by_gunicorns_own_format(tmp_path):
    access_format = '%(h)s "%(r)s" %(s)s took %(M)s'
    with LoggingGunicorn(tmp_path, access_format=access_format) as gunicorn:
        config = logs_of(gunicorn).replace("access.log\n", f"access.log\n    pattern: '{access_format}'\n", 1)
        with Exporter(config) as exporter:
            gunicorn.get("/sleep?seconds=0.3")
            wait_until(lambda: requests_counted(exporter, gunicorn.name) == 1, "the line is counted")
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_request_duration_seconds_count", app=gunicorn.name) == 1
            assert 0.3 <= scrape.value("gunicorn_request_duration_seconds_sum", app=gunicorn.name) < 60


def test_timeouts_and_kills_are_events(tmp_path):
    with LoggingGunicorn(tmp_path, workers=2, args=["--timeout", "2"]) as gunicorn:
        with Exporter(logs_of(gunicorn)) as exporter:

            def event(name):
                return exporter.value("gunicorn_worker_events_total", app=gunicorn.name, event=name)

            # From the end of the file on: the first workers had booted before.
            assert [event(name) for name in ("boot", "exit", "timeout", "killed")] == [0, 0, 0, 0]
            os.kill(gunicorn.worker_pids()[0], signal.SIGKILL)
            wait_until(lambda: event("boot") == 1, "another worker boots")
            # gunicorn 20.1 of Debian says so; before some version it does not.
            expected = len(re.findall("terminated due to signal 9|was sent SIGKILL", gunicorn.error_log.read_text()))
            wait_until(lambda: event("killed") == expected, "the kill is counted as often as the log tells it")
            assert event("timeout") == 0
            try:
                gunicorn.get("/sleep?seconds=30")
            except OSError:
                pass  # The worker died before it could answer.
            except Exception as error:  # http.client's own: no answer.
                assert "Remote end closed" in str(error)
            wait_until(lambda: event("timeout") == 1, "the timeout is counted")
            assert exporter.value("gunicorn_log_lines_total", app=gunicorn.name, level="critical") == 1


def test_a_traceback_is_one_message(tmp_path):
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn)) as exporter:
        gunicorn.get("/exception")
        wait_until(
            lambda: exporter.value("gunicorn_log_lines_total", app=gunicorn.name, level="error") == 1,
            "the exception is counted",
        )
        assert exporter.value("gunicorn_exporter_logs_unmatched_lines_total", reason="no_format") == 0
        assert exporter.value("gunicorn_exporter_logs_lines_total") > 3


def test_a_restart_loses_and_doubles_nothing(tmp_path):
    positions = tmp_path / "positions"
    with LoggingGunicorn(tmp_path) as gunicorn:
        counted = 0
        for number in range(3):
            with Exporter(logs_of(gunicorn), flags=[f"--logs.position-file={positions}"]) as exporter:
                make_requests(gunicorn, ["/"], 50, clients=2)
                wait_until(
                    lambda found=exporter, wanted=50 if number == 0 else 90: requests_counted(found, gunicorn.name)
                    >= wanted,
                    "the lines are counted",
                )
                counted += requests_counted(exporter, gunicorn.name)
                exporter.stop()
            make_requests(gunicorn, ["/"], 20, clients=2)
            rotate_by_rename(gunicorn, number)
            wait_until(lambda: gunicorn.access_log.stat().st_size == 0, "the log is new")
            make_requests(gunicorn, ["/"], 20, clients=2)
        assert counted == 50 + 90 + 90


def test_access_lines_do_not_count_beside_statsd(tmp_path):
    name = unique_name("both")
    with LoggingGunicorn(tmp_path, name=name) as gunicorn, Exporter(logs_of(gunicorn)) as exporter:
        gunicorn.get("/")
        wait_until(lambda: requests_counted(exporter, name) == 1, "the line is counted")
        send_udp(exporter.statsd_port, f"gunicorn.requests:10|c|#app:{name}")
        wait_until(lambda: requests_counted(exporter, name) == 11, "StatsD is counted")
        gunicorn.get("/")
        wait_until(
            lambda: exporter.value("gunicorn_exporter_logs_refused_lines_total") == 1, "the line is refused"
        )
        assert requests_counted(exporter, name) == 11


def test_a_reload_takes_up_a_log(tmp_path):
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter("") as exporter:
        gunicorn.get("/")
        exporter.write_config(logs_of(gunicorn))
        exporter.send_signal(signal.SIGHUP)
        wait_until(
            lambda: exporter.scrape().get("gunicorn_worker_events_total", app=gunicorn.name, event="boot") == 0,
            "the log is followed",
        )
        gunicorn.get("/")
        wait_until(lambda: requests_counted(exporter, gunicorn.name) == 1, "its new line is counted")
