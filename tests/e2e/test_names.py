"""What a gunicorn is called, and which it is, where neither its title nor a plain command line says so."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support import Exporter, Gunicorn, UnprivilegedExporter, run_exporter, unique_name, wait_until
from support.exporter import BINARY
from support.gunicorn import APPS

PACKAGES = Path("/usr/lib/python3/dist-packages")


class StartedAs(Gunicorn):
    """Untitled, started by `words` in place of `python3 /usr/bin/gunicorn`; {link} is a link to gunicorn of the name `link`."""

    def __init__(self, *words, link="gunicorn", **options):
        super().__init__(setproctitle=False, **options)
        self.words = words
        self.link = link

    def prepare(self):
        super().prepare()
        link = self.directory / self.link
        link.unlink(missing_ok=True)
        link.symlink_to("/usr/bin/gunicorn")
        self.command[:2] = [word.format(link=link) for word in self.words]


class EmbeddedGunicorn(Gunicorn):
    def prepare(self):
        super().prepare()
        self.command = ["/usr/bin/python3", str(APPS / "embedded.py"), f"127.0.0.1:{self.port}", str(self.workers)]


class VirtualenvGunicorn(Gunicorn):
    """Of a virtual environment whose own gunicorn is called 99.1.0; setproctitle is Debian's, where it may be used."""

    def __init__(self, *flags, program="{venv}/bin/gunicorn", **options):
        super().__init__(workers=1, **options)
        self.flags = flags
        self.program = program

    def prepare(self):
        super().prepare()
        venv = self.directory / "venv"
        if not venv.exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", *self.flags, venv], check=True, timeout=60)
            packages = venv / "lib/python3.11/site-packages"
            for name in ["gunicorn", "pkg_resources"]:
                shutil.copytree(PACKAGES / name, packages / name)
            (packages / "gunicorn-99.1.0.dist-info").mkdir()
            script = venv / "bin/gunicorn"
            script.write_text(f"#!{venv}/bin/python3\nfrom gunicorn.app.wsgiapp import run\nrun()\n")
            script.chmod(0o755)
        self.command[:2] = self.program.format(venv=venv).split()


def check_lines(tmp_path, text, *flags):
    (tmp_path / "c.yml").write_text(text)
    run = run_exporter("check", f"--config.file={tmp_path}/c.yml", *flags)
    return run, [line.strip() for line in run.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "link"),
    [
        (["{link}"], "gunicorn-3.11"),
        (["/usr/bin/python3", "{link}"], ".gunicorn-wrapped"),
        (["{link}"], "gunicorn_paster"),
        (["/usr/bin/python3", "-mgunicorn"], "gunicorn"),
    ],
)
def test_a_command_line_of_gunicorns_names_it(words, link, tmp_path):
    with StartedAs(*words, link=link, workers=1) as gunicorn:
        _, lines = check_lines(tmp_path, f"instances:\n  - proc_name: {gunicorn.name}\n")
        assert any(f"[OK]: {gunicorn.name}: 1 master" in line for line in lines), lines


def test_the_name_may_be_abbreviated_and_two_dashes_end_the_options(tmp_path):
    class Abbreviated(StartedAs):
        def prepare(self):
            super().prepare()
            self.command[self.command.index("--name")] = "--nam"
            self.command.insert(-1, "--")

    with Abbreviated("{link}", workers=1) as gunicorn:
        _, lines = check_lines(tmp_path, f"instances:\n  - proc_name: {gunicorn.name}\n")
        assert any(f"[OK]: {gunicorn.name}: 1 master" in line for line in lines), lines


@pytest.mark.parametrize(
    "make",
    [
        lambda: StartedAs("{link}", link="shopserver"),
        lambda: EmbeddedGunicorn(setproctitle=False),
    ],
    ids=["renamed", "embedded"],
)
def test_what_cannot_be_named_is_told_by_pid_and_command_line(make, tmp_path):
    with make() as gunicorn, Exporter() as exporter:
        command = " ".join(Path(f"/proc/{gunicorn.pid}/cmdline").read_text().rstrip("\0").split("\0"))
        told = f"a gunicorn runs here that has no name: pid {gunicorn.pid}, {command}"[:200]
        _, lines = check_lines(tmp_path, "")
        assert any(line.startswith(f"- {told}"[:150]) and "setproctitle" in line for line in lines), lines
        hints = exporter.get("/api/v1/status").json()["hints"]
        assert any(hint.startswith(told[:150]) for hint in hints), hints
        _, lines = check_lines(tmp_path, "", "--path.procfs=/proc")
        assert not any("no gunicorn is running" in line for line in lines)


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--system-site-packages"], {"setproctitle": True}),
        (["--system-site-packages"], {"setproctitle": True, "program": "{venv}/bin/python -m gunicorn"}),
        (["--system-site-packages"], {"setproctitle": False}),
        ([], {}),
    ],
)
def test_the_version_is_that_of_the_virtual_environment(flags, options):
    with VirtualenvGunicorn(*flags, **options) as gunicorn, Exporter() as exporter:
        wait_until(
            lambda: exporter.value("gunicorn_app_info", app=gunicorn.name, version="99.1.0") == 1, "its version is told"
        )


