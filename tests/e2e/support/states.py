"""An app's workers by their states, while requests are held."""

import time

from support.wait import wait_until, wait_until_steady

PATIENT = ["--timeout", "120"]


def states(exporter, gunicorn):
    """(working, idle, unknown)."""
    by_state = exporter.scrape().by("state", "gunicorn_workers", app=gunicorn.name)
    return by_state["working"], by_state["idle"], by_state["unknown"]


def assert_states(exporter, gunicorn, *expected):
    wait_until_steady(lambda: states(exporter, gunicorn) == expected, f"{gunicorn.name} shows {expected}")


def assert_never_idle(exporter, gunicorn):
    wait_until(lambda: sum(states(exporter, gunicorn)) == gunicorn.workers, f"the workers of {gunicorn.name} are seen")
    for _ in range(20):
        assert states(exporter, gunicorn)[1] == 0
        time.sleep(0.05)  # The scrapes are to see several samples.


def hold(gunicorn, stack, count=1):
    for _ in range(count):
        connection = gunicorn.connect()
        stack.callback(connection.close)
        connection.request("GET", "/sleep?seconds=60")
