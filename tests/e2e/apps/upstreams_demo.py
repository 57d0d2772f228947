"""Applications that wait for others, and write down since when: WSGI, and ASGI as `asgi`.

    /                    200
    /open                takes a connection to each of them, and uses it once
    /postgres?seconds=S  pg_sleep, right behind another query
    /redis?seconds=S     BLPOP of a list that stays empty
    /http?seconds=S      a request to a slow service

Connections are kept for the next request. POSTGRES, REDIS and HTTP are where they are, "HOST PORT". A file in WAITS is one that waits now: its name begins with what for, and
it was made when that began (CLOCK_REALTIME).
"""

import asyncio
import contextlib
import http.client
import os
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs

import lifespan
import psycopg2
import redis

_idle = {"postgres": [], "redis": [], "http": []}


def _where(name):
    host, port = os.environ[name].split()
    return host, int(port)


def on_gevent():
    """psycopg2 waits in C: for gevent it has to be told how."""
    from gevent.socket import wait_read, wait_write  # pylint: disable=import-outside-toplevel
    from psycopg2 import extensions  # pylint: disable=import-outside-toplevel

    def wait(connection):
        while (state := connection.poll()) != extensions.POLL_OK:
            (wait_read if state == extensions.POLL_READ else wait_write)(connection.fileno())

    extensions.set_wait_callback(wait)
    return application


@contextlib.contextmanager
def _written_down(name):
    path = Path(os.environ["WAITS"]) / f"{name}-{uuid.uuid4().hex}"
    path.write_text(repr(time.time()))
    try:
        yield
    finally:
        path.unlink()


def _connect(name):
    host, port = _where(name.upper())
    if name == "postgres":
        connection = psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres")
        connection.autocommit = True
        return connection
    if name == "redis":
        return redis.Redis(host=host, port=port, single_connection_client=True)
    return http.client.HTTPConnection(host, port)


@contextlib.contextmanager
def _borrowed(name):
    connection = _idle[name].pop() if _idle[name] else _connect(name)
    yield connection
    _idle[name].append(connection)


def wait_for_postgres(seconds):
    with _borrowed("postgres") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        with _written_down("postgres"):
            cursor.execute("SELECT pg_sleep(%s)", (seconds,))


def wait_for_redis(seconds):
    with _borrowed("redis") as connection:
        connection.get("nothing")
        with _written_down("redis"):
            connection.blpop("never", seconds)


def wait_for_http(seconds):
    with _borrowed("http") as connection, _written_down("http"):
        connection.request("GET", f"/{seconds}")
        connection.getresponse().read()


WAITS = {"/postgres": wait_for_postgres, "/redis": wait_for_redis, "/http": wait_for_http}


def open_all():
    with _borrowed("postgres") as connection:
        connection.cursor().execute("SELECT 1")
    with _borrowed("redis") as connection:
        connection.get("nothing")
    with _borrowed("http") as connection:
        connection.request("GET", "/0")
        connection.getresponse().read()


def handle(path, query):
    if path == "/open":
        open_all()
    elif path in WAITS:
        WAITS[path](float(parse_qs(query)["seconds"][0]))


def application(environ, start_response):
    handle(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan.acknowledge(receive, send)
    await asyncio.to_thread(handle, scope["path"], scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
