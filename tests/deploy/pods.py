"""Cgroups with the names that Kubernetes gives them, and programs started in them."""

import os
import uuid
from pathlib import Path

from gunicorns import FileLoggingGunicorn

# The unified hierarchy: where it is alone, and where it stands beside those of cgroup v1.
ROOTS = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
V1_ROOTS = {name: Path("/sys/fs/cgroup") / name for name in ("cpu", "memory")}
MEMORY_LIMIT = 512 * 2**20
# Half a core in short periods, which hold back whoever works for 20 ms.
LIMITS = {
    "cpu": {1: {"cpu.cfs_period_us": "10000", "cpu.cfs_quota_us": "5000"}, 2: {"cpu.max": "5000 10000"}},
    "memory": {1: {"memory.limit_in_bytes": str(MEMORY_LIMIT)}, 2: {"memory.max": str(MEMORY_LIMIT)}},
}


def cgroup_root():
    return next(root for root in ROOTS if (root / "cgroup.procs").exists())


class Pod:
    """A cgroup of one container of a pod, as containerd with the systemd driver names it; removed at the end.

    A limited one has those of LIMITS, in the hierarchies where this machine keeps them.
    """

    def __init__(self, limited=False):
        self.uid = str(uuid.uuid4())
        self.container_id = uuid.uuid4().hex * 2
        self.limited = limited
        self.directories = []

    def make(self, root):
        slice_name = f"kubepods-burstable-pod{self.uid.replace('-', '_')}.slice"
        slices = root / "kubepods.slice" / "kubepods-burstable.slice" / slice_name
        directory = slices / f"cri-containerd-{self.container_id}.scope"
        directory.mkdir(parents=True, exist_ok=True)
        if directory not in self.directories:
            self.directories.append(directory)
        return directory

    def limit(self, controller):
        version = 1 if V1_ROOTS[controller].is_dir() else 2
        directory = self.make(V1_ROOTS[controller] if version == 1 else cgroup_root())
        if version == 2:
            for folder in reversed(list(directory.parents)[:4]):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")
        for name, value in LIMITS[controller][version].items():
            (directory / name).write_text(value)

    def __enter__(self):
        self.make(cgroup_root())
        for controller in LIMITS if self.limited else ():
            self.limit(controller)
        return self

    def __exit__(self, *_):
        # Its own folder is empty by now; the slices above it may hold other pods.
        for directory in self.directories:
            for folder in [directory, *list(directory.parents)[:3]]:
                try:
                    folder.rmdir()
                except OSError:
                    break

    def enter_command(self):
        """The words before a command that start it in this cgroup."""
        enter = " && ".join(f"echo $$ >{directory}/cgroup.procs" for directory in self.directories)
        return ["/bin/sh", "-c", f'{enter} && exec "$@"', "sh"]


class PodGunicorn(FileLoggingGunicorn):
    """A gunicorn in a pod's cgroup."""

    def __init__(self, pod, error_log, **options):
        super().__init__(error_log, **options)
        self.pod = pod

    def prepare(self):
        super().prepare()
        self.command = [*self.pod.enter_command(), *self.command]


def may_make_cgroups():
    return all(os.access(root, os.W_OK) for root in [cgroup_root(), *filter(Path.is_dir, V1_ROOTS.values())])
