"""The log collector while Debian's logrotate rotates a real gunicorn's log under load, and over its own restarts."""

import json
import signal

import pytest
from support import Exporter, wait_until
from support.logs import (
    LoggingGunicorn,
    Logrotate,
    lines_written,
    logs_of,
    requests_all_the_time,
    requests_counted,
)

ROTATIONS = 4
# Threads: a sync worker that is amid a line when USR1 comes loses that line itself.
THREADED = {"worker_class": "gthread", "threads": 2, "args": ["--keep-alive", "75"]}
PATHS = pytest.mark.parametrize("access", ["access.log", "access.log*"])


def requests_while_rotated(gunicorn, logrotate):
    """How many were made while the log was rotated each second."""
    with requests_all_the_time(gunicorn) as made, logrotate.every(1.0):
        wait_until(lambda: logrotate.rotations >= ROTATIONS, f"logrotate has run {ROTATIONS} times")
    return sum(made)


def nothing_is_unmatched(exporter):
    return exporter.scrape().total("gunicorn_exporter_logs_unmatched_lines_total") == 0


@PATHS
def test_renaming_loses_no_line_and_counts_none_twice(tmp_path, access):
    with LoggingGunicorn(tmp_path, **THREADED) as gunicorn, Exporter(logs_of(gunicorn, access)) as exporter:
        made = requests_while_rotated(gunicorn, Logrotate(gunicorn, "rename"))
        wait_until(lambda: requests_counted(exporter, gunicorn.name) >= made, f"all of {made} requests are counted")
        # What counted twice does so by now: this one is read after all else.
        gunicorn.get("/status/418")
        wait_until(
            lambda: exporter.scrape().get("gunicorn_request_status_total", app=gunicorn.name, code=418) == 1,
            "one more is counted",
        )
        assert requests_counted(exporter, gunicorn.name) == made + 1
        assert lines_written(gunicorn) == made + 1
        assert nothing_is_unmatched(exporter)


@PATHS
def test_copytruncate_loses_only_what_logrotate_loses(tmp_path, access):
    """All lines of the log and its copies count. What logrotate drops, between its copy and its cut, may."""
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn, access)) as exporter:
        logrotate = Logrotate(gunicorn, "copytruncate")
        made = requests_while_rotated(gunicorn, logrotate)
        written = lines_written(gunicorn)
        wait_until(lambda: requests_counted(exporter, gunicorn.name) >= written, f"{written} lines are counted")
        gunicorn.get("/status/418")
        wait_until(
            lambda: exporter.scrape().get("gunicorn_request_status_total", app=gunicorn.name, code=418) == 1,
            "one more is counted",
        )
        counted = requests_counted(exporter, gunicorn.name)
        print(f"made {made + 1}, in the files {written + 1}, counted {counted:.0f}")
        assert written + 1 <= counted <= made + 1
        assert exporter.value("gunicorn_exporter_logs_truncations_total") >= ROTATIONS
        assert nothing_is_unmatched(exporter)


def kept_lines(positions, log):
    """How many lines of the log stand before the place in the position file."""
    for entry in json.loads(positions.read_text())["files"]:
        if bytes.fromhex(entry["path"]).decode() == str(log):
            return log.read_bytes()[: entry["offset"]].count(b"\n")
    raise LookupError(f"{positions} has no place of {log}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_under_load_goes_on_at_the_kept_place(tmp_path, number):
    positions = tmp_path / "positions"
    flags = [f"--logs.position-file={positions}"]
    with LoggingGunicorn(tmp_path) as gunicorn, Exporter(logs_of(gunicorn), flags=flags) as exporter:
        made = 0
        start = 0  # The lines before those that the running process counts.
        for _ in range(2):
            with requests_all_the_time(gunicorn) as lots:
                wait_until(lambda: requests_counted(exporter, gunicorn.name) >= 500, "500 lines are counted")
                wait_until(lambda: kept_lines(positions, gunicorn.access_log) > start, "a place is kept")
                counted = requests_counted(exporter, gunicorn.name)
                if number == signal.SIGTERM:
                    assert exporter.stop() == 0
                else:
                    exporter.kill()
                kept = kept_lines(positions, gunicorn.access_log)
                if number == signal.SIGTERM:
                    assert kept >= start + counted
                exporter.start()
            made += sum(lots)
            start = kept
            rest = made - start
            wait_until(lambda: requests_counted(exporter, gunicorn.name) >= rest, f"the other {rest} are counted")
            assert requests_counted(exporter, gunicorn.name) == rest


@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_a_rotation_between_two_processes_loses_and_doubles_nothing(tmp_path, how):
    flags = [f"--logs.position-file={tmp_path / 'positions'}"]
    with LoggingGunicorn(tmp_path, **THREADED) as gunicorn:
        logrotate = Logrotate(gunicorn, how)
        counted = 0
        for number in range(3):
            with Exporter(logs_of(gunicorn), flags=flags) as exporter:
                for _ in range(5):
                    gunicorn.get("/")
                wanted = 5 if number == 0 else 12
                wait_until(
                    lambda found=exporter, all_of=wanted: requests_counted(found, gunicorn.name) >= all_of,
                    f"{wanted} lines are counted",
                )
                counted += requests_counted(exporter, gunicorn.name)
                exporter.stop()
            for _ in range(4):
                gunicorn.get("/")
            # A line comes after its answer: one between copy and cut would be lost by logrotate itself.
            all_lines = 12 * number + 9
            wait_until(lambda wanted=all_lines: lines_written(gunicorn) == wanted, f"{all_lines} lines are written")
            logrotate.rotate()
            wait_until(lambda: gunicorn.access_log.stat().st_size == 0, "the log is new")
            for _ in range(3):
                gunicorn.get("/")
        assert counted == 5 + 12 + 12
