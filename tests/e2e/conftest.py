"""Shows the programs' logs where a test failed, and fails a test that leaves a process behind."""

import signal
from pathlib import Path

import pytest
from support import process
from support.cgroups import cgroup_v2, cgroups_with_limits

LOG_CHARACTERS = 8000


def pytest_configure():
    process.adopt_orphans()
    # Started in the background of a shell, this process ignores them, and so would every program of the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def leaves_no_process_behind():
    process.started.clear()
    yield
    leftovers = process.kill_leftovers()
    assert not leftovers, f"the test left processes behind: {leftovers}"


@pytest.fixture
def cgroup():
    """The folder of a cgroup v2 of the test's own."""
    with cgroup_v2() as folder:
        yield folder


@pytest.fixture
def make_cgroup():
    """Makes a cgroup with settings, {controller: {version: {file: text}}}: a folder in each hierarchy that it takes."""
    yield from cgroups_with_limits()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for title, log in process.started:
            text = log.read_text(errors="replace") if isinstance(log, Path) and log.exists() else str(log)
            report.sections.append((f"log of {title}", text[-LOG_CHARACTERS:]))
