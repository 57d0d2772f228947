"""Ports that nobody uses: below the range the kernel gives to clients, each once, since tests run side by side.

Between the choice of a port and the program that binds it nobody else may choose it: each process of tests has a block
of ports to itself, by a lock that ends with it.
"""

import fcntl
import itertools
import os
import random
import socket
import tempfile
from pathlib import Path

_FIRST, _LAST, _BLOCK = 10000, 32000, 1000
# The program's own defaults: a test that uses them would disturb a real exporter of this machine.
_NEVER = {8125, 18125}
_ports = None


def free_port():
    """A port that is free for TCP and for UDP on 127.0.0.1."""
    global _ports  # pylint: disable=global-statement; a process has one block.
    if _ports is None:
        _ports = itertools.cycle(_own_block())
    for port in itertools.islice(_ports, _BLOCK):
        if port not in _NEVER and _can_bind(socket.SOCK_STREAM, port) and _can_bind(socket.SOCK_DGRAM, port):
            return port
    raise AssertionError("no free port was found")


def _own_block():
    blocks = [range(first, first + _BLOCK) for first in range(_FIRST, _LAST, _BLOCK)]
    random.shuffle(blocks)
    for block in blocks:
        try:
            lock = os.open(Path(tempfile.gettempdir()) / f"gunicorn-exporter-ports-{block.start}", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            continue  # Another user's.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return block  # The lock stays open until this process ends.
        except OSError:
            os.close(lock)
    return blocks[0]


def _can_bind(kind, port):
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
