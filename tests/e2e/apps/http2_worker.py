"""Threaded workers that speak HTTP/2 over TLS as gunicorn's do: a thread of the pool serves a connection to its end.

As much of it as the tests need: requests without a body, one after another, their headers written as http2_frames does.
"""

import ssl

from gunicorn.workers.gthread import ThreadWorker
from http2_frames import ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, SETTINGS, frame, path_of, read_frame


class Worker(ThreadWorker):
    """gunicorn 25's."""

    read_timeout = None

    def enqueue_req(self, conn):
        conn.sock.settimeout(self.read_timeout)
        self._wrap_future(self.tpool.submit(self.handle, conn), conn)

    def handle(self, conn):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cfg.certfile, self.cfg.keyfile)
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(conn.sock, server_side=True) as sock, sock.makefile("rb") as stream:
            sock.sendall(frame(SETTINGS))
            assert stream.read(len(PREFACE)) == PREFACE
            while received := read_frame(stream):
                kind, flags, number, payload = received
                if kind in (SETTINGS, PING) and not flags & ACK:
                    sock.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
                elif kind == HEADERS:
                    self.answer(sock, number, path_of(payload))
        return (False, conn)

    def answer(self, sock, number, target):
        path, _, query = target.partition("?")
        body = b"".join(self.wsgi({"PATH_INFO": path, "QUERY_STRING": query}, lambda status, headers: None))
        status_200 = b"\x88"
        sock.sendall(frame(HEADERS, END_HEADERS, number, status_200) + frame(DATA, END_STREAM, number, body))


class TimedWorker(Worker):
    """gunicorn 26's; with a timeout, Python waits in poll(2)."""

    read_timeout = 120
