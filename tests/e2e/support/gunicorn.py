"""Debian's gunicorn with the demo application."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
from pathlib import Path

import psutil

from support.http import UnixConnection, request_on
from support.ports import free_port
from support.process import ManagedProcess
from support.wait import unique_name, wait_until

APPS = Path(__file__).resolve().parent.parent / "apps"


class Gunicorn(ManagedProcess):
    """`bind` is "tcp", "unix", or what gunicorn's --bind takes. `statsd` is an Exporter or a UDP port. `user`: its uid."""

    def __init__(
        self,
        name=None,
        workers=2,
        worker_class="sync",
        threads=1,
        bind="tcp",
        statsd=None,
        dogstatsd_tags=None,
        statsd_prefix=None,
        setproctitle=True,
        args=(),
        app="demo:application",
        env=None,
        user=None,
    ):
        super().__init__("gunicorn", env=env)
        self.name = name or unique_name("app")
        self.workers = workers
        self.worker_class = worker_class
        self.threads = threads
        self.bind = bind
        self.statsd = statsd
        self.dogstatsd_tags = dogstatsd_tags
        self.statsd_prefix = statsd_prefix
        self.setproctitle = setproctitle
        self.args = list(args)
        self.app = app
        self.user = user
        self.port = None
        self.socket_path = None
        self.booted_before = 0

    def prepare(self):
        self.booted_before = self._booted()  # By the starts before this one.
        if self.bind == "tcp":
            self.port = self.port or free_port()
            bind = f"127.0.0.1:{self.port}"
        elif self.bind == "unix":
            self.socket_path = str(self.directory / "gunicorn.sock")
            if self.user is not None:
                os.chown(self.directory, self.user, -1)
            bind = f"unix:{self.socket_path}"
        else:
            bind = self.bind
            host, _, port = bind.rpartition(":")
            self.port = int(port) if port.isdigit() and host != "unix" else None
        apps = APPS
        if self.user is not None:
            # The clone may lie where only its owner may look.
            apps = self.directory / "apps"
            shutil.copytree(APPS, apps, dirs_exist_ok=True)
        paths = [apps] if self.setproctitle else [apps / "without_setproctitle", apps]
        self.env = {**(self.env or {}), "PYTHONPATH": ":".join(map(str, paths))}
        self.command = ["/usr/bin/python3", "/usr/bin/gunicorn", "--bind", bind, "--name", self.name]
        self.command += ["--workers", self.workers, "--worker-class", self.worker_class, "--threads", self.threads]
        # The heartbeat files; a short wait at the end keeps the tests short.
        self.command += ["--worker-tmp-dir", "/dev/shm", "--graceful-timeout", "5"]
        if self.statsd is not None:
            self.command += ["--statsd-host", f"127.0.0.1:{getattr(self.statsd, 'statsd_port', self.statsd)}"]
        if self.dogstatsd_tags is not None:
            self.command += ["--dogstatsd-tags", self.dogstatsd_tags]
        if self.statsd_prefix is not None:
            self.command += ["--statsd-prefix", self.statsd_prefix]
        self.command += [*self.args, self.app]
        if self.user is not None:
            self.command = ["setpriv", f"--reuid={self.user}", "--clear-groups", "--", *self.command]

    def __exit__(self, kind, error, trace):
        # Nobody looks at how it ends, and Pythons that tidy up take twice the processor that the rest of their life takes.
        self.kill()
        super().__exit__(kind, error, trace)

    def is_ready(self):
        # Asks without a request, which would be counted; what costs little first.
        if self._booted() - self.booted_before < self.workers:
            return False
        return len(self.worker_pids()) >= self.workers and self._listens()

    def _booted(self):
        return self.error_log_text().count("Booting worker with pid")

    def error_log_text(self):
        """What gunicorn's error logger wrote: to the file of --error-logfile where `args` name one."""
        if "--error-logfile" in self.args:
            path = Path(self.args[self.args.index("--error-logfile") + 1])
            return path.read_text() if path.exists() else ""
        return self.log()

    def _listens(self):
        connection = self.connect()
        try:
            connection.connect()
            return True
        finally:
            connection.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def master_pid(self):
        return self.pid

    def worker_pids(self):
        """The master's children, oldest first, zombies left out."""
        children = []
        for child in psutil.Process(self.pid).children():
            try:
                if child.status() != psutil.STATUS_ZOMBIE:
                    children.append(child)
            except psutil.NoSuchProcess:
                pass  # It has ended meanwhile.
        return [child.pid for child in sorted(children, key=lambda child: (child.create_time(), child.pid))]

    def replace_workers(self, number):
        """Ends each by a signal, one after another: 20.1 forgets one that ends while it logs the end of another."""
        before = self.worker_pids()

        def is_replaced(pid):
            now = self.worker_pids()
            return pid not in now and len(now) == len(before)

        for pid in before:
            os.kill(pid, number)
            wait_until(lambda: is_replaced(pid), f"worker {pid} is replaced")

    def wait_for_workers(self, count):
        wait_until(lambda: len(self.worker_pids()) == count, f"{self.name} has {count} workers")

    def connect(self):
        """A connection that is not open yet; the caller closes it."""
        if self.socket_path is not None:
            return UnixConnection(self.socket_path)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def get(self, path="/", headers=None):
        connection = self.connect()
        try:
            return request_on(connection, "GET", path, headers=headers)
        finally:
            connection.close()

    def add_worker(self):
        self.send_signal(signal.SIGTTIN)

    def remove_worker(self):
        self.send_signal(signal.SIGTTOU)


class CgroupGunicorn(Gunicorn):
    """Started in a cgroup, by a shell. `folders`: one in each hierarchy that it is to be in."""

    def __init__(self, folders, **options):
        super().__init__(**options)
        self.folders = folders

    def prepare(self):
        super().prepare()
        enter = " && ".join(f"echo $$ >{folder}/cgroup.procs" for folder in self.folders)
        self.command = ["/bin/sh", "-c", f'{enter} && exec "$@"', "sh", *self.command]


@contextlib.contextmanager
def listening_socket(reuse_port=False, port=0):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # As gunicorn: connections may linger there.
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
        listener.setblocking(False)
        yield listener


class InheritingGunicorn(Gunicorn):
    """Serves the socket that it is given."""

    def __init__(self, listener, **options):
        super().__init__(bind=f"fd://{listener.fileno()}", **options)
        self.pass_fds = (listener.fileno(),)
        self.inherited_port = listener.getsockname()[1]

    def prepare(self):
        super().prepare()
        self.port = self.inherited_port

    def _listens(self):
        return True
