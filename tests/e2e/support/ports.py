"""Ports that nobody uses: below the range the kernel gives to clients, at random, since tests run side by side."""

import random
import socket

_FIRST, _LAST = 10000, 32000
# The program's own defaults: a test that uses them would disturb a real exporter of this machine.
_NEVER = {8125, 18125}


def free_port():
    """A port that is free for TCP and for UDP on 127.0.0.1."""
    for _ in range(1000):
        port = random.randrange(_FIRST, _LAST)
        if port not in _NEVER and _can_bind(socket.SOCK_STREAM, port) and _can_bind(socket.SOCK_DGRAM, port):
            return port
    raise AssertionError("no free port was found")


def _can_bind(kind, port):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
