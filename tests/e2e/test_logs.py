"""The log collector on the logs of a real gunicorn, beside StatsD, and on files as they should not be."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support import Exporter, UnprivilegedExporter, free_port, make_requests, send_udp, unique_name, wait_until
from support.logs import LoggingGunicorn, Logrotate, lines_written, logs_of, requests_all_the_time, requests_counted

LINE = '127.0.0.1 - - [22/Nov/2026:05:33:19 +0000] "GET / HTTP/1.1" 200 2 "-" "-"\n'
DEFAULT_FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'


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


@pytest.mark.parametrize(
    "atom,unit", [("D", "microseconds"), ("D", None), ("M", "milliseconds"), ("T", "seconds"), ("L", None)]
)
def test_the_duration_behind_the_default_format_has_the_unit_that_was_told(tmp_path, atom, unit):
    with LoggingGunicorn(tmp_path, access_format=f"{DEFAULT_FORMAT} %({atom})s") as gunicorn:
        config = logs_of(gunicorn)
        if unit is not None:
            config = config.replace("access.log\n", f"access.log\n    duration_unit: {unit}\n", 1)
        with Exporter(config) as exporter:
            gunicorn.get("/sleep?seconds=1.1")
            wait_until(lambda: requests_counted(exporter, gunicorn.name) == 1, "the line is counted")
            seconds = exporter.value("gunicorn_request_duration_seconds_sum", app=gunicorn.name)
            assert 1 <= seconds < 60
            # What is taken for granted is said. At its end the log is whole.
            assert exporter.stop() == 0
            assert ("event=log_duration_unit_assumed" in exporter.log()) == (atom == "D" and unit is None)


def test_a_forwarded_address_and_json_are_read(tmp_path):
    formats = {
        "forwarded": '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(L)s',
        "json": '{"remote": "%(h)s", "request": "%(r)s", "status": "%(s)s", "duration_ms": %(M)s}',
    }
    for name, access_format in formats.items():
        folder = tmp_path / name
        folder.mkdir()
        with LoggingGunicorn(folder, access_format=access_format) as gunicorn, Exporter(logs_of(gunicorn)) as exporter:
            gunicorn.get("/sleep?seconds=0.2", headers={"X-Forwarded-For": "192.0.2.7, 10.0.0.1"})
            wait_until(lambda: requests_counted(exporter, gunicorn.name) == 1, f"the line is counted: {name}")
            assert 0.2 <= exporter.value("gunicorn_request_duration_seconds_sum", app=gunicorn.name) < 60


def test_timeouts_and_kills_are_events(tmp_path):
    with LoggingGunicorn(tmp_path, workers=2, args=["--timeout", "10"]) as gunicorn:
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
            wait_until(lambda: event("boot") == 2, "a worker boots in place of the one that timed out")
            exits = event("exit")
            gunicorn.remove_worker()
            wait_until(lambda: event("exit") == exits + 1, "the worker that was let go exits")


def test_a_traceback_is_one_message(tmp_path):
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn)) as exporter:
        gunicorn.get("/exception")
        wait_until(
            lambda: exporter.value("gunicorn_log_lines_total", app=gunicorn.name, level="error") == 1,
            "the exception is counted",
        )
        assert exporter.scrape().total("gunicorn_exporter_logs_unmatched_lines_total") == 0
        assert exporter.value("gunicorn_exporter_logs_lines_total") > 3


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


def test_a_start_under_load_counts_no_request_twice(tmp_path):
    """gunicorn writes each request to its log and to StatsD; its log's default format has no durations."""
    port = free_port()
    with LoggingGunicorn(tmp_path, statsd=port) as gunicorn:
        exporter = Exporter(logs_of(gunicorn))
        exporter.statsd_port = port
        with requests_all_the_time(gunicorn) as made, exporter:
            for number in range(3):
                lots = len(made)
                wait_until(lambda wanted=lots + 3: len(made) >= wanted, "requests are made")
                if number < 2:
                    exporter.stop()
                    exporter.start()
            scrape = exporter.scrape()
        requests = scrape.value("gunicorn_requests_total", app=gunicorn.name)
        durations = scrape.value("gunicorn_request_duration_seconds_count", app=gunicorn.name)
        # Of the last request, not all three lines may have come.
        assert requests > 0
        assert abs(requests - durations) <= gunicorn.workers


