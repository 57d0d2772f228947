"""What happens to a gunicorn in its life, and what the exporter may see of it."""

import os
import signal

from support import Exporter, Gunicorn, UnprivilegedExporter, wait_until


def wait_for(exporter, name, value, what, **labels):
    wait_until(lambda: exporter.value(name, **labels) == value, what)


def test_an_upgrade_keeps_its_app_through_both_masters():
    with Exporter() as exporter, Gunicorn(workers=2) as gunicorn:
        app = gunicorn.name
        wait_for(exporter, "gunicorn_workers", 2, "its workers are seen", app=app, state="idle")
        # Not 0 where the exporter has looked while the first ones started.
        spawned = exporter.value("gunicorn_workers_spawned_total", app=app)
        gunicorn.send_signal(signal.SIGUSR2)
        wait_for(exporter, "gunicorn_masters", 2, "the upgrade is seen", app=app)
        wait_for(exporter, "gunicorn_workers", 4, "both have workers", app=app, state="idle")
        new_master = next(
            int(pid)
            for pid in os.listdir("/proc")
            if pid.isdigit() and title(pid) == f"gunicorn: master [{app}.2]"
        )
        try:
            gunicorn.send_signal(signal.SIGTERM)
            gunicorn.wait()
            wait_for(exporter, "gunicorn_masters", 1, "the old master has gone", app=app)
            wait_until(lambda: title(new_master) == f"gunicorn: master [{app}]", "the new one is promoted")
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_is_running", app=app) == 1
            assert scrape.value("gunicorn_masters", app=app) == 1
            assert scrape.value("gunicorn_workers_exited_total", app=app) == 2
            assert scrape.value("gunicorn_workers_spawned_total", app=app) == spawned + 2
            assert f'app="{app}.2"' not in exporter.get("/metrics").text
        finally:
            os.kill(new_master, signal.SIGTERM)
            wait_until(lambda: title(new_master) == "", "the new master has gone")


def title(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().split("\0")[0]
    except OSError:
        return ""


def test_a_gunicorn_without_a_title_is_found_by_its_command_line():
    with Exporter() as exporter, Gunicorn(workers=2, setproctitle=False) as gunicorn:
        wait_for(exporter, "gunicorn_workers", 2, "its workers are seen", app=gunicorn.name, state="idle")
        info = exporter.scrape().value("gunicorn_app_info", app=gunicorn.name, title="cmdline")
        assert info == 1


def test_details_that_need_rights_are_there_for_root():
    with Exporter(config="process:\n  per_worker: true\n") as exporter, Gunicorn(workers=2) as gunicorn:
        app = gunicorn.name
        wait_for(exporter, "gunicorn_workers", 2, "its workers are seen", app=app, state="idle")
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_app_info", app=app, version="20.1.0", title="setproctitle") == 1
        assert 0 <= scrape.value("gunicorn_worker_heartbeat_age_seconds", app=app) < 60
        assert scrape.value("gunicorn_open_fds", app=app, role="worker") > 4
        resident = scrape.value("gunicorn_resident_memory_bytes", app=app, role="worker")
        assert 0 < scrape.value("gunicorn_proportional_memory_bytes", app=app, role="worker") < resident
        for pid in gunicorn.worker_pids():
            assert scrape.value("gunicorn_worker_resident_memory_bytes", app=app, pid=str(pid)) > 1e6


def test_without_rights_what_is_denied_is_counted_and_absent():
    with Gunicorn(workers=2) as gunicorn, UnprivilegedExporter() as exporter:
        app = gunicorn.name
        # Whether they have requests in hand is not known, and never idle.
        wait_for(exporter, "gunicorn_workers", 2, "its workers are seen", app=app, state="unknown")
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_is_running", app=app) == 1
        assert scrape.value("gunicorn_cpu_seconds_total", app=app, role="master", mode="user") >= 0
        assert scrape.value("gunicorn_resident_memory_bytes", app=app, role="worker") > 1e6
        for name in ["gunicorn_open_fds", "gunicorn_proportional_memory_bytes", "gunicorn_worker_heartbeat_age_seconds"]:
            assert not [line for line in exporter.get("/metrics").text.splitlines() if line.startswith(name + "{")]
        assert scrape.value("gunicorn_exporter_process_read_errors_total", file="fd", reason="permission") > 0
