"""Ports, sockets and paths that more than one gunicorn, or a foreign process, listens on: nothing counts twice.

What is true is read from the workers' own descriptors; every request that is held keeps one sync worker busy.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest
from support import Exporter, Gunicorn, UnixConnection, UnprivilegedExporter, free_port, unique_name, wait_until
from support.gunicorn import InheritingGunicorn, listening_socket

WORKERS = 4
REUSE = ["--reuse-port"]


@pytest.fixture(autouse=True)
def fixture_long_timeout(monkeypatch):
    """A sync worker that holds a request is killed by its master after 30 s, unless told: that is soon on a busy machine."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--timeout 90")


def held_by(gunicorn):
    """{worker: how many accepted connections it holds}, workers that hold none left out."""
    held = {pid: 0 for pid in gunicorn.worker_pids()}
    for pid in held:
        for connection in psutil.Process(pid).connections(kind="tcp"):
            if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == gunicorn.port:
                held[pid] += 1
    return {pid: count for pid, count in held.items() if count}


def held(*gunicorns):
    return sum(sum(held_by(gunicorn).values()) for gunicorn in gunicorns)


def hold_one_more(stack, gunicorns, host="127.0.0.1", taken=lambda: 0):
    """A request that some worker of these, or whoever else `taken` counts, holds and does not answer meanwhile."""
    before = held(*gunicorns) + taken()
    connection = http.client.HTTPConnection(host, gunicorns[0].port, timeout=60)
    stack.callback(connection.close)
    connection.request("GET", "/sleep?seconds=60")
    wait_until(lambda: held(*gunicorns) + taken() > before, "somebody accepts the connection")


def end_held_requests(*gunicorns):
    for gunicorn in gunicorns:
        for pid in gunicorn.worker_pids():
            os.kill(pid, signal.SIGKILL)


def shown(exporter, app):
    """(working workers, connections, connections that wait) of an app, by one scrape."""
    scrape = exporter.scrape()
    return (
        scrape.value("gunicorn_workers", app=app, state="working"),
        scrape.value("gunicorn_connections", app=app),
        scrape.total("gunicorn_listen_queue_length", app=app),
    )


def wait_for(exporter, app, *expected):
    wait_until(lambda: shown(exporter, app) == expected, f"{app} shows {expected}")


def assert_true(exporter, *gunicorns):
    for gunicorn in gunicorns:
        truth = held_by(gunicorn)
        wait_for(exporter, gunicorn.name, len(truth), sum(truth.values()), 0)


def hold_on(stack, target, gunicorns, accept_too=lambda: None):
    """A request that a worker of `target` holds. The kernel deals connections out as it likes: others are given back."""
    others = [gunicorn for gunicorn in gunicorns if gunicorn is not target]
    for _ in range(64):
        before, before_others = held(target), held(*others)
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
        connection.connect()

        def whose(before=before, before_others=before_others):
            return held(target) > before and "target" or (held(*others) > before_others or accept_too()) and "other"

        if wait_until(whose, "somebody accepts the connection") == "target":
            stack.callback(connection.close)
            connection.request("GET", "/sleep?seconds=60")
            return
        connection.close()
        wait_until(lambda wanted=before_others: held(*others) == wanted, "the other one lets go of it")
    pytest.fail(f"the kernel gave none of 64 connections to {target.name}")


def shared_gunicorn(port, name=None, **options):
    # Tried out by a connection, it could be the other one that answers.
    class SharedGunicorn(Gunicorn):
        def _listens(self):
            return True

    return SharedGunicorn(name=name, workers=WORKERS, bind=f"127.0.0.1:{port}", args=REUSE, **options)


def test_two_apps_on_one_port_have_their_own_connections():
    port = free_port()
    with Exporter() as exporter, shared_gunicorn(port) as first, shared_gunicorn(port) as second:
        with contextlib.ExitStack() as stack:
            for gunicorn in (first, second, first):
                hold_on(stack, gunicorn, [first, second])
            assert (held(first), held(second)) == (2, 1)
            assert_true(exporter, first, second)
            for gunicorn in (first, second):
                limit = exporter.value("gunicorn_listen_queue_limit", app=gunicorn.name, address=f"127.0.0.1:{port}")
                assert limit == 2048
            end_held_requests(first, second)
        wait_for(exporter, first.name, 0, 0, 0)
        wait_for(exporter, second.name, 0, 0, 0)


