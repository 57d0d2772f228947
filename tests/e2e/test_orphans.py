"""Workers that outlive their master: they go on serving and hold the port, and no master shows for them."""

import contextlib
import os
import signal

import pytest
from support import FAST_SAMPLES, Exporter, Gunicorn, run_exporter, wait_until, wait_until_steady



class HoldingGunicorn(Gunicorn):
    """Each of its workers holds a request at once, and does not look for its master meanwhile. The next one listens beside it."""

    def __init__(self, folder, **options):
        args = ["--timeout", "600", "--reuse-port"]
        super().__init__(args=args, app="working_demo:application", env={"IN_HAND": str(folder)}, **options)
        self.folder = folder

    def hold(self, stack):
        for count in range(1, self.workers + 1):
            connection = self.connect()
            stack.callback(connection.close)
            connection.request("GET", "/sleep?seconds=600")
            wait_until(lambda count=count: len(list(self.folder.iterdir())) == count, "a worker holds it")


def assert_shows(exporter, app, **expected):
    wait_until_steady(lambda: exporter.scrape().processes(app) == expected, f"{app} shows {expected}")


def kill_master(gunicorn):
    """Its workers, which live on."""
    orphans = gunicorn.worker_pids()
    os.kill(gunicorn.pid, signal.SIGKILL)
    gunicorn.wait()
    return orphans


def assert_named(text, orphans, gunicorn):
    for pid in orphans:
        assert str(pid) in text
    assert f"127.0.0.1:{gunicorn.port}" in text
    assert "no gunicorn is running" not in text


@pytest.mark.parametrize("seen", ["before", "after"])
@pytest.mark.parametrize("setproctitle", [True, False], ids=["titled", "untitled"])
def test_workers_that_outlive_their_master(setproctitle, seen, tmp_path):
    in_hand = tmp_path / "in_hand"
    in_hand.mkdir()
    with contextlib.ExitStack() as stack, HoldingGunicorn(in_hand, workers=2, setproctitle=setproctitle) as gunicorn:
        gunicorn.hold(stack)
        app = gunicorn.name
        orphans = kill_master(gunicorn) if seen == "after" else None
        with Exporter(FAST_SAMPLES) as exporter:
            if not orphans:
                assert_shows(exporter, app, running=1, masters=1, workers=2, orphans=0)
                orphans = kill_master(gunicorn)
            assert_shows(exporter, app, running=0, masters=0, workers=0, orphans=2)
            answer = exporter.get(f"/health/{app}")
            assert answer.status == 503
            assert_named(answer.text, orphans, gunicorn)
            config = tmp_path / "c.yml"
            config.write_text(f"instances:\n  - proc_name: {app}\n")
            run = run_exporter("check", f"--config.file={config}")
            assert run.code == 2
            assert_named(run.stdout, orphans, gunicorn)
            # Without configuration, too.
            line = next(line for line in run_exporter("check").stdout.splitlines() if app in line)
            assert_named(line, orphans, gunicorn)

            gunicorn.start()
            assert_shows(exporter, app, running=1, masters=1, workers=2, orphans=2)
            assert f"2 orphaned workers (pid {orphans[0]}, {orphans[1]}) still run" in exporter.get(f"/health/{app}").text
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
            assert_shows(exporter, app, running=1, masters=1, workers=2, orphans=0)
            wait_until(lambda: str(orphans[0]) not in exporter.get(f"/health/{app}").text, "they are forgotten")
