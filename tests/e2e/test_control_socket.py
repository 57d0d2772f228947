"""Slots and timeout from the control socket that gunicorn has since 25.1: one question for each start of a master.

Debian's gunicorn has none, so that apps/control_socket.py gives its master one, which speaks as gunicorn's own does.
"""

import contextlib
import json
import os
import signal
import socket

import psutil
import pytest
from support import FAST_SAMPLES, Exporter, Gunicorn, UnprivilegedExporter, unique_name, wait_until, wait_until_steady

WORKERS, THREADS, TIMEOUT = 2, 4, 77
# Of a gunicorn that this file starts alone.
USER = 47160


class ControlledGunicorn(Gunicorn):
    """`data` is what its control socket says in the place of some settings."""

    def __init__(self, data=None, env=None, args=(), **options):
        args = ["--timeout", str(TIMEOUT), *args]
        super().__init__(workers=WORKERS, worker_class="gthread", threads=THREADS, args=args, env=env, **options)
        self.data = data

    def prepare(self):
        own = {"CONTROL_SOCKET": str(self.control_path), "CONTROL_LOG": str(self.directory / "commands")}
        if self.data is not None:
            own["CONTROL_DATA"] = json.dumps(self.data)
        self.env = {**own, **(self.env or {})}
        super().prepare()
        self.command[-1:-1] = ["--config", "python:control_socket"]
        if self.user is not None:
            os.chown(self.directory, self.user, -1)
            self.directory.chmod(0o755)

    @property
    def control_path(self):
        return self.directory / "gunicorn.ctl"

    def commands(self, exporter):
        """What each master was asked by this exporter, since others that run on the machine ask too: (pid, command)."""
        log = self.directory / "commands"
        lines = [line.split(" ", 2) for line in log.read_text().splitlines()] if log.exists() else []
        return [(int(pid), command) for pid, asker, command in lines if int(asker) == exporter.pid]


def is_connected(exporter):
    """To a unix socket: a control socket's, since it has no other."""
    return bool(psutil.Process(exporter.pid).connections(kind="unix"))


def told(exporter, gunicorn):
    """(slots, timeout); None where there is no series."""
    scrape = exporter.scrape()
    return scrape.get("gunicorn_request_slots", app=gunicorn.name), scrape.get("gunicorn_worker_timeout_seconds", app=gunicorn.name)


def assert_told(exporter, gunicorn, *expected):
    wait_until_steady(lambda: told(exporter, gunicorn) == expected, f"{gunicorn.name} has slots and timeout {expected}")


def status_of(exporter, gunicorn):
    apps = exporter.get("/api/v1/status").json()["apps"]
    return next(app for app in apps if app["app"] == gunicorn.name)


def test_each_start_of_a_master_is_asked_once():
    with Exporter(config=FAST_SAMPLES) as exporter, ControlledGunicorn() as gunicorn:
        assert_told(exporter, gunicorn, WORKERS * THREADS, TIMEOUT)
        assert status_of(exporter, gunicorn)["worker_class"] == "gthread"
        first = gunicorn.master_pid
        gunicorn.add_worker()
        wait_until(lambda: told(exporter, gunicorn)[0] == (WORKERS + 1) * THREADS, "the new worker has slots")
        gunicorn.stop()
        gunicorn.start()
        assert_told(exporter, gunicorn, WORKERS * THREADS, TIMEOUT)
        assert gunicorn.commands(exporter) == [(first, "show config"), (gunicorn.master_pid, "show config")]


def test_the_instance_comes_first_then_the_command_line():
    other = {"threads": 9, "timeout": 5}
    with ControlledGunicorn(other) as titled, ControlledGunicorn(other) as configured:
        with ControlledGunicorn(other, setproctitle=False) as untitled:
            instances = f"instances:\n  - proc_name: {configured.name}\n    threads: 5\n"
            config = FAST_SAMPLES + instances + "discovery:\n  enabled: true\n"
            with Exporter(config=config) as exporter:
                assert_told(exporter, titled, WORKERS * 9, 5)
                assert_told(exporter, configured, WORKERS * 5, 5)
                assert_told(exporter, untitled, WORKERS * THREADS, TIMEOUT)


def test_a_stopped_master_holds_nothing_up_and_is_not_hurt():
    with ControlledGunicorn() as gunicorn, contextlib.ExitStack() as stack:
        os.kill(gunicorn.master_pid, signal.SIGSTOP)
        stack.callback(gunicorn.send_signal, signal.SIGCONT)
        with Exporter(config=FAST_SAMPLES) as exporter:
            wait_until(lambda: is_connected(exporter), "the master is asked")
            # The samples go on, and see what the workers do.
            connection = gunicorn.connect()
            connection.request("GET", "/sleep?seconds=600")
            wait_until(
                lambda: exporter.value("gunicorn_requests_in_progress", app=gunicorn.name) == 1, "the request is in progress"
            )
            connection.close()
            assert told(exporter, gunicorn) == (None, None)
            os.kill(gunicorn.master_pid, signal.SIGCONT)
            wait_until(
                lambda: gunicorn.commands(exporter) == [(gunicorn.master_pid, "show config")], "the master reads the question"
            )
            # Its control server goes on, and so does the master.
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(str(gunicorn.control_path))
                request = json.dumps({"id": 7, "command": "show config"}).encode()
                client.sendall(len(request).to_bytes(4, "big") + request)
                assert int.from_bytes(client.recv(4), "big") > 0
            gunicorn.add_worker()
            gunicorn.wait_for_workers(WORKERS + 1)
            assert told(exporter, gunicorn) == (None, None)  # It is not asked again.


def test_a_control_socket_that_never_answers_is_given_up():
    with Exporter(config=FAST_SAMPLES) as exporter, ControlledGunicorn(env={"CONTROL_SILENT": "1"}) as gunicorn:
        wait_until(lambda: len(gunicorn.commands(exporter)) == 1, "the master is asked")
        with ControlledGunicorn() as other:
            assert_told(exporter, other, WORKERS * THREADS, TIMEOUT)
        assert told(exporter, gunicorn) == (None, None)
        assert len(gunicorn.commands(exporter)) == 1


def test_without_rights_the_kernel_says_whose_socket_it_is():
    """Another user's, open to all; beside it a socket of that name that no gunicorn listens on."""
    if os.geteuid() != 0:
        pytest.skip("starts a gunicorn of another user")
    gunicorn = ControlledGunicorn(user=USER, env={"CONTROL_MODE": "666"})
    with gunicorn, contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        stranger = gunicorn.directory / unique_name("stranger")
        stranger.mkdir()
        path = stranger / "gunicorn.ctl"
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(100)
        listener.settimeout(60)
        exporter = stack.enter_context(UnprivilegedExporter(config=FAST_SAMPLES))
        assert_told(exporter, gunicorn, WORKERS * THREADS, TIMEOUT)
        # Where it was tried first, it came and went without a byte.
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    assert connection.recv(1) == b""


def test_a_control_socket_is_no_listen_queue():
    with Exporter(config=FAST_SAMPLES) as exporter, ControlledGunicorn() as gunicorn:
        assert_told(exporter, gunicorn, WORKERS * THREADS, TIMEOUT)
        queues = exporter.scrape().by("address", "gunicorn_listen_queue_length", app=gunicorn.name)
        assert list(queues) == [f"127.0.0.1:{gunicorn.port}"]
