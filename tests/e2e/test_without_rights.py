"""What an exporter may tell that runs as nobody, without capabilities, beside several apps of one user."""

import contextlib
import socket

from support import Gunicorn, UnprivilegedExporter, wait_until

# Whose only gunicorns are the test's: other tests run theirs as root, at the same time.
USER = 47120


def shown(exporter, gunicorn):
    """(working, idle, connections or None)."""
    scrape = exporter.scrape()
    states = scrape.by("state", "gunicorn_workers", app=gunicorn.name)
    return states["working"], states["idle"], scrape.get("gunicorn_connections", app=gunicorn.name)


def hold(gunicorn, stack):
    connection = gunicorn.connect()
    stack.callback(connection.close)
    connection.request("GET", "/sleep?seconds=60")


def learn(exporter, gunicorn, stack):
    """Clients of this app alone, until the exporter has found out which port is its."""

    def found_out():
        with socket.create_connection(("127.0.0.1", gunicorn.port)):
            before = exporter.value("gunicorn_exporter_process_sample_cpu_seconds")
            # The connection is there through a sample.
            wait_until(
                lambda: exporter.value("gunicorn_exporter_process_sample_cpu_seconds") != before, "a sample is taken"
            )
        return shown(exporter, gunicorn)[2] is not None

    wait_until(found_out, f"{gunicorn.name} has connections")
    wait_until(lambda: shown(exporter, gunicorn)[0] == 0, f"{gunicorn.name} is idle again")


def test_several_apps_of_one_user_work_by_the_connections_of_their_own_ports():
    args = ["--timeout", "120"]
    with UnprivilegedExporter(config="process:\n  sample_interval: 200ms\n") as exporter:
        with Gunicorn(user=USER, workers=4, args=args) as first, Gunicorn(user=USER, workers=3, args=args) as second:
            for gunicorn in (first, second):
                # The first may have been the only one of its user when the last sample was taken.
                wait_until(
                    lambda: shown(exporter, gunicorn)[1:] == (gunicorn.workers, None),
                    "it is seen, and nothing is told before something is known",
                )
            with contextlib.ExitStack() as stack:
                learn(exporter, first, stack)
                learn(exporter, second, stack)
                for _ in range(3):
                    hold(first, stack)
                hold(second, stack)
                wait_until(lambda: shown(exporter, first) == (3, 1, 3), "three of the first work")
                wait_until(lambda: shown(exporter, second) == (1, 2, 1), "one of the second works")
                for _ in range(10):
                    assert (shown(exporter, first), shown(exporter, second)) == ((3, 1, 3), (1, 2, 1))
                scrape = exporter.scrape()
                for gunicorn in (first, second):
                    queues = scrape.by("address", "gunicorn_listen_queue_limit", app=gunicorn.name)
                    assert queues == {f"127.0.0.1:{gunicorn.port}": 2048}
                    assert scrape.get("gunicorn_open_fds", app=gunicorn.name, role="worker") is None
                assert scrape.value("gunicorn_exporter_process_read_errors_total", file="fd", reason="permission") > 0
                for gunicorn in (first, second):
                    gunicorn.kill()
