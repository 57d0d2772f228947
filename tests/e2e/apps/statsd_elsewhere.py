"""gunicorn's own StatsD client on the transports that Debian's gunicorn 20.1 cannot be told of.

    gunicorn --logger-class statsd_elsewhere.Statsd ...

STATSD_TARGET says where to: unix:///run/statsd.sock, as --statsd-host of later versions has it, udp://[::1]:8125 or
tcp://127.0.0.1:8125, where each line ends in a newline. All else, and who sends when, is gunicorn's.
"""

import os
import socket
from urllib.parse import urlsplit

from gunicorn.instrument import statsd


class Statsd(statsd.Statsd):
    def __init__(self, cfg):
        super().__init__(cfg)
        target = urlsplit(os.environ["STATSD_TARGET"])
        if target.scheme == "unix":
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.sock.connect(target.path)
            return
        family = socket.AF_INET6 if ":" in target.hostname else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM if target.scheme == "udp" else socket.SOCK_STREAM)
        self.sock.connect((target.hostname, target.port))
        if target.scheme == "tcp":
            self.sock = _Lines(self.sock)


class _Lines:
    def __init__(self, stream):
        self.stream = stream

    def send(self, line):
        self.stream.sendall(line + b"\n")
