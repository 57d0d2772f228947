"""The program under test."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from support.http import http_request
from support.ports import free_port
from support.process import ManagedProcess, started
from support.scrape import Scrape

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("GUNICORN_EXPORTER_BINARY", ROOT / "build/dev/exporter/gunicorn_exporter"))
# Built with a sanitiser, it takes several times the memory and the CPU: no test holds it to bounds of those.
SANITISED = BINARY.exists() and any(name in BINARY.read_bytes() for name in (b"__asan_init", b"__tsan_init"))
# For tests that wait for a change.
FAST_SAMPLES = "process:\n  sample_interval: 200ms\n"


class Exporter(ManagedProcess):
    """`config` is the text of a configuration file, `flags` come last and win over those that are set here."""

    expected_exit = 0

    def __init__(self, config=None, flags=(), web_config=None, scheme="http", ready="/-/ready", env=None):
        super().__init__("exporter", env=env)
        self.config = config
        self.flags = list(flags)
        self.web_config = web_config
        self.scheme = scheme
        self.ready_path = ready
        self.port = None
        self.statsd_port = None
        # For https and for basic authentication, given on with every request.
        self.context = None
        self.user = None

    def prepare(self):
        self.port = self.port or free_port()
        self.statsd_port = self.statsd_port or free_port()
        self.command = [BINARY, f"--web.listen-address=127.0.0.1:{self.port}"]
        self.command.append(f"--statsd.listen-udp=127.0.0.1:{self.statsd_port}")
        if self.config is not None:
            self.write_config(self.config)
            self.command.append(f"--config.file={self.config_path}")
        if self.web_config is not None:
            self.web_config_path.write_text(self.web_config)
            self.command.append(f"--web.config.file={self.web_config_path}")
        # A relative socket is one in this exporter's own folder.
        unixgram = "--statsd.listen-unixgram="
        for flag in map(str, self.flags):
            if flag.startswith(unixgram) and not flag.removeprefix(unixgram).startswith(("/", "unix:")):
                flag = f"{unixgram}{self.directory / flag.removeprefix(unixgram)}"
            self.command.append(flag)

    @property
    def config_path(self):
        return self.directory / "config.yml"

    @property
    def web_config_path(self):
        return self.directory / "web-config.yml"

    def write_config(self, text):
        """What the next start or reload reads; one that runs now reads the old file or the new one, whole."""
        self.config = text
        written = self.config_path.with_suffix(".new")
        written.write_text(text)
        written.replace(self.config_path)

    def is_ready(self):
        return self.get(self.ready_path).status == 200

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def request(self, method, path, **options):
        options.setdefault("context", self.context)
        options.setdefault("user", self.user)
        return http_request(self.url + path, method=method, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def scrape(self):
        answer = self.get("/metrics")
        assert answer.status == 200, f"/metrics answered {answer.status}: {answer.text}"
        return Scrape(answer.text)

    def value(self, name, **labels):
        return self.scrape().value(name, **labels)


class UnprivilegedExporter(Exporter):
    """Runs as nobody, without capabilities."""

    def prepare(self):
        super().prepare()
        # Others may have no way to where it was built.
        program = shutil.copy(self.command[0], self.directory)
        nobody = ["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all", "--"]
        self.command = [*nobody, program, *self.command[1:]]


class ActivatedExporter(Exporter):
    """Gets sockets as systemd hands them over (sd_listen_fds(3)), in place of its own settings of where to listen."""

    def __init__(self, sockets, **options):
        super().__init__(**options)
        self.pass_fds = tuple(each.fileno() for each in sockets)

    def prepare(self):
        super().prepare()
        # First out of the way of the places where they belong.
        away = " ".join(f"{index + 20}<&{fd}" for index, fd in enumerate(self.pass_fds))
        home = " ".join(f"{index + 3}<&{index + 20} {index + 20}<&-" for index in range(len(self.pass_fds)))
        hand_over = f'exec {away}; exec {home}; LISTEN_PID=$$ LISTEN_FDS={len(self.pass_fds)} exec "$@"'
        self.command = ["/bin/bash", "-c", hand_over, "bash", *self.command]


@dataclass
class Run:
    """A call of the program that ended by itself."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def run_exporter(*arguments, timeout=60.0, cwd=None):
    begin = time.monotonic()
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout,
        cwd=cwd,
        check=False,
    )
    run = Run(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)
    words = " ".join(map(str, arguments))
    started.append((f"gunicorn_exporter {words}", f"exit {run.code}\n{run.stdout}{run.stderr}"))
    return run
