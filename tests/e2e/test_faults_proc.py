"""A process table that hides, hangs, storms or takes pids again, and clocks that are set."""

import os
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest
from support import Exporter, Gunicorn, ManagedProcess, send_udp, unique_name, wait_until
from support.exporter import ROOT, SANITISED
from support.gunicorn import APPS
from support.recorded_proc import PROCESS_OK, RecordedProc, hang, scrape_in_two_seconds
from support.wait import POLL_SECONDS

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces")
CLOCK = os.environ.get("STEP_CLOCK", ROOT / "build/dev/tests/e2e/libstep_clock.so")
HIDDEN_USER = 47150  # Who runs nothing else: another test's processes would be seen.


class HiddenProcExporter(Exporter):
    """Runs as a user of its own, with a /proc that shows users only what is theirs."""

    def prepare(self):
        super().prepare()
        mount = "mount -t proc -o hidepid=2 proc /proc"
        shell = mount + f' && exec setpriv --reuid={HIDDEN_USER} --regid={HIDDEN_USER} --clear-groups -- "$@"'
        self.command = ["unshare", "--mount", "sh", "-c", shell, "sh", *self.command]


@needs_root
def test_what_hidepid_hides_is_absent_and_told():
    with Gunicorn(workers=2) as gunicorn, HiddenProcExporter(config="") as exporter:
        send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{gunicorn.name}")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=gunicorn.name) == 1, "StatsD goes on")
        scrape = exporter.scrape()
        assert scrape.value(**PROCESS_OK) == 1
        assert scrape.value("gunicorn_exporter_processes") < 5
        health = exporter.get("/health")
        assert (health.status, health.json()["status"]) == (503, "critical")
        assert exporter.get("/-/healthy").status == 200


