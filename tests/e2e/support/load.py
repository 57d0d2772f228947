"""Makes many requests to a gunicorn and counts what came back."""

import collections
import itertools
import select
import threading
import time

from support.http import request_on


# What was missed in a pause of the machine is caught up with, but no more than that: the rest is late.
CATCH_UP_SECONDS = 0.5


def make_requests(gunicorn, paths, count, per_second=None, clients=8):
    """Makes `count` requests, the paths in turn, at most `per_second`; returns {code: how many}.

    Every client keeps its connection while the server does. A request that gets no answer fails the test.
    """
    due = time.monotonic()
    numbers = itertools.count()
    lock = threading.Lock()
    codes = collections.Counter()
    failures = []

    def client():
        nonlocal due
        connection = gunicorn.connect()
        own = collections.Counter()
        try:
            while not failures:
                with lock:
                    number = next(numbers)
                    begin = due = max(due, time.monotonic() - CATCH_UP_SECONDS)
                    due += 1 / per_second if per_second is not None else 0
                if number >= count:
                    break
                if per_second is not None:
                    time.sleep(max(0.0, begin - time.monotonic()))
                # The server has closed a connection that rested too long while this process did not run.
                if connection.sock is not None and _readable(connection.sock):
                    connection.close()
                own[request_on(connection, "GET", paths[number % len(paths)]).status] += 1
        except Exception as error:  # pylint: disable=broad-except; raised again below, on the caller's thread.
            failures.append(error)
        finally:
            connection.close()
            with lock:
                codes.update(own)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return dict(codes)


def _readable(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll(0)
