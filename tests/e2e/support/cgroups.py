"""cgroups of a test's own: in the cgroup v2 hierarchy, or with limits in whichever knows them."""

import contextlib
from pathlib import Path

import pytest

from support.wait import unique_name, wait_until

ROOT = Path("/sys/fs/cgroup")
# Where the v2 hierarchy may be mounted.
HIERARCHIES = [ROOT, ROOT / "unified"]
LIMIT = 192 * 2**20
# A tenth of a core in short periods, which hold back whoever runs for a millisecond, on a busy machine too.
QUOTAS = {1: {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "1000"}, 2: {"cpu.max": "1000 10000"}}
LIMITS = {1: {"memory.limit_in_bytes": str(LIMIT)}, 2: {"memory.max": str(LIMIT)}}


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


def hierarchy(controller):
    """(version, folder), where the machine keeps that controller."""
    for folder in [ROOT / controller, *ROOT.glob(f"{controller},*"), *ROOT.glob(f"*,{controller}")]:
        if folder.is_dir():
            return 1, folder
    return 2, ROOT


def cgroups_with_limits():
    """For a fixture: yields what makes one."""
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
