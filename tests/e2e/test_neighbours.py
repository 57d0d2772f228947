"""An exporter without capabilities, and apps beside others: of the same user, of the same pod, on a socket that somebody else made."""

import contextlib
import os
import shutil
import subprocess
import uuid

import pytest
from support import FAST_SAMPLES, CgroupGunicorn, Exporter, Gunicorn, UnprivilegedExporter, free_port, http_request, wait_until
from support.cgroups import cgroup_v2
from support.gunicorn import InheritingGunicorn, listening_socket
from support.network_namespaces import ElsewhereGunicorn, client_beside
from support.states import PATIENT, assert_never_idle, assert_states, hold

# Of gunicorns alone that this file starts.
USER = 47130


class ActivatedGunicorn(CgroupGunicorn, InheritingGunicorn):
    """In a cgroup, with a socket that root made outside of it, as systemd does for a socket unit."""


@pytest.mark.parametrize("has_bind", [False, True], ids=["", "bind"])
def test_a_socket_that_somebody_else_made_is_told_by_bind_alone(cgroup, has_bind):
    with listening_socket() as listener, contextlib.ExitStack() as stack:
        listener.setblocking(True)
        options = {"listener": listener, "user": USER, "workers": 3, "args": PATIENT}
        gunicorn = stack.enter_context(ActivatedGunicorn([cgroup], **options))
        address = f"127.0.0.1:{gunicorn.port}"
        instance = f'instances:\n  - proc_name: {gunicorn.name}\n    bind: ["{address}"]\n' if has_bind else ""
        with UnprivilegedExporter(FAST_SAMPLES + instance) as exporter:
            if has_bind:
                assert_states(exporter, gunicorn, 0, 3, 0)
            hold(gunicorn, stack, 2)
            assert_states(exporter, gunicorn, *((2, 1, 0) if has_bind else (0, 0, 3)))
            gunicorn.kill()


@pytest.mark.parametrize("have_cgroups", [False, True], ids=["", "cgroups"])
def test_two_apps_of_one_user_with_all_workers_at_work(have_cgroups):
    with contextlib.ExitStack() as stack:
        apps = []
        for _ in range(2):
            folders = [stack.enter_context(cgroup_v2())] if have_cgroups else []
            kind = CgroupGunicorn(folders, workers=2, user=USER, args=PATIENT) if folders else None
            apps.append(stack.enter_context(kind or Gunicorn(workers=2, user=USER, args=PATIENT)))
        exporter = stack.enter_context(UnprivilegedExporter(FAST_SAMPLES))
        for gunicorn in apps:
            hold(gunicorn, stack, 2)
        for gunicorn in apps:
            assert_states(exporter, gunicorn, *((2, 0, 0) if have_cgroups else (0, 0, 2)))
        for gunicorn in apps:
            gunicorn.kill()


@contextlib.contextmanager
def busy_uvicorn(user):
    """A server that is no gunicorn, with four requests in hand; its port."""
    port = free_port()
    command = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--backlog", "2048", "asgi_demo:application"]
    apps = os.path.join(os.path.dirname(__file__), "apps")
    with subprocess.Popen(["/usr/bin/python3", *command], cwd=apps, user=user, stderr=subprocess.DEVNULL) as server:
        with contextlib.ExitStack() as stack:
            try:
                url = f"http://127.0.0.1:{port}"
                wait_until(lambda: http_request(url + "/").status == 200, "uvicorn answers")
                stranger = Gunicorn()
                stranger.port = port
                hold(stranger, stack, 4)
                yield port
            finally:
                server.kill()


