"""What an exporter may tell that runs as nobody, without capabilities: what is proven, and "unknown" where nothing is.

The exporter knows whose connections they are by the app's cgroup, by its user, or by `bind`. Where none tells, no worker is idle.
"""

import contextlib
import socket
import subprocess

import pytest
from support import FAST_SAMPLES, CgroupGunicorn, Gunicorn, UnprivilegedExporter, wait_until
from support.states import PATIENT, assert_never_idle, assert_states, hold, states

# Of gunicorns alone that this file starts: other tests run theirs as root, at the same time.
USER = 47120
OTHER_USER = 47121
PER_WORKER = FAST_SAMPLES + "  per_worker: true\n"


@contextlib.contextmanager
def stranger_of(user):
    with subprocess.Popen(["sleep", "600"], user=user, group=user) as process:
        try:
            yield
        finally:
            process.kill()


# Whatever the length of the queue: 100 is the ASGI servers' custom, 128 what net.core.somaxconn was for long.
QUEUES = {
    "sync": {},
    "511": {"args": [*PATIENT, "--backlog", "511"]},
    "128": {"args": [*PATIENT, "--backlog", "128"]},
    "asgi": {
        "worker_class": "uvicorn.workers.UvicornWorker",
        "app": "asgi_demo:application",
        "args": [*PATIENT, "--backlog", "100"],
    },
}


@pytest.mark.parametrize("queue", QUEUES)
def test_its_own_cgroup_tells_an_apps_connections(cgroup, queue):
    options = {"workers": 3, "args": PATIENT, **QUEUES[queue]}
    with CgroupGunicorn([cgroup], **options) as gunicorn, UnprivilegedExporter(PER_WORKER) as exporter:
        assert_states(exporter, gunicorn, 0, 3, 0)
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, 2)
            assert_states(exporter, gunicorn, 2, 1, 0)
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_requests_in_progress", app=gunicorn.name) == 2
            assert scrape.value("gunicorn_connections", app=gunicorn.name) == 2
            # Which worker has which is not told.
            assert scrape.series("gunicorn_worker_cpu_seconds_total", app=gunicorn.name)
            assert not scrape.series("gunicorn_worker_requests_in_progress", app=gunicorn.name)
            [app] = [app for app in exporter.get("/api/v1/status").json()["apps"] if app["app"] == gunicorn.name]
            assert app["worker_list"] == []
            assert list(scrape.by("address", "gunicorn_listen_queue_limit", app=gunicorn.name)) == [
                f"127.0.0.1:{gunicorn.port}"
            ]
            gunicorn.kill()


def test_a_foreign_process_in_the_cgroup_proves_nothing(cgroup):
    with CgroupGunicorn([cgroup], workers=2, args=PATIENT) as gunicorn, UnprivilegedExporter(FAST_SAMPLES) as exporter:
        assert_states(exporter, gunicorn, 0, 2, 0)
        with subprocess.Popen(["sleep", "600"]) as stranger:
            (cgroup / "cgroup.procs").write_text(str(stranger.pid))
            assert_states(exporter, gunicorn, 0, 0, 2)
            assert exporter.scrape().get("gunicorn_connections", app=gunicorn.name) is None
            stranger.kill()
        assert_states(exporter, gunicorn, 0, 2, 0)


@pytest.mark.parametrize("queue", QUEUES)
def test_without_any_proof_a_queues_length_is_none(queue):
    options = {"workers": 3, "args": PATIENT, **QUEUES[queue]}
    with Gunicorn(**options) as gunicorn, UnprivilegedExporter(FAST_SAMPLES) as exporter, contextlib.ExitStack() as stack:
        hold(gunicorn, stack, 2)
        assert_states(exporter, gunicorn, 0, 0, 3)
        gunicorn.kill()


def test_a_unix_socket_is_not_told_by_a_cgroup(cgroup):
    with CgroupGunicorn([cgroup], workers=3, bind="unix", args=PATIENT) as gunicorn:
        with UnprivilegedExporter(FAST_SAMPLES) as exporter, contextlib.ExitStack() as stack:
            hold(gunicorn, stack, 2)
            assert_states(exporter, gunicorn, 0, 0, 3)
            gunicorn.kill()


