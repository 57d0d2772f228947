"""What frameworks' hooks do to a gunicorn: who is a worker is told by its parent, and the app's name and queues stay."""

import contextlib
import socket

import pytest
from support import FAST_SAMPLES, Exporter, run_exporter, unique_name, wait_until, wait_until_steady
from support.hooked import HookedGunicorn

OF_A_WORKER = """
from setproctitle import setproctitle

def post_worker_init(worker):
    setproctitle({title})
"""
OF_A_REQUEST = """
from setproctitle import setproctitle

def pre_request(worker, req):
    setproctitle("gunicorn -> " + req.path)
"""
OF_A_MASTER = """
import itertools, threading, time
from setproctitle import setproctitle

def when_ready(server):
    def retitle():
        for number in itertools.count():
            setproctitle({title})
            time.sleep(0.1)

    threading.Thread(target=retitle, daemon=True).start()
"""
A_HELPER = """
import multiprocessing, time

def when_ready(server):
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
"""
# As a preloaded app that is imported: the master has no signal handlers yet.
AN_EARLY_HELPER = """
import multiprocessing, time

multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
"""

A_LISTENER_OF_THE_MASTER = """
import socket, threading, time

def when_ready(server):
    def listen():
        while len(server.WORKERS) < server.num_workers:
            time.sleep(0.05)
        for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, "{folder}/control.sock")):
            listener = socket.socket(family)
            listener.bind(address)
            listener.listen(16)
            server.kept = getattr(server, "kept", []) + [listener]
        server.log.info("Metrics at %s", server.kept[0].getsockname()[1])

    threading.Thread(target=listen, daemon=True).start()
"""


