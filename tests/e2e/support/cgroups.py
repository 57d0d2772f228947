"""cgroups of a test's own, under the cgroup v2 hierarchy."""

import contextlib
from pathlib import Path

import pytest

from support.wait import unique_name, wait_until

HIERARCHIES = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]


@contextlib.contextmanager
def cgroup_v2(name=None):
    """Its folder, gone at the end. Skips the test where there can be none."""
    roots = [root for root in HIERARCHIES if (root / "cgroup.controllers").exists()]
    if not roots:
        pytest.skip("no cgroup v2 hierarchy is mounted")
    folder = roots[0] / (name or unique_name("gunicorn-exporter-test"))
    made = []
    try:
        for each in [*reversed(folder.relative_to(roots[0]).parents[:-1]), folder.relative_to(roots[0])]:
            if not (roots[0] / each).exists():
                (roots[0] / each).mkdir()
                made.append(roots[0] / each)
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        yield folder
    finally:
        for each in reversed(made):
            wait_until(lambda each=each: each.rmdir() is None, f"{each} is empty")
