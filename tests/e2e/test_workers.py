"""Masters and workers of a real gunicorn, as they come and go."""

import os
import signal
import threading

import psutil
import pytest
from support import Exporter, Gunicorn, unique_name, wait_until


def workers(scrape, app):
    """(how many workers, how many of them work)."""
    states = scrape.by("state", "gunicorn_workers", app=app)
    assert set(states) in (set(), {"idle", "working", "unknown"})
    return sum(states.values()), states.get("working")


def wait_for_workers(exporter, app, count):
    """The scrape that shows them."""

    def seen():
        scrape = exporter.scrape()
        return scrape if workers(scrape, app)[0] == count else None

    return wait_until(seen, f"{app} shows {count} workers")


def test_a_gunicorn_is_discovered_without_configuration():
    with Exporter() as exporter, Gunicorn(workers=3) as gunicorn:
        scrape = wait_for_workers(exporter, gunicorn.name, 3)
        assert scrape.value("gunicorn_is_running", app=gunicorn.name) == 1
        assert scrape.value("gunicorn_masters", app=gunicorn.name) == 1
        assert scrape.value("gunicorn_threads", app=gunicorn.name, role="worker") >= 3
        assert scrape.value("gunicorn_resident_memory_bytes", app=gunicorn.name, role="master") > 1e6
        assert scrape.value("gunicorn_cpu_seconds_total", app=gunicorn.name, role="worker", mode="user") >= 0
        assert scrape.value("gunicorn_master_start_time_seconds", app=gunicorn.name) > 1e9


def test_a_configured_gunicorn_that_is_absent_is_not_running():
    name = unique_name("absent")
    with Exporter(config=f"instances:\n  - proc_name: {name}\n") as exporter:
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_is_running", app=name) == 0
        assert scrape.value("gunicorn_masters", app=name) == 0
        assert scrape.by("state", "gunicorn_workers", app=name) == {"idle": 0, "working": 0, "unknown": 0}


def test_a_killed_worker_is_replaced_and_counted():
    with Exporter() as exporter, Gunicorn(workers=2) as gunicorn:
        before = wait_for_workers(exporter, gunicorn.name, 2)
        spawned = before.value("gunicorn_workers_spawned_total", app=gunicorn.name)
        exited = before.value("gunicorn_workers_exited_total", app=gunicorn.name)
        os.kill(gunicorn.worker_pids()[0], signal.SIGKILL)
        wait_until(
            lambda: exporter.value("gunicorn_workers_exited_total", app=gunicorn.name) == exited + 1,
            "the exit is counted",
        )
        scrape = wait_for_workers(exporter, gunicorn.name, 2)
        assert scrape.value("gunicorn_workers_spawned_total", app=gunicorn.name) == spawned + 1
        assert scrape.value("gunicorn_is_running", app=gunicorn.name) == 1


def test_cpu_seconds_do_not_fall_when_a_worker_is_killed():
    with Exporter() as exporter, Gunicorn(workers=1) as gunicorn:
        gunicorn.get("/spin?seconds=0.5")
        wait_until(
            lambda: exporter.scrape().total("gunicorn_cpu_seconds_total", app=gunicorn.name, role="worker") >= 0.4,
            "the worker's time is seen",
        )
        before = exporter.scrape().total("gunicorn_cpu_seconds_total", app=gunicorn.name, role="worker")
        old = gunicorn.worker_pids()
        os.kill(old[0], signal.SIGKILL)
        wait_until(lambda: gunicorn.worker_pids() and gunicorn.worker_pids() != old, "the worker is replaced")
        wait_until(
            lambda: exporter.value("gunicorn_workers_spawned_total", app=gunicorn.name) >= 1, "the exporter has seen it"
        )
        assert exporter.scrape().total("gunicorn_cpu_seconds_total", app=gunicorn.name, role="worker") >= before


def test_ttin_and_ttou_add_and_remove_a_worker():
    with Exporter() as exporter, Gunicorn(workers=2) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 2)
        gunicorn.add_worker()
        wait_for_workers(exporter, gunicorn.name, 3)
        gunicorn.remove_worker()
        scrape = wait_for_workers(exporter, gunicorn.name, 2)
        assert scrape.value("gunicorn_workers_exited_total", app=gunicorn.name) == 1


def test_a_killed_master_is_critical_and_a_new_one_is_not():
    # A worker looks for its master every half timeout, and holds the port until then.
    with Exporter() as exporter, Gunicorn(workers=2, args=["--timeout", "2"]) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 2)
        orphans = [psutil.Process(pid) for pid in gunicorn.worker_pids()]
        gunicorn.send_signal(signal.SIGKILL)
        gunicorn.wait()
        wait_until(lambda: exporter.value("gunicorn_is_running", app=gunicorn.name) == 0, "it is shown as not running")
        wait_for_workers(exporter, gunicorn.name, 0)
        assert exporter.value("gunicorn_masters", app=gunicorn.name) == 0
        assert exporter.get(f"/health/{gunicorn.name}").status == 503
        psutil.wait_procs(orphans, timeout=60)
        gunicorn.start()
        wait_until(lambda: exporter.value("gunicorn_is_running", app=gunicorn.name) == 1, "it is shown as running again")
        wait_for_workers(exporter, gunicorn.name, 2)


def test_a_vanished_discovered_gunicorn_is_forgotten_after_its_time():
    config = "discovery:\n  forget_after: 1s\n"
    with Exporter(config=config) as exporter, Gunicorn(workers=1) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 1)
        gunicorn.stop()
        wait_until(
            lambda: exporter.scrape().get("gunicorn_is_running", app=gunicorn.name) is None, "the app is forgotten"
        )


@pytest.mark.parametrize("path", ["/spin?seconds=60", "/sleep?seconds=60"], ids=["spin", "sleep"])
def test_a_worker_with_a_request_in_hand_is_working(path):
    with Exporter() as exporter, Gunicorn(workers=3, args=["--timeout", "120"]) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 3)
        connection = gunicorn.connect()
        connection.request("GET", path)
        wait_until(lambda: workers(exporter.scrape(), gunicorn.name) == (3, 1), "one of three workers is working")
        connection.close()
        gunicorn.replace_workers(signal.SIGKILL)  # The one that spins would go on for a minute.
        wait_until(lambda: workers(exporter.scrape(), gunicorn.name) == (3, 0), "all three are idle again")


def test_an_upgrade_has_two_masters_of_one_app():
    with Exporter() as exporter, Gunicorn(workers=2) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 2)
        gunicorn.send_signal(signal.SIGUSR2)
        wait_until(lambda: exporter.value("gunicorn_masters", app=gunicorn.name) == 2, "both masters are seen")
        wait_for_workers(exporter, gunicorn.name, 4)
        assert not exporter.scrape().series("gunicorn_masters", app=gunicorn.name + ".2")


def test_a_gunicorn_without_setproctitle_is_found_by_its_command_line():
    with Exporter() as exporter, Gunicorn(workers=2, setproctitle=False) as gunicorn:
        scrape = wait_for_workers(exporter, gunicorn.name, 2)
        assert scrape.value("gunicorn_is_running", app=gunicorn.name) == 1
        assert scrape.value("gunicorn_app_info", app=gunicorn.name, title="cmdline") == 1


def test_scrapes_from_many_clients_at_once_agree():
    with Exporter() as exporter, Gunicorn(workers=2) as gunicorn:
        wait_for_workers(exporter, gunicorn.name, 2)
        answers = []
        clients = [
            threading.Thread(target=lambda: answers.append(workers(exporter.scrape(), gunicorn.name)[0]))
            for _ in range(16)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert answers == [2] * 16
