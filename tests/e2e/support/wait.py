"""Waiting for a fact, with a deadline, and names that no other test uses."""

import os
import time
import uuid

import psutil

# Long, since the machine may be busy with other things: only a failing test takes it.
DEADLINE_SECONDS = float(os.environ.get("E2E_DEADLINE_SECONDS", "60"))
POLL_SECONDS = 0.05

# What a predicate meets while the thing that it asks for is not there yet.
NOT_YET = (LookupError, OSError, psutil.NoSuchProcess)


def wait_until(predicate, what, seconds=DEADLINE_SECONDS):
    """Returns the predicate's first true answer; fails with `what` and the last answer when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = predicate()
            if answer:
                return answer
        except NOT_YET as error:
            answer = error
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain until {what}; the last answer was {answer!r}")
        time.sleep(POLL_SECONDS)


def wait_until_steady(predicate, what, looks=10, pause=2 * POLL_SECONDS):
    """Returns when the predicate was true at so many looks in a row, over several samples of 200 ms.

    A scrape may show the last sample, from before what the test has just done: one true answer may be about that.
    """

    def at_all_looks():
        for _ in range(looks):
            if not predicate():
                return False
            time.sleep(pause)
        return True

    wait_until(at_all_looks, f"{what}, {looks} times in a row")


def unique_name(base):
    """A gunicorn --name that no other gunicorn of this machine has: the exporter discovers them all."""
    return f"{base}_{uuid.uuid4().hex[:8]}"
