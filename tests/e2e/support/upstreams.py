"""Debian's PostgreSQL and Redis, and a slow HTTP service, on free ports of the loopback."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psutil

from support.gunicorn import Gunicorn
from support.ports import free_port
from support.process import ManagedProcess

SLOW_SERVICE = """
import http.server, sys, time
class Slow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        time.sleep(float(self.path.strip("/")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Slow).serve_forever()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)"


class Upstream(ManagedProcess):
    """`inside` is what the command begins with, to run in another network namespace."""

    host = "127.0.0.1"
    name = ""

    def __init__(self, inside=()):
        super().__init__(self.name)
        self.inside = list(inside)
        self.port = free_port()

    def is_ready(self):
        if self.inside:
            connect = [*self.inside, "/usr/bin/python3", "-c", CONNECT, self.host, str(self.port)]
            return subprocess.run(connect, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
        with socket.create_connection((self.host, self.port), timeout=60):
            return True

    @property
    def peer(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def env_for_app(self):
        return {self.name.upper(): f"{self.host} {self.port}"}

    def signal_family(self, number):
        """To it and all its children, of which one may end meanwhile: Postgres' do when their parent has ended."""
        parent = psutil.Process(self.pid)
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return family

    def freeze(self):
        """It stops answering; the kernel goes on for it."""
        self.signal_family(signal.SIGSTOP)

    def stop(self, number=signal.SIGKILL):
        """With all its children, which are in sessions of their own."""
        family = self.signal_family(number)
        psutil.wait_procs(family[1:], timeout=60)
        return super().stop(number)


class Postgres(Upstream):
    name = "postgres"

    def prepare(self):
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.directory / "data"
        user = pwd.getpwnam("postgres")
        as_postgres = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
        if not data.exists():
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            make = [*as_postgres, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync"]
            subprocess.run(make, check=True, stdin=subprocess.DEVNULL, capture_output=True, cwd=self.directory)
        serve = [programs / "postgres", "-D", data, "-p", self.port, "-k", self.directory, "-c", "fsync=off"]
        self.command = [*self.inside, *as_postgres, *serve]


class RedisServer(Upstream):
    name = "redis"

    def __init__(self, inside=(), host="127.0.0.1"):
        super().__init__(inside)
        self.host = host

    def prepare(self):
        self.command = [*self.inside, "redis-server", "--port", self.port, "--bind", self.host, "--save", ""]


class SlowService(Upstream):
    name = "http"

    def prepare(self):
        self.command = [*self.inside, "/usr/bin/python3", "-c", SLOW_SERVICE, self.port]


class Waits:
    """The folder in which the app writes down what it waits for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o777)

    def begun(self, name):
        """When each wait of that name began."""
        return [float(path.read_text()) for path in self.folder.glob(f"{name}-*") if path.stat().st_size]


@contextlib.contextmanager
def waiting_app(upstreams, kind=Gunicorn, args=(), **options):
    with tempfile.TemporaryDirectory(prefix="gunicorn-exporter-waits-") as folder:
        env = {"WAITS": folder}
        for upstream in upstreams:
            env |= upstream.env_for_app
        options.setdefault("app", "upstreams_demo:application")
        with kind(env=env, args=["--timeout", "300", *args], **options) as gunicorn:
            yield gunicorn, Waits(folder)


def ask(gunicorn, stack, *paths):
    for path in paths:
        connection = gunicorn.connect()
        stack.callback(connection.close)
        connection.request("GET", path)