def test_two_masters_of_one_app_on_one_port_are_added_up():
    port = free_port()
    app = unique_name("app")
    with Exporter() as exporter, shared_gunicorn(port, app) as first, shared_gunicorn(port, app) as second:
        with contextlib.ExitStack() as stack:
            for gunicorn in (first, second, first):
                hold_on(stack, gunicorn, [first, second])
            wait_for(exporter, app, 3, 3, 0)
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_masters", app=app) == 2
            # Two queues, of one address.
            assert scrape.value("gunicorn_listen_queue_limit", app=app, address=f"127.0.0.1:{port}") == 4096
            end_held_requests(first, second)


def test_two_apps_on_one_inherited_socket_have_their_own_connections():
    with listening_socket() as listener, Exporter() as exporter:
        with InheritingGunicorn(listener, workers=2) as first, InheritingGunicorn(listener, workers=2) as second:
            with contextlib.ExitStack() as stack:
                for _ in range(4):
                    hold_one_more(stack, [first, second])
                assert_true(exporter, first, second)
                # What waits now waits for both.
                connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=60)
                stack.callback(connection.close)
                connection.request("GET", "/")
                wait_for(exporter, first.name, 2, 2, 1)
                wait_for(exporter, second.name, 2, 2, 1)
                end_held_requests(first, second)


def test_what_a_foreign_process_accepted_from_an_inherited_socket_counts_for_nobody():
    with listening_socket() as listener, Exporter() as exporter:
        with InheritingGunicorn(listener, workers=2) as gunicorn, contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn])
            for pid in gunicorn.worker_pids():
                os.kill(pid, signal.SIGSTOP)
            stack.enter_context(socket.create_connection(("127.0.0.1", gunicorn.port)))
            ours = wait_until(lambda: listener.accept()[0], "the connection is there")
            stack.callback(ours.close)
            for pid in gunicorn.worker_pids():
                os.kill(pid, signal.SIGCONT)
            hold_one_more(stack, [gunicorn])
            wait_for(exporter, gunicorn.name, 2, 2, 0)
            end_held_requests(gunicorn)


def test_a_foreign_process_on_the_same_port_counts_for_nobody():
    port = free_port()
    with listening_socket(True, port) as listener, Exporter() as exporter:
        with shared_gunicorn(port) as gunicorn, contextlib.ExitStack() as stack:
            # One that stays open, and more while gunicorn gets its two.
            ours = []

            def accept_ours():
                with contextlib.suppress(BlockingIOError):
                    ours.append(stack.enter_context(listener.accept()[0]))
                    return True
                return False

            while not ours:
                client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                if wait_until(lambda: accept_ours() and "ours" or held(gunicorn) > 0 and "its", "it is taken") == "its":
                    client.close()
                    wait_until(lambda: held(gunicorn) == 0, "gunicorn lets go of it")
            hold_on(stack, gunicorn, [gunicorn], accept_ours)
            hold_on(stack, gunicorn, [gunicorn], accept_ours)
            assert_true(exporter, gunicorn)
            assert exporter.value("gunicorn_listen_queue_limit", app=gunicorn.name, address=f"127.0.0.1:{port}") == 2048
            end_held_requests(gunicorn)


class Ipv6Gunicorn(Gunicorn):
    def connect(self):
        return http.client.HTTPConnection("::1", self.port, timeout=60)


def test_an_ipv6_bind_is_seen():
    address = f"[::1]:{free_port()}"
    with Exporter() as exporter, Ipv6Gunicorn(workers=2, bind=address) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn], "::1")
            wait_for(exporter, gunicorn.name, 1, 1, 0)
            assert exporter.value("gunicorn_listen_queue_limit", app=gunicorn.name, address=address) == 2048
            end_held_requests(gunicorn)


def test_a_dual_stack_bind_has_the_clients_of_both_families():
    address = f"[::]:{free_port()}"
    with Exporter() as exporter, Ipv6Gunicorn(workers=3, bind=address) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn], "::1")
            hold_one_more(stack, [gunicorn], "127.0.0.1")
            wait_for(exporter, gunicorn.name, 2, 2, 0)
            assert exporter.scrape().by("address", "gunicorn_listen_queue_length", app=gunicorn.name) == {address: 0}
            end_held_requests(gunicorn)