def test_a_reload_takes_up_a_log(tmp_path):
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter("") as exporter:
        gunicorn.get("/")
        wait_until(lambda: lines_written(gunicorn) == 1, "its line is written")
        exporter.write_config(logs_of(gunicorn))
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.scrape().total("gunicorn_exporter_logs_open_files") == 2, "both logs are followed")
        assert exporter.value("gunicorn_worker_events_total", app=gunicorn.name, event="boot") == 0
        gunicorn.get("/")
        wait_until(lambda: requests_counted(exporter, gunicorn.name) == 1, "its new line is counted")


@pytest.fixture(name="open_folder")
def fixture_open_folder():
    """A folder that any user can read, unlike tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="gunicorn-exporter-logs-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def log_config(path):
    return f"logs: [{{type: file, path: {path}, service: shop}}]\n"


def append(path, data):
    with path.open("ab") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def test_a_folder_that_appears_later_is_read(open_folder):
    log = open_folder / "not" / "yet" / "access.log"
    with Exporter(log_config(log)) as exporter:
        assert exporter.value("gunicorn_exporter_logs_open_files") == 0
        log.parent.mkdir(parents=True)
        append(log, LINE)
        wait_until(lambda: requests_counted(exporter, "shop") == 1, "the line is counted")
        shutil.rmtree(log.parent)
        log.parent.mkdir()
        append(log, LINE * 2)
        wait_until(lambda: requests_counted(exporter, "shop") == 3, "those of the next such folder, too")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")
def test_a_file_is_read_from_when_it_was_first_seen_once_it_may_be(open_folder):
    log = open_folder / "access.log"
    append(log, LINE)
    log.chmod(0o600)
    with UnprivilegedExporter(log_config(log)) as exporter:
        wait_until(
            lambda: exporter.value("gunicorn_exporter_logs_read_errors_total", reason="open") > 0, "it is refused"
        )
        append(log, LINE * 2)
        log.chmod(0o644)
        wait_until(lambda: requests_counted(exporter, "shop") == 2, "what came meanwhile is counted")
        # What is open stays readable, whatever becomes of its mode.
        log.chmod(0o600)
        append(log, LINE)
        wait_until(lambda: requests_counted(exporter, "shop") == 3, "the next line is counted")
        assert exporter.stop() == 0
        assert exporter.log().count("event=log_file_unreadable") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")
@pytest.mark.parametrize("pattern", ["access.log", "*.log"])
def test_a_folder_that_may_not_be_looked_into_is_told_and_its_log_is_read_from_its_end_later(open_folder, pattern):
    log = open_folder / "logs" / "access.log"
    log.parent.mkdir()
    append(log, LINE)
    log.chmod(0o644)
    log.parent.chmod(0o700)
    path = log.parent / pattern
    with UnprivilegedExporter(log_config(path)) as exporter:
        hint = f'of the log "{path}" no file is read'
        assert any(text.startswith(hint) for text in exporter.get("/api/v1/status").json()["hints"])
        wait_until(
            lambda: exporter.value("gunicorn_exporter_logs_read_errors_total", reason="open") > 1, "it is refused again"
        )
        assert exporter.log().count("event=log_file_unreadable") == 1
        log.parent.chmod(0o755)
        wait_until(lambda: exporter.value("gunicorn_exporter_logs_open_files", path=path) == 1, "it is opened")
        append(log, LINE * 2)
        wait_until(lambda: requests_counted(exporter, "shop") == 2, "its new lines are counted")


def test_bytes_that_are_no_log_are_survived(tmp_path):
    log = tmp_path / "access.log"
    append(log, LINE)
    with Exporter(log_config(log)) as exporter:
        append(log, os.urandom(1 << 20) + b"\n")
        append(log, LINE)
        append(log, "x" * 200_000 + "\n" + LINE)
        append(log, LINE.replace('"-"\n', f'"{"a" * 200_000}"\n'))
        wait_until(lambda: exporter.value("gunicorn_exporter_logs_long_lines_total") == 2, "the long lines are read")
        wait_until(lambda: requests_counted(exporter, "shop") == 3, "the lines between them are counted")
        assert exporter.value("gunicorn_exporter_logs_unmatched_lines_total", path=log, reason="binary") > 0


ACCESS = '127.0.0.1:42514 - "GET / HTTP/1.1" 200'
TIMEOUT = "[2024-05-13 06:08:22 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)"


def in_docker(text):
    return json.dumps({"log": text + "\n", "stream": "stderr", "time": "2024-05-13T06:08:22.86Z"})


WRITERS = {
    "plain": lambda text: text,
    "cri": lambda text: f"2024-05-13T06:08:22.86Z stderr F {text}",
    "cri_partial": lambda text: f"2024-05-13T06:08:22Z stderr P {text[:20]}\n2024-05-13T06:08:22Z stderr F {text[20:]}",
    "docker": in_docker,
    "journald": lambda text: f"May 13 06:08:22 host gunicorn[7]: {text}",
    "rsyslog": lambda text: f"2024-05-13T06:08:22.861234+00:00 host gunicorn[7]: {text}",
    "rfc5424": lambda text: f"<14>1 2024-05-13T06:08:22Z host gunicorn 7 - - {text}",
    "colours": lambda text: f"\x1b[32m{text}\x1b[0m",
    "docker_colours": lambda text: in_docker(f"\x1b[32m{text}\x1b[0m"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_lines_count_behind_whatever_wrote_them(tmp_path, writer):
    traceback = ["Traceback (most recent call last):", '  File "a.py", line 1, in <module>', "ValueError: x"]
    error = "[2024-05-13 06:08:22 +0000] [7] [ERROR] Exception in worker process"
    log = tmp_path / "all.log"
    with Exporter(log_config(log)) as exporter:
        for text in [ACCESS, error, *traceback, ACCESS, TIMEOUT]:
            append(log, WRITERS[writer](text) + "\n")

        wait_until(
            lambda: exporter.value("gunicorn_worker_events_total", app="shop", event="timeout") == 1,
            "the timeout is counted",
        )
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_requests_total", app="shop") == 2
        assert scrape.value("gunicorn_log_lines_total", app="shop", level="error") == 1
        assert scrape.total("gunicorn_exporter_logs_unmatched_lines_total") == 0


def test_only_a_statsd_line_about_a_request_hands_over(tmp_path):
    log = tmp_path / "access.log"
    with Exporter(log_config(log)) as exporter:
        send_udp(exporter.statsd_port, "gunicorn.workers:2|g|#app:shop")
        wait_until(lambda: exporter.value("gunicorn_arbiter_workers", app="shop") == 2, "StatsD is heard")
        append(log, ACCESS + "\n")
        wait_until(lambda: requests_counted(exporter, "shop") == 1, "the line is counted")
        send_udp(exporter.statsd_port, "gunicorn.request.status.200:1|c|#app:shop")
        wait_until(
            lambda: exporter.value("gunicorn_request_status_total", app="shop", code=200) == 2, "StatsD is counted"
        )
        append(log, ACCESS + "\n")
        wait_until(lambda: exporter.value("gunicorn_exporter_logs_refused_lines_total") == 1, "the line is refused")


def test_what_fits_nothing_is_counted_and_shown_once(tmp_path):
    log = tmp_path / "access.log"
    with Exporter(log_config(log), flags=["--log.level=debug"]) as exporter:
        append(log, "first\nsecond\n" + '{"status": 200, "duration": 12}\n')
        wait_until(lambda: requests_counted(exporter, "shop") == 1, "the request is counted")
        scrape = exporter.scrape()
        unmatched = "gunicorn_exporter_logs_unmatched_lines_total"
        assert scrape.value(unmatched, path=log, reason="no_format") == 2
        assert scrape.value(unmatched, path=log, reason="duration") == 1
        assert exporter.stop() == 0
        shown = [line for line in exporter.log().splitlines() if "event=log_line_unmatched" in line]
        assert len(shown) == 2
        assert "reason=no_format" in shown[0] and "line=first" in shown[0]


def test_an_error_log_of_a_format_of_its_own(tmp_path):
    log = tmp_path / "error.log"
    config = log_config(log).replace("}]", ", error_pattern: '%(levelname).1s %(process)d %(message)s'}]")
    with Exporter(config) as exporter:
        append(log, "C 7 WORKER TIMEOUT (pid:9)\n")
        wait_until(
            lambda: exporter.value("gunicorn_worker_events_total", app="shop", event="timeout") == 1,
            "the timeout is counted",
        )
        assert exporter.value("gunicorn_log_lines_total", app="shop", level="critical") == 1


def test_two_entries_read_one_file_once(tmp_path):
    log = tmp_path / "access.log"
    append(log, LINE)
    config = log_config(log) + f"  - {{type: file, path: {tmp_path}/*.log, service: other}}\n"
    with Exporter(config.replace("logs: [{", "logs:\n  - {").replace("shop}]", "shop}")) as exporter:
        append(log, LINE * 3)
        wait_until(lambda: requests_counted(exporter, "shop") == 3, "its lines are counted")
        append(log, LINE)
        wait_until(lambda: requests_counted(exporter, "shop") == 4, "and the next one")
        assert exporter.value("gunicorn_exporter_logs_lines_total") == 4
        assert exporter.stop() == 0
        assert exporter.log().count("event=log_file_of_two_entries") == 1


@pytest.mark.parametrize("number", ["device", "inode"])
def test_a_changed_device_number_is_no_new_file(tmp_path, number):
    log = tmp_path / "access.log"
    positions = tmp_path / "positions"
    append(log, LINE * 500)
    with Exporter(log_config(log), flags=[f"--logs.position-file={positions}"]) as exporter:
        append(log, LINE * 3)
        wait_until(lambda: requests_counted(exporter, "shop") == 3, "its lines are counted")
        assert exporter.stop() == 0
        kept = json.loads(positions.read_text())
        kept["files"][0]["device"] += 1
        kept["files"][0]["inode"] += 1 if number == "inode" else 0
        positions.write_text(json.dumps(kept))
        append(log, LINE * 4)
        exporter.start()
        append(log, LINE)
        wait_until(lambda: requests_counted(exporter, "shop") >= 5, "the new ones are counted")
        assert requests_counted(exporter, "shop") == 5


def test_a_log_that_came_while_the_exporter_was_down_is_counted(tmp_path):
    log = tmp_path / "access.log"
    with Exporter(log_config(log), flags=[f"--logs.position-file={tmp_path / 'positions'}"]) as exporter:
        assert exporter.stop() == 0
        append(log, LINE * 4)
        exporter.start()
        wait_until(lambda: requests_counted(exporter, "shop") == 4, "its lines are counted")


class PollingExporter(Exporter):
    """Where inotify does not work: in a user namespace that may have none."""

    def prepare(self):
        super().prepare()
        script = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'
        self.command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *self.command]


def may_make_user_namespaces():
    return subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.skipif(not may_make_user_namespaces(), reason="user namespaces are switched off here")
@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_polling_reads_what_inotify_does_not_tell(tmp_path, how):
    # Threads: a sync worker that is amid a line when USR1 comes loses that line itself.
    options = {"worker_class": "gthread", "threads": 2, "args": ["--keep-alive", "75"]}
    with LoggingGunicorn(tmp_path, **options) as gunicorn, PollingExporter(logs_of(gunicorn)) as exporter:
        wait_until(lambda: "event=log_watch_failed" in exporter.log(), "the exporter says that it polls")
        logrotate = Logrotate(gunicorn, how)
        for number in range(1, 4):
            before = 30 * (number - 1)
            make_requests(gunicorn, ["/"], 15, clients=2)
            wait_until(
                lambda wanted=before + 15: requests_counted(exporter, gunicorn.name) == wanted,
                f"{before + 15} requests are counted",
            )
            # Fewer after it: a cut file that is as long again, and alike, would not be seen.
            make_requests(gunicorn, ["/"], 10, clients=2)
            # A line comes after its answer: one between copy and cut would be lost by logrotate itself.
            wait_until(lambda wanted=before + 25: lines_written(gunicorn) == wanted, f"{before + 25} lines are written")
            logrotate.rotate()
            make_requests(gunicorn, ["/"], 5, clients=2)
            wait_until(
                lambda wanted=before + 30: requests_counted(exporter, gunicorn.name) == wanted,
                f"{before + 30} requests are counted",
            )
