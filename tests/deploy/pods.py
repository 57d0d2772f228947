"""Cgroups with the names that Kubernetes gives them, and programs started in them."""

import os
import uuid
from pathlib import Path

from gunicorns import FileLoggingGunicorn

# The unified hierarchy: where it is alone, and where it stands beside those of cgroup v1.
ROOTS = [Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]


def cgroup_root():
    return next(root for root in ROOTS if (root / "cgroup.procs").exists())


class Pod:
    """A cgroup of one container of a pod, as containerd with the systemd driver names it; removed at the end."""

    def __init__(self):
        self.uid = str(uuid.uuid4())
        self.container_id = uuid.uuid4().hex * 2

    def __enter__(self):
        slice_name = f"kubepods-burstable-pod{self.uid.replace('-', '_')}.slice"
        slices = cgroup_root() / "kubepods.slice" / "kubepods-burstable.slice" / slice_name
        self.directory = slices / f"cri-containerd-{self.container_id}.scope"
        self.directory.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        # Its own folder is empty by now; the slices above it may hold other pods.
        for folder in [self.directory, *list(self.directory.parents)[:3]]:
            try:
                folder.rmdir()
            except OSError:
                break

    def enter_command(self):
        """The words before a command that start it in this cgroup."""
        return ["/bin/sh", "-c", f'echo $$ >{self.directory}/cgroup.procs && exec "$@"', "sh"]


class PodGunicorn(FileLoggingGunicorn):
    """A gunicorn in a pod's cgroup."""

    def __init__(self, pod, error_log, **options):
        super().__init__(error_log, **options)
        self.pod = pod

    def prepare(self):
        super().prepare()
        self.command = [*self.pod.enter_command(), *self.command]


def may_make_cgroups():
    return os.access(cgroup_root(), os.W_OK)
