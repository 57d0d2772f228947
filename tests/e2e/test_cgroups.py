"""What an app's cgroup holds it back by, and kills of it."""

import http.client
import os
from pathlib import Path

import pytest
from support import CgroupGunicorn, Exporter, unique_name, wait_until

ROOT = Path("/sys/fs/cgroup")
LIMIT = 192 * 2**20
# A tenth of a core in short periods, which hold back whoever runs for a millisecond, on a busy machine too.
QUOTAS = {1: {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "1000"}, 2: {"cpu.max": "1000 10000"}}
LIMITS = {1: {"memory.limit_in_bytes": str(LIMIT)}, 2: {"memory.max": str(LIMIT)}}


def hierarchy(controller):
    """(version, folder), where the machine keeps that controller."""
    for folder in [ROOT / controller, *ROOT.glob(f"{controller},*"), *ROOT.glob(f"*,{controller}")]:
        if folder.is_dir():
            return 1, folder
    return 2, ROOT


@pytest.fixture
def make_cgroup():
    """Makes a cgroup with settings, {controller: {version: {file: text}}}: a folder in each hierarchy that it takes."""
    made = {}

    def make(settings):
        for controller, of_versions in settings.items():
            version, root = hierarchy(controller)
            folder = made.get(root, root / unique_name("gunicorn-exporter-test"))
            try:
                folder.mkdir(exist_ok=True)
                made[root] = folder
                for name, text in of_versions[version].items():
                    (folder / name).write_text(text)
            except OSError as error:
                pytest.skip(f"no cgroup with {controller} can be made here: {error}")
        return list(made.values())

    yield make
    for folder in made.values():
        wait_until(lambda folder=folder: folder.rmdir() is None, "the cgroup is empty")


def value(exporter, gunicorn, name):
    return exporter.scrape().get(f"gunicorn_{name}", app=gunicorn.name)


def test_a_cpu_quota_shows_with_the_time_it_took(make_cgroup):
    with CgroupGunicorn(make_cgroup({"cpu": QUOTAS}), workers=1) as gunicorn, Exporter() as exporter:
        wait_until(lambda: value(exporter, gunicorn, "cpu_limit_cores") == 0.1, "the quota is told")
        before = value(exporter, gunicorn, "cpu_throttled_seconds_total")
        gunicorn.get("/spin?seconds=0.2")
        wait_until(
            lambda: value(exporter, gunicorn, "cpu_throttled_seconds_total") > before, "it has held the worker back"
        )


def test_a_worker_that_is_killed_for_want_of_memory_shows(make_cgroup):
    with CgroupGunicorn(make_cgroup({"memory": LIMITS}), workers=1) as gunicorn, Exporter() as exporter:
        wait_until(lambda: value(exporter, gunicorn, "oom_kills_total") == 0, "the count begins at 0")
        assert value(exporter, gunicorn, "memory_limit_bytes") == LIMIT
        worker = gunicorn.worker_pids()[0]
        with pytest.raises((http.client.HTTPException, OSError)):
            gunicorn.get("/grow?megabytes=1000")
        wait_until(lambda: value(exporter, gunicorn, "oom_kills_total") == 1, "the kill is told")
        assert not os.path.exists(f"/proc/{worker}")

