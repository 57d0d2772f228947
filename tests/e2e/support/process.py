"""A program of a test: started in a process group of its own, its output kept, gone at the end."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psutil

from support.wait import wait_until

STOP_SECONDS = 60.0
DYING_SECONDS = 30.0  # What was killed, hundreds at once perhaps, may take as long to be gone on a busy machine.
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)

# Of the running test, for the logs that conftest.py shows: (title, path of the log or its text).
started = []


def adopt_orphans():
    """Makes this process the parent of every process that a program of the tests leaves behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def kill_leftovers():
    """Kills what is left of all programs that this process started; returns how it looked."""
    leftovers = []
    children = psutil.Process().children(recursive=True)
    psutil.wait_procs(children, timeout=DYING_SECONDS if children else 0)
    for child in psutil.Process().children(recursive=True):
        try:
            # A process without a command line is dying already.
            if child.status() != psutil.STATUS_ZOMBIE and "".join(child.cmdline()).strip():
                leftovers.append(f"{child.pid} {' '.join(child.cmdline())}")
                child.kill()
                child.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            pass
    for child in psutil.Process().children():
        try:
            os.waitpid(child.pid, os.WNOHANG)
        except ChildProcessError:
            pass
    return leftovers


class ManagedProcess:
    """Runs `command` for the length of a `with`. `directory` is its own and removed with it."""

    # What it must end with on SIGTERM at the end of the `with`; None: anything.
    expected_exit = None

    def __init__(self, title, command=None, env=None):
        self.title = title
        self.command = command
        self.env = env
        self.pass_fds = ()
        self.directory = None
        self.process = None

    # What a subclass fills in.
    def prepare(self):
        """Writes files into self.directory and sets self.command."""

    def is_ready(self):
        return True

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix=f"gunicorn-exporter-{self.title}-"))
        # A program that gives up root, such as gunicorn with --user, must get in.
        self.directory.chmod(0o755)
        try:
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def start(self):
        """Starts it (again, after stop()), and waits until it is ready."""
        self.prepare()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(self.env or {})},
                start_new_session=True,
                pass_fds=self.pass_fds,
            )
        if self.log_path not in [log for _, log in started]:
            started.append((self.title, self.log_path))
        wait_until(self._ready_or_dead, f"{self.title} is ready")
        if self.process.poll() is not None:
            raise AssertionError(f"{self.title} ended at once with {self.process.returncode}:\n{self.log()}")

    def _ready_or_dead(self):
        return self.process.poll() is not None or self.is_ready()

    def __exit__(self, kind, error, trace):
        try:
            if self.process.poll() is None:
                code = self.stop()
                if kind is None and self.expected_exit is not None:
                    assert code == self.expected_exit, f"{self.title} ended with {code}:\n{self.log()}"
        finally:
            self._clean_up()

    @property
    def pid(self):
        return self.process.pid

    @property
    def log_path(self):
        return self.directory / "log"

    def log(self):
        """All that it has written to stdout and stderr."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS):
        """Waits for its end and returns the exit code, negative for a signal."""
        return self.process.wait(seconds)

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, and returns the exit code; fails where it does not end."""
        if self.process.poll() is None:
            self.send_signal(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.title} did not end on signal {number}:\n{self.log()}") from None

    def kill(self):
        """SIGKILL to it and all of its process group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(STOP_SECONDS)

    def _clean_up(self):
        if self.process is not None:
            self.kill()
        for index, (title, log) in enumerate(started):
            if log == self.log_path:
                started[index] = (title, self.log())
        shutil.rmtree(self.directory, ignore_errors=True)
