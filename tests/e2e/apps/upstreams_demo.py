"""Applications that wait for others, and write down since when: WSGI, and ASGI as `asgi`.

    /                    200
    /open                opens this thread's connections to all of them and uses each once
    /postgres?seconds=S  pg_sleep, right behind another query
    /redis?seconds=S     BLPOP of a list that stays empty
    /http?seconds=S      a request to a slow service

POSTGRES, REDIS and HTTP are where they are, "HOST PORT". A file in WAITS is one that waits now: its name begins with what for, and
it was made when that began (CLOCK_REALTIME).
"""

import asyncio
import contextlib
import http.client
import os
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs

import psycopg2
import redis

_local = threading.local()


def _where(name):
    host, port = os.environ[name].split()
    return host, int(port)


def let_others_run():
    """psycopg2 waits in C: for gevent it has to be told how."""
    from gevent.socket import wait_read, wait_write  # pylint: disable=import-outside-toplevel
    from psycopg2 import extensions  # pylint: disable=import-outside-toplevel

    def wait(connection):
        while (state := connection.poll()) != extensions.POLL_OK:
            (wait_read if state == extensions.POLL_READ else wait_write)(connection.fileno())

    extensions.set_wait_callback(wait)


@contextlib.contextmanager
def _written_down(name):
    path = Path(os.environ["WAITS"]) / f"{name}-{uuid.uuid4().hex}"
    path.write_text(repr(time.time()))
    try:
        yield
    finally:
        path.unlink()


def _postgres():
    if not hasattr(_local, "postgres"):
        host, port = _where("POSTGRES")
        _local.postgres = psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres")
        _local.postgres.autocommit = True
    return _local.postgres.cursor()


def _redis():
    if not hasattr(_local, "redis"):
        host, port = _where("REDIS")
        _local.redis = redis.Redis(host=host, port=port)
    return _local.redis


def _http():
    if not hasattr(_local, "http"):
        _local.http = http.client.HTTPConnection(*_where("HTTP"))
    return _local.http


def wait_for_postgres(seconds):
    cursor = _postgres()
    cursor.execute("SELECT 1")
    with _written_down("postgres"):
        cursor.execute("SELECT pg_sleep(%s)", (seconds,))


def wait_for_redis(seconds):
    _redis().get("nothing")
    with _written_down("redis"):
        _redis().blpop("never", seconds)


def wait_for_http(seconds):
    connection = _http()
    with _written_down("http"):
        connection.request("GET", f"/{seconds}")
        connection.getresponse().read()


WAITS = {"/postgres": wait_for_postgres, "/redis": wait_for_redis, "/http": wait_for_http}


def open_all():
    _postgres().execute("SELECT 1")
    _redis().get("nothing")
    _http().request("GET", "/0")
    _http().getresponse().read()


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
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await asyncio.to_thread(handle, scope["path"], scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
