"""Applications that write down which requests they have in hand: WSGI, ASGI as `asgi`, and for tornado's worker `on_tornado()`.

    /                  200
    /sleep?seconds=S   waits S seconds without using the processor; WSGI alone
    /download          30 MB
    /stream?pause=S    a line every S seconds until the client is gone; with as=events, server-sent events
    /upload            reads the request's body; not on tornado

A file in IN_HAND is one request in hand; its name begins with the worker's pid. With BACKGROUND=0.035 each worker has a
thread that burns that share of a processor.
"""

import asyncio
import contextlib
import os
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs

import lifespan

MEGABYTE = b"x" * 2**20
DOWNLOAD_MEGABYTES = 30
LINES = {"lines": ("text/plain", b"tick\n"), "events": ("text/event-stream", b"data: tick\n\n")}


@contextlib.contextmanager
def _written_down():
    path = Path(os.environ["IN_HAND"]) / f"{os.getpid()}-{uuid.uuid4().hex}"
    path.touch()
    try:
        yield
    finally:
        path.unlink()


def _parse(query_string):
    return {key: values[-1] for key, values in parse_qs(query_string).items()}


def _burn(share):
    """Catches up with what it missed while others had the processor."""
    begin = time.monotonic()
    while True:
        while time.thread_time() < share * (time.monotonic() - begin):
            pass
        time.sleep(0.05)


if "BACKGROUND" in os.environ:
    threading.Thread(target=_burn, args=(float(os.environ["BACKGROUND"]),), daemon=True).start()


def _stream(query):
    with _written_down():
        while True:
            yield LINES[query.get("as", "lines")][1]
            time.sleep(float(query["pause"]))


def _download():
    with _written_down():
        for _ in range(DOWNLOAD_MEGABYTES):
            yield MEGABYTE


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = _parse(environ["QUERY_STRING"])
    if path == "/stream":
        start_response("200 OK", [("Content-Type", LINES[query.get("as", "lines")][0])])
        return _stream(query)
    if path == "/download":
        start_response("200 OK", [("Content-Length", str(DOWNLOAD_MEGABYTES * len(MEGABYTE)))])
        return _download()
    if path == "/upload":
        with _written_down():
            environ["wsgi.input"].read()
    if path == "/sleep":
        with _written_down():
            time.sleep(float(query["seconds"]))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def _disconnect(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan.acknowledge(receive, send)
    query = _parse(scope["query_string"].decode())
    if scope["path"] == "/stream":
        kind, line = LINES[query.get("as", "lines")]
        headers = [(b"content-type", kind.encode())]
        with _written_down():
            gone = asyncio.ensure_future(_disconnect(receive))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while not gone.done():
                await send({"type": "http.response.body", "body": line, "more_body": True})
                await asyncio.sleep(float(query["pause"]))
        return
    if scope["path"] == "/download":
        headers = [(b"content-length", str(DOWNLOAD_MEGABYTES * len(MEGABYTE)).encode())]
        with _written_down():
            gone = asyncio.ensure_future(_disconnect(receive))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for left in range(DOWNLOAD_MEGABYTES - 1, -1, -1):
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": MEGABYTE, "more_body": left > 0})
        return
    if scope["path"] == "/upload":
        with _written_down():
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def on_tornado():
    """gunicorn puts all but a WSGIContainer into one, which sends an answer when it is whole."""
    # pylint: disable=import-outside-toplevel
    from tornado.httputil import HTTPHeaders, ResponseStartLine
    from tornado.iostream import StreamClosedError
    from tornado.wsgi import WSGIContainer

    async def answer(request):
        query = _parse(request.query)
        if request.path == "/download":
            headers = HTTPHeaders({"Content-Length": str(DOWNLOAD_MEGABYTES * len(MEGABYTE))})
            with _written_down(), contextlib.suppress(StreamClosedError):
                await request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers)
                for _ in range(DOWNLOAD_MEGABYTES):
                    await request.connection.write(MEGABYTE)
                request.connection.finish()
            return
        if request.path != "/stream":
            headers = HTTPHeaders({"Content-Length": "2"})
            await request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers, b"ok")
            request.connection.finish()
            return
        kind, line = LINES[query.get("as", "lines")]
        with _written_down(), contextlib.suppress(StreamClosedError):
            headers = HTTPHeaders({"Content-Type": kind})
            await request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers)
            while True:
                await request.connection.write(line)
                await asyncio.sleep(float(query["pause"]))

    class Streams(WSGIContainer):
        def __call__(self, request):
            asyncio.ensure_future(answer(request))

    return Streams(application)
