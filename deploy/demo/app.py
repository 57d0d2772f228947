"""The application of deploy/quickstart: quick, slow and failing answers, for traffic.py to ask for."""

import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    status = "200 OK"
    if path == "/slow":
        time.sleep(0.15)
    elif path == "/missing":
        status = "404 Not Found"
    elif path == "/broken":
        raise RuntimeError("this page fails, to show what a failure looks like in the series")
    body = f"{status}\n".encode()
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
