"""Something that goes on beside a test."""

import threading
from contextlib import contextmanager


@contextmanager
def repeating(work, pause=0):
    """Calls `work` over and over in a thread, `pause` seconds before each, until the end of the `with`; raises what it raised."""
    stop = threading.Event()
    failures = []

    def run():
        try:
            while not stop.wait(pause):
                work()
        except Exception as error:  # pylint: disable=broad-except; raised again below, on the caller's thread.
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise failures[0]
