"""as_service.py UNIT COMMAND...: runs COMMAND with the system calls and address families that the unit file allows.

Any other call kills it, whatever the unit says: one that only failed could pass unseen. systemd.exec(5).
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import seccomp


def settings(unit, key):
    """The values of all lines of this key, in their order."""
    lines = Path(unit).read_text().splitlines()
    return [line.partition("=")[2].strip() for line in lines if line.startswith(key + "=")]


def calls_of(word):
    """The calls that a name or a set (@system-service) stands for."""
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", word], check=True, text=True, stdout=subprocess.PIPE
    ).stdout.split("\n")[1:]
    words = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return set().union(*map(calls_of, words))


def allowed_calls(unit):
    allowed = set()
    for value in settings(unit, "SystemCallFilter"):
        calls = set().union(*map(calls_of, value.lstrip("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def main():
    unit, *command = sys.argv[1:]
    rules = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    for call in allowed_calls(unit) - {"socket"}:
        if seccomp.resolve_syscall(seccomp.Arch(), call) >= 0:  # Another machine's.
            rules.add_rule(seccomp.ALLOW, call)
    for family in settings(unit, "RestrictAddressFamilies")[0].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, getattr(socket, family)))
    rules.load()
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
