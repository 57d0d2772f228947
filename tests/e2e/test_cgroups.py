"""What an app's cgroup holds it back by, and kills of it."""

import http.client
import os

import pytest
from support import CgroupGunicorn, Exporter, wait_until
from support.cgroups import LIMIT, LIMITS, QUOTAS


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
        # The kernel counts it before it has ended, and its master reaps it after that.
        wait_until(lambda: not os.path.exists(f"/proc/{worker}"), "it was that worker")

