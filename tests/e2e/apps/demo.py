"""The WSGI application that the end-to-end tests put behind gunicorn.

    /                    200, says which worker answered
    /status/NNN          answers NNN
    /sleep?seconds=S     waits S seconds without using the processor (at most 60)
    /spin?seconds=S      uses S seconds of the processor (at most 60)
    /grow?megabytes=M    takes M MiB of memory (at most 1024), and gives it back
    /open?port=P         opens a connection to that port of this machine, and keeps it
    /ask?port=P&seconds=S   asks the HTTP service on that port, which answers after S seconds
    /exception           raises, which gunicorn answers with 500
    /log?level=L&message=M   logs M at level L through gunicorn's error logger
"""

import http.client
import logging
import os
import socket
import time
from http import HTTPStatus
from urllib.parse import parse_qs

LONGEST_SECONDS = 60.0
MOST_MEGABYTES = 1024
_kept = []


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = {key: values[-1] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    if path.startswith("/status/"):
        return _answer(start_response, int(path.removeprefix("/status/")))
    if path == "/sleep":
        time.sleep(_seconds(query))
        return _answer(start_response, 200)
    if path == "/spin":
        until = time.thread_time() + _seconds(query)
        while time.thread_time() < until:
            pass
        return _answer(start_response, 200)
    if path == "/grow":
        bytearray(min(int(query.get("megabytes", "1")), MOST_MEGABYTES) * 2**20)
        return _answer(start_response, 200)
    if path == "/open":
        _kept.append(socket.create_connection(("127.0.0.1", int(query["port"]))))
        return _answer(start_response, 200)
    if path == "/ask":
        service = http.client.HTTPConnection("127.0.0.1", int(query["port"]))
        service.request("GET", f"/{_seconds(query)}")
        return _answer(start_response, service.getresponse().status)
    if path == "/exception":
        raise RuntimeError("the demo application was asked to raise")
    if path == "/log":
        logger = logging.getLogger("gunicorn.error")
        logger.log(getattr(logging, query.get("level", "info").upper()), query.get("message", "hello"))
        return _answer(start_response, 200)
    return _answer(start_response, 200 if path == "/" else 404)


def _seconds(query):
    return min(float(query.get("seconds", "1")), LONGEST_SECONDS)


def _answer(start_response, code):
    try:
        phrase = HTTPStatus(code).phrase
    except ValueError:
        phrase = "Unknown"
    body = b"" if code in (204, 304) else f"{code} {phrase} from worker {os.getpid()}\n".encode()
    start_response(f"{code} {phrase}", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