@pytest.mark.parametrize("has_cgroup", [False, True], ids=["", "cgroup"])
def test_a_busy_neighbour_of_the_same_user_keeps_no_worker_busy(has_cgroup):
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(cgroup_v2())] if has_cgroup else []
        kind = CgroupGunicorn(folders, workers=3) if folders else Gunicorn(workers=3)
        gunicorn = stack.enter_context(kind)
        stack.enter_context(busy_uvicorn(os.getuid()))
        exporter = stack.enter_context(UnprivilegedExporter(FAST_SAMPLES))
        if has_cgroup:
            assert_states(exporter, gunicorn, 0, 3, 0)
            assert exporter.value("gunicorn_connections", app=gunicorn.name) == 0
        else:
            assert_never_idle(exporter, gunicorn)
            assert_states(exporter, gunicorn, 0, 0, 3)
            assert exporter.scrape().get("gunicorn_connections", app=gunicorn.name) is None


class Pod:
    """The cgroups of a pod's containers, as containerd's systemd driver names them."""

    def __init__(self, stack):
        self.stack = stack
        self.slice = f"kubepods-pod{str(uuid.uuid4()).replace('-', '_')}.slice"

    def container(self):
        name = f"{self.slice}/cri-containerd-{uuid.uuid4().hex * 2}.scope"
        return self.stack.enter_context(cgroup_v2(name))


class ContainerGunicorn(CgroupGunicorn):
    """In a cgroup namespace of its own, too: it sees its cgroup as the root."""

    def prepare(self):
        super().prepare()
        shell = self.command.index("sh")
        self.command[shell + 1 : shell + 1] = ["unshare", "--cgroup"]


class PodGunicorn(ContainerGunicorn, ElsewhereGunicorn):
    pass


@contextlib.contextmanager
def sidecar_in(folder, inside=()):
    with subprocess.Popen(
        ["/bin/sh", "-c", f'echo $$ >{folder}/cgroup.procs && exec "$@"', "sh", *inside, "sleep", "600"]
    ) as sidecar:
        try:
            wait_until(lambda: str(sidecar.pid) in (folder / "cgroup.procs").read_text().split(), "the sidecar runs")
            yield
        finally:
            sidecar.kill()


def test_a_pod_with_a_sidecar_of_the_same_user_in_the_machines_network():
    with contextlib.ExitStack() as stack:
        pod = Pod(stack)
        with ContainerGunicorn([pod.container()], workers=3, args=PATIENT) as gunicorn, sidecar_in(pod.container()):
            with UnprivilegedExporter(FAST_SAMPLES) as exporter:
                hold(gunicorn, stack, 2)
                assert_states(exporter, gunicorn, 2, 1, 0)
                gunicorn.kill()


class EnteringExporter(Exporter):
    """As nobody, who may enter other network namespaces, and read no descriptor of others."""

    def prepare(self):
        super().prepare()
        program = shutil.copy(self.command[0], self.directory)
        rights = "-all,+sys_admin,+sys_ptrace"
        nobody = ["setpriv", "--reuid=65534", "--clear-groups", f"--inh-caps={rights}", f"--ambient-caps={rights}"]
        self.command = [*nobody, "--", program, *self.command[1:]]


@pytest.mark.parametrize("may_enter", [False, True], ids=["", "setns"])
def test_a_pod_with_a_sidecar_of_the_same_user_in_a_network_of_its_own(may_enter):
    kind = EnteringExporter if may_enter else UnprivilegedExporter
    with contextlib.ExitStack() as stack:
        pod = Pod(stack)
        with PodGunicorn(folders=[pod.container()], workers=3, args=PATIENT) as gunicorn:
            inside = ["nsenter", "--net", f"--target={gunicorn.pid}"]
            with client_beside(gunicorn) as ask, kind(FAST_SAMPLES) as exporter:
                with sidecar_in(pod.container(), inside):
                    ask("/sleep?seconds=60")
                    ask("/sleep?seconds=60")
                    assert_states(exporter, gunicorn, *((2, 1, 0) if may_enter else (0, 0, 3)))
                # Alone in its pod, the network is its own.
                assert_states(exporter, gunicorn, 2, 1, 0)
                gunicorn.kill()