def test_a_name_that_is_near_is_told(tmp_path):
    name = unique_name("my_app")
    configured = name.replace("_", "-")
    text = f"instances:\n  - proc_name: {configured}\n"
    sentence = f"Found no master process with name: gunicorn: master [{configured}]"
    with Gunicorn(name=name, workers=1), Exporter(config=text) as exporter:
        run, lines = check_lines(tmp_path, text)
        assert run.code == 2
        assert any(line.startswith(f"- instance #0 [ERROR]: '{sentence}' (these run: {name})") for line in lines), lines
        (app,) = exporter.get("/health").json()["apps"]
        assert app["message"] == f"{sentence} (these run: {name})"


def test_two_gunicorns_of_one_name_are_told_apart_and_the_loss_of_one_is_seen():
    name = unique_name("shop")
    with Exporter() as exporter, Gunicorn(name=name, workers=1) as first:

        def message():
            return exporter.get(f"/health/{name}").json()["apps"][0]["message"]

        with Gunicorn(name=name, workers=1) as second:
            addresses = [f"127.0.0.1:{gunicorn.port}" for gunicorn in (first, second)]
            both = wait_until(
                lambda: all(address in (text := message()) for address in addresses) and text, "both are named"
            )
            assert f"{name}: 2 masters" in both
            assert all(str(gunicorn.pid) in both for gunicorn in (first, second))
            app = {app["app"]: app for app in exporter.get("/api/v1/status").json()["apps"]}[name]
            assert any(all(address in hint for address in addresses) for hint in app["hints"])
        wait_until(lambda: "1 is left" in message() and addresses[1] in message(), "the loss is told")
        assert exporter.get(f"/health/{name}").status == 200
        with Gunicorn(name=name, workers=1):
            wait_until(lambda: "2 gunicorns have this name" in message(), "as many run as before")
            assert "left" not in message()


class HiddenExporter(UnprivilegedExporter):
    """As nobody, where procfs is mounted with hidepid."""

    def prepare(self):
        super().prepare()
        # Whom hidepid does not hide from is the group of root, too.
        self.command.insert(1, "--regid=65534")
        mount = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
        self.command = ["unshare", "--mount", "sh", "-c", mount, "sh", *self.command]


def may_mount():
    words = ["unshare", "--mount", "mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"]
    return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="procfs cannot be mounted here")
def test_what_is_hidden_is_not_told_as_absent():
    name = unique_name("shop")
    config = f"instances:\n  - proc_name: {name}\n"
    with Gunicorn(name=name, workers=1), HiddenExporter(config=config) as exporter:
        answer = exporter.get("/health")
        assert answer.status == 503
        (app,) = answer.json()["apps"]
        assert app["message"].startswith(f"Found no master process with name: gunicorn: master [{name}] (")
        assert "hidepid" in app["message"]
        scrape = exporter.scrape()
        # It may run: nothing of the process table is 0.
        for series in ("is_running", "masters", "workers", "orphaned_workers", "workers_spawned_total", "workers_exited_total"):
            assert scrape.series(f"gunicorn_{series}", app=name) == []
        assert any("hidepid" in hint for hint in exporter.get("/api/v1/status").json()["hints"])
    with Gunicorn(workers=1), HiddenExporter() as exporter:
        message = exporter.get("/health").json()["message"]
        assert "hidepid" in message
        assert "none runs here" not in message
        program = exporter.command[: exporter.command.index(str(exporter.directory / BINARY.name)) + 1]
        run = subprocess.run([*program, "check"], capture_output=True, text=True, check=False, timeout=60)
        assert run.returncode == 3
        assert "hidepid" in run.stdout + run.stderr
        assert "no gunicorn is running" not in run.stdout + run.stderr