def test_a_procfs_that_hangs_fails_its_collector_alone_and_recovers(tmp_path):
    tree = RecordedProc(tmp_path)
    with Exporter(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        wait_until(lambda: exporter.value(**PROCESS_OK) == 1, "the tree is read")
        tree.hang()
        wait_until(
            lambda: 'collector_success{collector="process"} 0' in scrape_in_two_seconds(exporter).text,
            "the collector has failed",
        )
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c|#app:shop")
        wait_until(
            lambda: 'gunicorn_requests_total{app="shop"} 1\n' in scrape_in_two_seconds(exporter).text,
            "StatsD goes on",
        )
        assert exporter.get("/-/healthy").status == 200
        assert exporter.get("/-/ready").status == 200
        tree.let_go()
        wait_until(lambda: exporter.value(**PROCESS_OK) == 1, "it recovers")
        wait_until(lambda: "event=collector_failed collector=process" in exporter.log(), "it is said")


def test_what_is_told_while_a_procfs_hangs_says_how_old_it_is(tmp_path):
    tree = RecordedProc(tmp_path)
    with Exporter(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        wait_until(lambda: exporter.get("/health").status == 200, "the tree is read")
        assert exporter.value("gunicorn_exporter_process_view_age_seconds") < 60
        (before,) = exporter.get("/health").json()["apps"]
        hang(tree, exporter)
        wait_until(lambda: exporter.value("gunicorn_exporter_process_view_age_seconds") > 2, "the view grows old")
        health = exporter.get("/health")
        assert health.status == 503
        assert health.json()["apps"] == [before]
        message = health.json()["message"]
        assert message.startswith("the process table does not answer: what is told of it is ")
        assert message.endswith(" seconds old")
        assert exporter.get("/api/v1/status").json()["status"] == "critical"
        tree.let_go()
        wait_until(lambda: exporter.get("/health").status == 200, "it recovers")


def test_a_sender_that_cannot_be_looked_up_costs_no_cpu(tmp_path):
    tree = RecordedProc(tmp_path)
    flags = [f"--path.procfs={tmp_path}", "--statsd.listen-unixgram=statsd.sock"]
    with Exporter(flags=flags) as exporter:
        wait_until(lambda: exporter.value(**PROCESS_OK) == 1, "the tree is read")
        hang(tree, exporter)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"gunicorn.requests:1|c", str(exporter.directory / "statsd.sock"))
        process = psutil.Process(exporter.pid)

        def cpu_seconds():
            times = process.cpu_times()
            return times.user + times.system

        begin, before = time.monotonic(), cpu_seconds()
        while time.monotonic() - begin < 2:
            scrape_in_two_seconds(exporter)
            time.sleep(0.1)
        assert cpu_seconds() - before < 0.25 * (time.monotonic() - begin)
        tree.let_go()


def test_a_reload_while_a_procfs_hangs_changes_nothing(tmp_path):
    def config(env):
        return f"instances:\n  - proc_name: shop\n    tags: ['env:{env}']\n"

    tree = RecordedProc(tmp_path / "proc")
    with Exporter(config=config("old"), flags=[f"--path.procfs={tmp_path / 'proc'}"]) as exporter:
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c|#app:shop")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app="shop", env="old") == 1, "it counts")
        hang(tree, exporter)
        exporter.write_config(config("new"))
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=config_reload_failed" in exporter.log(), "the reload is refused")
        text = scrape_in_two_seconds(exporter).text
        assert "gunicorn_exporter_config_last_reload_successful 0" in text
        assert 'env="old"' in text
        assert 'env="new"' not in text
        tree.let_go()
        wait_until(lambda: exporter.value(**PROCESS_OK) == 1, "it recovers")
        exporter.send_signal(signal.SIGHUP)
        wait_until(
            lambda: exporter.value("gunicorn_requests_total", app="shop", env="new") == 1
            and exporter.value("gunicorn_is_running", app="shop", env="new") == 0,
            "the next reload takes effect",
        )


def test_a_procfs_that_hangs_from_the_start_keeps_nothing_else_away(tmp_path):
    RecordedProc(tmp_path).hang()
    with Exporter(flags=[f"--path.procfs={tmp_path}"], ready="/-/healthy") as exporter:
        assert exporter.get("/-/ready").status == 503
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c|#app:shop")
        wait_until(
            lambda: 'gunicorn_requests_total{app="shop"} 1\n' in scrape_in_two_seconds(exporter).text,
            "StatsD is received",
        )
        assert exporter.stop() == 0  # Although a thread of it hangs for ever.


class ObedientExporter(Exporter):
    """Does not read, as root may, what the file's mode forbids."""

    def prepare(self):
        super().prepare()
        if os.geteuid() == 0:
            self.command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--", *self.command]


def test_a_table_that_cannot_be_read_is_told_and_takes_nobody_for_gone(tmp_path):
    RecordedProc(tmp_path)
    with ObedientExporter(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        wait_until(lambda: exporter.get("/health").status == 200, "the tree is read")
        (before,) = exporter.get("/health").json()["apps"]
        tmp_path.chmod(0)
        try:
            wait_until(lambda: exporter.value(**PROCESS_OK) == 0, "the collector has failed")
            health = exporter.get("/health")
            assert health.status == 503
            assert "cannot be read" in health.json()["message"]
            assert health.json()["apps"] == [before]
            assert exporter.get("/api/v1/status").json()["status"] == "critical"
        finally:
            tmp_path.chmod(0o755)
        wait_until(lambda: exporter.get("/health").status == 200, "the tree is read again")
        scrape = exporter.scrape()
        for name in ("gunicorn_workers_exited_total", "gunicorn_workers_spawned_total"):
            assert [series.value for series in scrape.series(name)] == [0]


STORM = """
import os, signal, sys
from setproctitle import setproctitle
setproctitle(sys.argv[1])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Reaped by the kernel at once.
made = 0
while True:
    if os.fork() == 0:
        os._exit(0)
    made += 1
    if made % 100 == 0:
        print(made, flush=True)
"""


def test_thousands_of_short_lived_processes_disturb_no_app():
    # Each looks like a child of that master, and is gone when it is looked at.
    name = unique_name("storm")
    with Gunicorn(workers=2) as gunicorn, Exporter() as exporter:
        app = gunicorn.name
        wait_until(lambda: exporter.value("gunicorn_workers", app=app, state="idle") == 2, "its workers are seen")
        with ManagedProcess("storm", ["/usr/bin/python3", "-c", STORM, f"gunicorn: master [{name}]"]) as storm:
            scrapes = []
            while len(scrapes) < 10 or int((storm.log().split() or [0])[-1]) < 2000:
                scrapes.append(exporter.scrape())
                assert storm.process.poll() is None
                time.sleep(POLL_SECONDS)  # The storm has the processors meanwhile.
        cpu = [scrape.total("gunicorn_cpu_seconds_total", app=name) for scrape in scrapes]
        assert cpu == sorted(cpu)
        for scrape in scrapes:
            assert scrape.value(**PROCESS_OK) == 1
            assert scrape.value("gunicorn_masters", app=app) == 1
            assert scrape.total("gunicorn_workers", app=app) == 2
            assert scrape.value("gunicorn_workers_exited_total", app=app) == 0
        # Vanished between two reads is no error.
        assert [s for s in scrapes[-1].series("gunicorn_exporter_process_read_errors_total") if s.value] == []


class PidReuse(ManagedProcess):
    """apps/pid_reuse.py as the first process of a pid namespace, steered by step()."""

    def __init__(self, app):
        super().__init__("pid_reuse")
        self.app = app
        self.steps = None

    def prepare(self):
        os.mkfifo(self.directory / "steps")
        shell = 'exec /usr/bin/python3 "$0" "$1" < steps'
        self.command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                        "sh", "-c", shell, APPS / "pid_reuse.py", self.app]

    def is_ready(self):
        self.steps = self.steps or (self.directory / "steps").open("w", buffering=1)
        return True

    def step(self, words):
        before = len(self.log().split())
        self.steps.write(words + "\n")
        wait_until(lambda: len(self.log().split()) > before, f"it did: {words}")
        return int(self.log().split()[-1])

    @property
    def procfs(self):
        [child] = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return Path(f"/proc/{child}/root/proc")

    def __exit__(self, *error):
        self.steps.close()
        return super().__exit__(*error)


@needs_root
def test_a_pid_that_is_taken_again_is_another_process():
    app = unique_name("reuse")
    with PidReuse(app) as gunicorn:
        pid = gunicorn.step("worker")
        with Exporter(flags=[f"--path.procfs={gunicorn.procfs}"]) as exporter:

            def cpu():
                return exporter.scrape().total("gunicorn_cpu_seconds_total", app=app, role="worker")

            wait_until(lambda: cpu() >= 0.15, "the first worker has burnt its CPU time")
            assert gunicorn.step("reuse worker") == pid
            wait_until(lambda: cpu() >= 0.3, "the next one has burnt its own")
            scrape = exporter.scrape()
            assert scrape.value("gunicorn_workers_exited_total", app=app) == 1
            assert scrape.value("gunicorn_workers_spawned_total", app=app) == 1
            assert scrape.total("gunicorn_workers", app=app) == 1
            assert gunicorn.step("reuse other") == pid
            wait_until(lambda: exporter.value("gunicorn_workers_exited_total", app=app) == 2, "the worker has gone")
            scrape = exporter.scrape()
            assert scrape.total("gunicorn_workers", app=app) == 0
            assert 0.3 <= scrape.total("gunicorn_cpu_seconds_total", app=app, role="worker") < 0.6


class LaterExporter(Exporter):
    """Runs in a time namespace of its own, time_namespaces(7), in which the machine has run a day longer."""

    def prepare(self):
        super().prepare()
        self.command = ["unshare", "--time", "--boottime", 86400, "--monotonic", 86400, "--fork", "--kill-child",
                        *self.command]


@needs_root
def test_a_time_namespace_moves_neither_start_times_nor_states():
    begin = time.time()
    with Gunicorn(workers=2) as gunicorn, LaterExporter() as exporter:
        app = gunicorn.name
        wait_until(lambda: exporter.value("gunicorn_workers", app=app, state="idle") == 2, "its workers are seen")
        assert abs(exporter.value("gunicorn_master_start_time_seconds", app=app) - begin) < 60
        exporter.kill()  # unshare takes no SIGTERM.


@pytest.mark.skipif(SANITISED, reason="nothing may be preloaded before a sanitiser's own library")
@pytest.mark.parametrize("step", [+86400, -86400])
def test_a_clock_that_is_set_changes_times_of_day_and_nothing_else(step, tmp_path):
    step_file = tmp_path / "step"
    step_file.write_text("0")
    env = {"LD_PRELOAD": str(CLOCK), "STEP_FILE": str(step_file)}
    config = "statsd: {series_ttl: 1h, quantile_window: 1h}\ndiscovery: {forget_after: 1h}\n"
    gone = unique_name("gone")
    with Gunicorn(workers=2) as gunicorn, Exporter(config=config, env=env) as exporter:
        app = gunicorn.name
        with Gunicorn(name=gone, workers=1):
            wait_until(lambda: exporter.value("gunicorn_masters", app=gone) == 1, "the other app is seen")
        send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{app}",
                 f"gunicorn.request.duration:250|ms|#app:{app}")
        wait_until(lambda: exporter.scrape().get("gunicorn_request_duration_seconds_count", app=app) == 1, "it counts")
        wait_until(lambda: exporter.value("gunicorn_workers", app=app, state="idle") == 2, "its workers are seen")
        wait_until(lambda: exporter.value("gunicorn_masters", app=gone) == 0, "the other app has gone")
        started = exporter.value("gunicorn_master_start_time_seconds", app=app)
        assert abs(started - time.time()) < 600
        step_file.write_text(str(step))
        send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{app}")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=app) == 2, "it goes on")
        scrape = exporter.scrape()
        # Nothing expired, nobody was forgotten, no window moved.
        assert scrape.value("gunicorn_masters", app=gone) == 0
        assert scrape.value("gunicorn_request_duration_window_seconds", app=app, quantile="1") == 0.25
        assert scrape.total("gunicorn_workers", app=app) == 2
        assert scrape.value("gunicorn_workers_exited_total", app=app) == 0
        # What is a time of day follows the clock.
        last = scrape.value("gunicorn_exporter_statsd_last_packet_timestamp_seconds", app=app)
        assert abs(last - time.time() - step) < 600
        now_started = scrape.value("gunicorn_master_start_time_seconds", app=app)
        assert abs(now_started - started - step) < 5
