"""Debian's gunicorn 20.1 with the unix datagram socket that gunicorn has since version 21, made and used the same way.

    gunicorn --logger-class unix_statsd.UnixStatsd --env STATSD_SOCKET=/run/x.sock
"""

import os
import socket

from gunicorn.instrument.statsd import Statsd


class UnixStatsd(Statsd):
    def __init__(self, cfg):
        super().__init__(cfg)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.connect(os.environ["STATSD_SOCKET"])