def test_an_app_on_several_addresses_counts_each_connection_once():
    port, other = free_port(), free_port()
    args = ["--bind", f"[::1]:{port}", "--bind", f"0.0.0.0:{other}"]
    with Exporter() as exporter, Gunicorn(workers=4, bind=f"127.0.0.1:{port}", args=args) as gunicorn:
        with contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn], "127.0.0.1")
            hold_one_more(stack, [gunicorn], "::1")
            connection = http.client.HTTPConnection("127.0.0.1", other, timeout=60)
            stack.callback(connection.close)
            connection.request("GET", "/sleep?seconds=60")
            wait_for(exporter, gunicorn.name, 3, 3, 0)
            assert set(exporter.scrape().by("address", "gunicorn_listen_queue_length", app=gunicorn.name)) == {
                f"127.0.0.1:{port}",
                f"[::1]:{port}",
                f"0.0.0.0:{other}",
            }
            end_held_requests(gunicorn)


def test_a_unix_path_that_was_bound_again_has_each_apps_own_connections(tmp_path):
    tmp_path.chmod(0o755)
    path = str(tmp_path / "shared.sock")

    def hold(stack):
        connection = UnixConnection(path)
        stack.callback(connection.close)
        connection.request("GET", "/sleep?seconds=60")

    class PathGunicorn(Gunicorn):
        def prepare(self):
            super().prepare()
            self.socket_path = path

    with Exporter() as exporter, contextlib.ExitStack() as stack:
        with PathGunicorn(workers=3, bind=f"unix:{path}") as first:
            hold(stack)
            hold(stack)
            wait_for(exporter, first.name, 2, 2, 0)
            # It takes the path away; what was accepted goes on.
            with PathGunicorn(workers=1, bind=f"unix:{path}") as second:
                hold(stack)
                wait_for(exporter, second.name, 1, 1, 0)
                hold(stack)
                wait_for(exporter, second.name, 1, 1, 1)
                assert shown(exporter, first.name) == (2, 2, 0)
                end_held_requests(first, second)
            # The first one would take the path away too, and dies of it where there is none.
            Path(path).touch()


# Whose only gunicorn is the test's: other tests run theirs as root, at the same time.
LONELY_USER = 47110


ACCEPT_AS_SOMEBODY_ELSE = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
os.setuid(1)
print("ready", flush=True)
connection = listener.accept()
print("accepted", flush=True)
sys.stdin.read()
"""


def test_without_rights_another_users_connections_are_left_out():
    with listening_socket() as listener, UnprivilegedExporter() as exporter:
        os.fchown(listener.fileno(), LONELY_USER, -1)
        with InheritingGunicorn(listener, user=LONELY_USER, workers=2) as gunicorn, contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn])
            wait_for(exporter, gunicorn.name, 1, 1, 0)
            for pid in gunicorn.worker_pids():
                os.kill(pid, signal.SIGSTOP)
            listener.setblocking(True)
            other = stack.enter_context(
                subprocess.Popen(
                    ["/usr/bin/python3", "-c", ACCEPT_AS_SOMEBODY_ELSE, str(listener.fileno())],
                    pass_fds=[listener.fileno()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            assert other.stdout.readline() == b"ready\n"
            stack.enter_context(socket.create_connection(("127.0.0.1", gunicorn.port)))
            assert other.stdout.readline() == b"accepted\n"
            listener.setblocking(False)
            for pid in gunicorn.worker_pids():
                os.kill(pid, signal.SIGCONT)
            hold_one_more(stack, [gunicorn])
            wait_for(exporter, gunicorn.name, 2, 2, 0)
            other.stdin.close()
            end_held_requests(gunicorn)


LISTEN_TOO = """
import socket, sys
with socket.socket() as listener:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen(5)
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_without_rights_a_port_that_is_shared_has_no_connections_rather_than_wrong_ones():
    user = LONELY_USER + 1
    with UnprivilegedExporter() as exporter, Gunicorn(user=user, workers=WORKERS, args=REUSE) as gunicorn:
        app = gunicorn.name
        wait_for(exporter, app, 0, 0, 0)
        with contextlib.ExitStack() as stack:
            hold_one_more(stack, [gunicorn])
            wait_for(exporter, app, 1, 1, 0)
            # The kernel lets one user's sockets share a port.
            foreign = stack.enter_context(
                subprocess.Popen(
                    ["/usr/bin/python3", "-c", LISTEN_TOO, str(gunicorn.port)],
                    user=user,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            assert foreign.stdout.readline() == b"ready\n"
            wait_until(
                lambda: exporter.scrape().get("gunicorn_connections", app=app) is None, "there is no such series"
            )
            assert exporter.value("gunicorn_workers", app=app, state="idle") == 0
            foreign.stdin.close()
            end_held_requests(gunicorn)
