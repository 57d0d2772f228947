"""A plain HTTP client: any method, any header, over TCP, TLS or a unix socket; an error status is an answer."""

import base64
import http.client
import json
import socket
import urllib.parse
from dataclasses import dataclass

TIMEOUT_SECONDS = 60.0


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage  # Names are looked up in any case.
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=TIMEOUT_SECONDS):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def request_on(connection, method, target, body=None, headers=None):
    """One request on an open connection, which stays open for the next."""
    connection.request(method, target, body=body, headers=headers or {})
    answer = connection.getresponse()
    return Response(answer.status, answer.headers, answer.read())


def http_request(url, method="GET", body=None, headers=None, user=None, context=None, timeout=TIMEOUT_SECONDS):
    """`user` is ("name", "password") for basic authentication, `context` an ssl.SSLContext for https."""
    parts = urllib.parse.urlsplit(url)
    headers = dict(headers or {})
    if user is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode()
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    try:
        return request_on(connection, method, target, body, headers)
    finally:
        connection.close()
