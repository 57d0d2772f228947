"""A Debian 12 of its own, booted: systemd is its first process, with users, network and cgroups apart from the machine's.

    with BootedDebian(root) as debian:
        debian.run("systemctl", "is-active", "cron.service")

It is made of namespaces and is no container: units have their sandbox. Each has a copy of `root` in memory. Needs root.
"""

import os
import signal
import subprocess
from pathlib import Path

import psutil
from support.process import ManagedProcess
from support.scrape import parse_scrape

PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

# What changes the machine's kernel, fetches something or waits for hardware.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "systemd-modules-load.service", "systemd-sysctl.service",
    "systemd-journald-audit.socket", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
    "sys-fs-fuse-connections.mount", "systemd-udevd.service", "systemd-udev-trigger.service",
)  # fmt: skip

# Of the new mount namespace: a cgroup of its own, so that the one below is the root that systemd sees.
OUTSIDE = """
mount --make-rprivate /
mkdir cgroups
mount -t cgroup2 cgroup2 cgroups
mkdir "cgroups/$2"
echo $$ >"cgroups/$2/cgroup.procs"
exec unshare --pid --fork --kill-child --uts --ipc --net --cgroup bash -euc "$3" inside "$1"
"""

INSIDE = """
mkdir memory
mount -t tmpfs tmpfs memory
mkdir memory/upper memory/work memory/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=memory/upper,workdir=memory/work" memory/root
cd memory/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm .before
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
hostname booted
ip link set lo up
pivot_root . .before
cd /
umount -l /.before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=1 \\
  /lib/systemd/systemd
"""

REMOVE_CGROUPS = """
mount -t cgroup2 cgroup2 cgroups
find "cgroups/$1" -depth -type d -exec rmdir {} +
"""


def make_root(folder, *packages):
    """Writes a Debian 12 with systemd and these packages into the folder."""
    wanted = ",".join(["systemd-sysv", "dbus", *packages])
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=apt", f"--include={wanted}", "bookworm", folder],
        check=True, stdin=subprocess.DEVNULL, timeout=1200,
    )  # fmt: skip
    for unit in MASKED:
        (folder / "etc/systemd/system" / unit).symlink_to("/dev/null")


class BootedDebian(ManagedProcess):
    def __init__(self, root):
        super().__init__("booted")
        self.root_folder = root
        self.cgroup = None

    def prepare(self):
        self.cgroup = f"gunicorn-exporter-booted-{os.getpid()}"
        words = ["bash", "-euc", OUTSIDE, "outside", self.root_folder, self.cgroup, INSIDE]
        self.command = ["unshare", "--mount", *words]

    @property
    def first_pid(self):
        """Of its systemd, in this process' table."""
        children = psutil.Process(self.pid).children()
        if len(children) != 1:
            raise LookupError(f"unshare has the children {children}")
        return children[0].pid

    def is_ready(self):
        state = self.run("systemctl", "is-system-running", expected=None).strip()
        return state in ("running", "degraded")

    def path(self, name):
        """Where a file of its is for this process, and a socket to connect to."""
        return Path(f"/proc/{self.first_pid}/root") / name.lstrip("/")

    def run(self, *words, expected=0):
        """The output of a command in it; `expected` None: any exit code is right."""
        command = ["nsenter", f"--target={self.first_pid}", "--all", "env", "-i", PATH, "DEBIAN_FRONTEND=noninteractive"]
        done = subprocess.run(
            [*command, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert expected in (None, done.returncode), f"{words} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def property_of(self, unit, name):
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}")

    def scrape(self, url="http://127.0.0.1:18125/metrics"):
        """By the machine's curl in its network."""
        done = subprocess.run(
            ["nsenter", f"--target={self.first_pid}", "--net", "curl", "--silent", "--fail", url],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise LookupError(f"curl ended with {done.returncode}")
        return parse_scrape(done.stdout)

    def stop(self, number=signal.SIGKILL):
        """Its first process ends with unshare, and takes all others with it."""
        first = psutil.Process(self.first_pid)
        code = super().stop(number)
        first.wait(60)
        words = ["unshare", "--mount", "bash", "-euc", REMOVE_CGROUPS, "remove", self.cgroup]
        subprocess.run(words, cwd=self.directory, check=True, stdin=subprocess.DEVNULL, timeout=60)
        return code