def test_without_any_proof_no_worker_is_idle_and_none_of_anothers_clients_count():
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as foreign, contextlib.ExitStack() as stack:
        with Gunicorn(workers=3, args=PATIENT) as gunicorn, UnprivilegedExporter(FAST_SAMPLES) as exporter:
            for _ in range(4):
                client = stack.enter_context(socket.create_connection(foreign.getsockname()))
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                stack.enter_context(foreign.accept()[0])
            assert_never_idle(exporter, gunicorn)
            hold(gunicorn, stack, 2)
            # What they burned for it may show; then they sleep.
            wait_until(lambda: states(exporter, gunicorn) == (0, 0, 3), "they sleep")
            assert_never_idle(exporter, gunicorn)
            scrape = exporter.scrape()
            for name in ["gunicorn_connections", "gunicorn_requests_in_progress", "gunicorn_listen_queue_length"]:
                assert scrape.get(name, app=gunicorn.name) is None
            gunicorn.kill()


@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_a_user_of_its_own_tells_an_apps_connections(bind):
    with Gunicorn(user=USER, workers=3, bind=bind, args=PATIENT) as gunicorn, UnprivilegedExporter(FAST_SAMPLES) as exporter:
        assert_states(exporter, gunicorn, 0, 3, 0)
        with contextlib.ExitStack() as stack:
            hold(gunicorn, stack, 2)
            assert_states(exporter, gunicorn, 2, 1, 0)
            with stranger_of(USER):
                wait_until(lambda: states(exporter, gunicorn) == (0, 0, 3), "the user has another process")
            gunicorn.kill()


def test_two_apps_of_one_user_are_not_told_apart():
    with Gunicorn(user=OTHER_USER, workers=2) as first, Gunicorn(user=OTHER_USER, workers=2) as second:
        with UnprivilegedExporter(FAST_SAMPLES) as exporter:
            assert_never_idle(exporter, first)
            assert_never_idle(exporter, second)


@pytest.mark.parametrize("bind", ["tcp", "unix"])
def test_the_configured_bind_tells_an_apps_connections(bind):
    with Gunicorn(workers=3, bind=bind, args=PATIENT) as gunicorn:
        address = f"127.0.0.1:{gunicorn.port}" if bind == "tcp" else f"unix:{gunicorn.socket_path}"
        config = f'{FAST_SAMPLES}instances:\n  - proc_name: {gunicorn.name}\n    bind: ["{address}"]\n'
        with UnprivilegedExporter(config) as exporter, contextlib.ExitStack() as stack:
            assert_states(exporter, gunicorn, 0, 3, 0)
            hold(gunicorn, stack, 2)
            assert_states(exporter, gunicorn, 2, 1, 0)
            gunicorn.kill()


def test_what_is_not_proven_is_said_once_with_what_would_settle_it():
    with Gunicorn(workers=2) as gunicorn:
        with UnprivilegedExporter(f"{FAST_SAMPLES}instances:\n  - proc_name: {gunicorn.name}\n") as exporter:
            assert_states(exporter, gunicorn, 0, 0, 2)
            (app,) = exporter.get("/api/v1/status").json()["apps"]
            (hint,) = [hint for hint in app["hints"] if "not proven" in hint]
            for way in ("`bind`", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"):
                assert way in hint
            as_nobody = exporter.command[: exporter.command.index("--") + 2]
            words = [*as_nobody, "check", f"--config.file={exporter.config_path}"]
            said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False, timeout=60).stdout
            assert "2 unknown workers" in said
            assert said.count(hint) == 1, said


def test_the_sender_of_a_packet_is_told_by_its_cgroup(cgroup):
    with UnprivilegedExporter(FAST_SAMPLES) as exporter, Gunicorn(), CgroupGunicorn([cgroup], statsd=exporter) as gunicorn:
        for _ in range(3):
            gunicorn.get("/")
        wait_until(
            lambda: exporter.scrape().get("gunicorn_requests_total", app=gunicorn.name) == 3, "its requests are its own"
        )