def title_of(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as cmdline:
        return cmdline.read().rstrip("\0")


def shown(exporter, app):
    scrape = exporter.scrape()
    return {**scrape.processes(app), "exited": scrape.value("gunicorn_workers_exited_total", app=app)}


def assert_has(exporter, app, workers):
    expected = {"running": 1, "masters": 1, "workers": workers, "orphans": 0, "exited": 0}
    wait_until_steady(lambda: shown(exporter, app) == expected, f"{app} shows {expected}")


@pytest.mark.parametrize(
    "title",
    [
        '"[ready] " + "gunicorn: worker [airflow-webserver]"',
        '"[ready] airflow api-server worker"',
        'f"shop worker {worker.age}"',
        '"gunicorn: worker - stop accepting"',
    ],
)
def test_workers_are_workers_whatever_their_titles_say(title):
    with Exporter(FAST_SAMPLES) as exporter, HookedGunicorn(OF_A_WORKER.format(title=title), workers=4) as gunicorn:

        def have_theirs():
            titles = [title_of(pid) for pid in gunicorn.worker_pids()]
            return not any(gunicorn.name in each for each in titles)

        wait_until(have_theirs, "the hook has given the titles")
        assert_has(exporter, gunicorn.name, 4)
        apps = set(exporter.scrape().by("app", "gunicorn_is_running"))
        assert not apps & {"airflow-webserver", "- stop accepting"}


def test_a_title_for_the_time_of_a_request_takes_no_worker_away():
    args = ["--timeout", "120"]
    with Exporter(FAST_SAMPLES) as exporter, HookedGunicorn(OF_A_REQUEST, workers=4, args=args) as gunicorn:
        with contextlib.ExitStack() as stack:
            connection = gunicorn.connect()
            stack.callback(connection.close)
            connection.request("GET", "/sleep?seconds=60")
            wait_until(
                lambda: any(title_of(pid) == "gunicorn -> /sleep" for pid in gunicorn.worker_pids()), "it has the title"
            )
            assert_has(exporter, gunicorn.name, 4)
            wait_until_steady(
                lambda: exporter.value("gunicorn_workers", app=gunicorn.name, state="working") == 1, "it works"
            )
            gunicorn.kill()


# It calls itself so once its workers run.
A_RETITLED_MASTER = """
import threading, time
from setproctitle import setproctitle

def when_ready(server):
    def retitle():
        while len(server.WORKERS) < server.num_workers:
            time.sleep(0.05)
        time.sleep({seconds})
        setproctitle("shop master")

    threading.Thread(target=retitle, daemon=True).start()
"""


@pytest.mark.parametrize("seen", ["before", "after"])
def test_a_master_with_a_title_of_its_own_has_its_workers(seen):
    hooks = A_RETITLED_MASTER.format(seconds=3 if seen == "before" else 0)
    with contextlib.ExitStack() as stack, HookedGunicorn(hooks, workers=2) as gunicorn:
        exporter = None
        if seen == "before":
            exporter = stack.enter_context(Exporter(FAST_SAMPLES))
            assert_has(exporter, gunicorn.name, 2)
        wait_until(lambda: title_of(gunicorn.pid) == "shop master", "the title is the app's")
        exporter = exporter or stack.enter_context(Exporter(FAST_SAMPLES))
        assert_has(exporter, gunicorn.name, 2)
        assert f"[OK]: {gunicorn.name}: 1 master" in run_exporter("check").stdout


@pytest.mark.parametrize("helper", [A_HELPER, AN_EARLY_HELPER], ids=["late", "early"])
@pytest.mark.parametrize("setproctitle", [True, False], ids=["titled", "untitled"])
def test_a_helper_of_the_master_is_no_worker(setproctitle, helper):
    with Exporter(FAST_SAMPLES) as exporter, HookedGunicorn(helper, workers=2, setproctitle=setproctitle) as gunicorn:
        wait_until(lambda: len(gunicorn.worker_pids()) == 3, "the helper runs beside two workers")
        assert_has(exporter, gunicorn.name, 2)
        expected = [f"127.0.0.1:{gunicorn.port}"]
        wait_until_steady(
            lambda: list(exporter.scrape().by("address", "gunicorn_listen_queue_length", app=gunicorn.name)) == expected,
            "the app has its queue",
        )
        gunicorn.kill()  # The helper has the master's signal handlers, and would stay.


@pytest.mark.parametrize(
    "title",
    [
        '"gunicorn: master [NAME] [v1.2]"',
        'f"gunicorn: master NAME [backlog: {number}]"',
    ],
)
def test_what_a_framework_adds_to_the_masters_title_makes_no_other_app(title):
    name = unique_name("canon")
    hooks = OF_A_MASTER.format(title=title.replace("NAME", name))
    with HookedGunicorn(hooks, name=name, workers=2) as gunicorn, Exporter(FAST_SAMPLES) as exporter:
        wait_until(lambda: title_of(gunicorn.pid) != f"gunicorn: master [{name}]", "the title is the framework's")
        assert_has(exporter, name, 2)
        apps = exporter.scrape().by("app", "gunicorn_is_running")
        assert [app for app in apps if "canon" in app] == [name]


def test_a_listener_of_the_master_alone_is_no_queue_of_the_app(tmp_path):
    hooks = A_LISTENER_OF_THE_MASTER.format(folder=tmp_path)
    with Exporter(FAST_SAMPLES) as exporter, HookedGunicorn(hooks, workers=2) as gunicorn:
        wait_until(lambda: "Metrics at" in gunicorn.log(), "the master listens")
        port = int(gunicorn.log().split("Metrics at ")[1].split()[0])
        with socket.create_connection(("127.0.0.1", port)):
            pass
        expected = [f"127.0.0.1:{gunicorn.port}"]
        wait_until_steady(
            lambda: list(exporter.scrape().by("address", "gunicorn_listen_queue_length", app=gunicorn.name)) == expected,
            "the app's own queue alone is shown",
        )


def test_blanks_at_the_ends_of_a_titles_name_stay(tmp_path):
    name = f" {unique_name('shop')}  "  # gunicorn strips those of --name.
    config = tmp_path / "c.yml"
    config.write_text(f'instances:\n  - proc_name: "{name}"\n')
    with HookedGunicorn(OF_A_MASTER.format(title=f'"gunicorn: master [{name}]"'), workers=2) as gunicorn:
        wait_until(lambda: title_of(gunicorn.pid) == f"gunicorn: master [{name}]", "the title is the framework's")
        with Exporter(FAST_SAMPLES) as exporter:
            assert_has(exporter, name, 2)
        assert f"[OK]: {name}: 1 master" in run_exporter("check", f"--config.file={config}").stdout
