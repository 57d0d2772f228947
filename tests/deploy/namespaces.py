"""Machines on one machine: network and process namespaces of the test's own, joined by virtual cables.

The test's thread leaves the machine's network first, so that nothing here can meet
what else runs on it. Needs root.
"""

import contextlib
import ctypes
import os
import signal
import subprocess

import psutil
from support.wait import wait_until

_CLONE_NEWNET = 0x40000000  # sched.h, unshare(2)
_libc = ctypes.CDLL(None, use_errno=True)


def may_make_namespaces():
    return os.geteuid() == 0


def _check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, timeout=60)


@contextlib.contextmanager
def network_of_its_own():
    """Puts this thread, and all that it starts, into a new network until the end of the `with`."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(_CLONE_NEWNET), "unshare")
        run("ip", "link", "set", "lo", "up")
        yield
    finally:
        _check(_libc.setns(before, _CLONE_NEWNET), "setns")
        os.close(before)


class Node:
    """A machine: its own network and process table. `address` is its own, `gateway` that of the test's network."""

    def __init__(self, number):
        self.address = f"10.99.{number}.2"
        self.gateway = f"10.99.{number}.1"
        self.cable = f"node{number}"
        self.process = None
        self.first_pid = None

    def __enter__(self):
        # The first process of the new table; the end of it ends all others there.
        command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sleep", "infinity"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        [child] = wait_until(lambda: psutil.Process(self.process.pid).children(), "the namespaces are made")
        self.first_pid = child.pid
        wait_until(lambda: child.name() == "sleep", "the namespaces are mounted")
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.first_pid)
        run("ip", "address", "add", f"{self.gateway}/24", "dev", self.cable)
        run("ip", "link", "set", self.cable, "up")
        for words in (["link", "set", "lo", "up"], ["address", "add", f"{self.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            run("nsenter", "--target", self.first_pid, "--net", "ip", *words)
        return self

    def __exit__(self, *_):
        first = psutil.Process(self.first_pid)
        self.process.kill()
        self.process.wait(60)
        # It is gone only after all others of its process table are.
        first.wait(60)

    def enter_command(self):
        """The words before a command that start it on this machine."""
        return ["nsenter", "--target", self.first_pid, "--net", "--pid", "--mount", "--"]


class OnNode:
    """Mixed into a ManagedProcess: it runs on `self.node`, and its signals pass nsenter."""

    node = None
    before = ()

    def prepare(self):
        super().prepare()
        self.command = [*self.before, *self.node.enter_command(), *self.command]

    def inner_pid(self):
        """The pid that the program has in the test's own process table."""
        children = psutil.Process(self.pid).children()
        if len(children) != 1:
            raise LookupError(f"{self.title} has the processes {children}")
        return children[0].pid

    def send_signal(self, number):
        os.kill(self.inner_pid(), number)

    def kill(self):
        # The program first, while nsenter still waits for it: a node's process table ends only when all in it were waited for.
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, LookupError):
            self.send_signal(signal.SIGKILL)
            self.process.wait(60)
        super().kill()
