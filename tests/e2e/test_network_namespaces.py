"""Gunicorns in network namespaces of their own, seen from outside, with the right to enter them and without."""

import os

import pytest
from support import Exporter, Gunicorn, wait_until, wait_until_steady
from support.network_namespaces import ADDRESS, ElsewhereGunicorn, client_beside


class StayingExporter(Exporter):
    """May enter no namespace; it has all other rights."""

    def prepare(self):
        super().prepare()
        self.command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--", *self.command]


def shown(exporter, gunicorn):
    scrape = exporter.scrape()
    return (
        scrape.value("gunicorn_workers", app=gunicorn.name, state="working"),
        scrape.value("gunicorn_connections", app=gunicorn.name),
        scrape.value("gunicorn_listen_queue_length", app=gunicorn.name, address=ADDRESS),
    )


def wait_for(exporter, gunicorn, *expected):
    wait_until(lambda: shown(exporter, gunicorn) == expected, f"{gunicorn.name} shows {expected}")


@pytest.mark.parametrize("program", [Exporter, StayingExporter])
def test_sync_workers_in_another_namespace_work_while_they_hold_a_request(program):
    with program() as exporter, ElsewhereGunicorn(workers=3) as gunicorn, client_beside(gunicorn) as ask:
        wait_until(lambda: shown(exporter, gunicorn) == (0, 0, 0), "they are idle")
        ask("/sleep?seconds=60")
        ask("/sleep?seconds=60")
        wait_for(exporter, gunicorn, 2, 2, 0)
        gunicorn.end_held_requests()


@pytest.mark.parametrize(
    "worker_class, app",
    [("gevent", "demo:application"), ("uvicorn.workers.UvicornWorker", "asgi_demo:application")],
    ids=["gevent", "uvicorn"],
)
def test_parked_connections_in_another_namespace_keep_no_worker_busy(worker_class, app):
    options = {"workers": 1, "worker_class": worker_class, "app": app, "args": ["--keep-alive", "75"]}
    with Exporter() as exporter, ElsewhereGunicorn(**options) as gunicorn, client_beside(gunicorn) as ask:
        wait_until(lambda: shown(exporter, gunicorn) == (0, 0, 0), "it is idle")
        # Answered later than the kernel's own account of an exchange reaches: see socket_table.h.
        ask("+/sleep?seconds=0.1")
        ask("+/sleep?seconds=0.1")
        wait_until_steady(lambda: shown(exporter, gunicorn) == (0, 2, 0), "both connections rest")
        ask("/sleep?seconds=60")
        wait_for(exporter, gunicorn, 1, 3, 0)
        # Only sock_diag tells it.
        assert exporter.value("gunicorn_listen_queue_limit", app=gunicorn.name, address=ADDRESS) == 2048
        gunicorn.end_held_requests()


def test_the_exporter_stays_in_its_own_namespace_and_leaves_the_other_to_its_end():
    def namespaces(pid):
        return {os.stat(f"/proc/{pid}/task/{task}/ns/net").st_ino for task in os.listdir(f"/proc/{pid}/task")}

    def sock_diag_sockets(pid):
        inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        return sum(link.startswith("socket:") for link in inodes)

    with Exporter() as exporter:
        with Gunicorn(workers=1) as here:
            wait_until(lambda: exporter.value("gunicorn_connections", app=here.name) == 0, "the one here is seen")
            before = wait_until(lambda: sock_diag_sockets(exporter.pid), "its descriptors are listed")
            with ElsewhereGunicorn(workers=1) as gunicorn:
                wait_until(lambda: shown(exporter, gunicorn) == (0, 0, 0), "the one elsewhere is seen")
                # A thread of its own goes there for a socket, and ends.
                own = {os.stat("/proc/self/ns/net").st_ino}
                wait_until(lambda: namespaces(exporter.pid) == own, "all of its threads are in its own")
                address = f"127.0.0.1:{here.port}"
                assert exporter.value("gunicorn_listen_queue_limit", app=here.name, address=address) == 2048
            wait_until(lambda: sock_diag_sockets(exporter.pid) <= before, "the namespace's socket is closed")
