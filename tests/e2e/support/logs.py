"""A gunicorn that writes log files, the exporter's configuration to read them, and Debian's logrotate."""

import subprocess
from contextlib import contextmanager

from support.background import repeating
from support.gunicorn import Gunicorn
from support.load import make_requests


class LoggingGunicorn(Gunicorn):
    """A gunicorn that writes both logs into `directory`."""

    def __init__(self, directory, access_format=None, args=(), **options):
        self.access_log = directory / "access.log"
        self.error_log = directory / "error.log"
        logs = ["--access-logfile", self.access_log, "--error-logfile", self.error_log]
        if access_format is not None:
            logs += ["--access-logformat", access_format]
        super().__init__(args=[*logs, *args], **options)

    def log(self):
        written = self.error_log.read_text(errors="replace") if self.error_log.exists() else ""
        return super().log() + written


def logs_of(gunicorn, access="access.log"):
    folder = gunicorn.access_log.parent
    return f"""
logs:
  - type: file
    path: {folder}/{access}
    service: {gunicorn.name}
    source: gunicorn
  - type: file
    path: {gunicorn.error_log}
    service: {gunicorn.name}
    source: gunicorn
    log_processing_rules:
      - type: multi_line
        name: log_start_with_date
        pattern: '\\[\\d{{4}}-\\d{{2}}-\\d{{2}}'
"""


class Logrotate:
    """Rotates the access log: `how` is "rename" (and USR1, for gunicorn to reopen it) or "copytruncate"."""

    def __init__(self, gunicorn, how):
        folder = gunicorn.access_log.parent
        self.config = folder / "logrotate.conf"
        self.state = folder / "logrotate.state"
        if how == "rename":
            rules = f"create\n postrotate\n kill -USR1 {gunicorn.master_pid}\n endscript"
        else:
            rules = how
        self.config.write_text(f"{gunicorn.access_log} {{\n rotate 1000\n {rules}\n}}\n")
        self.config.chmod(0o600)
        self.rotations = 0

    def rotate(self):
        command = ["/usr/sbin/logrotate", "--force", "--state", self.state, self.config]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=60)
        self.rotations += 1

    def every(self, seconds):
        """Rotates over and over, until the end of the `with`; fails at its end where logrotate did."""
        return repeating(self.rotate, pause=seconds)


@contextmanager
def requests_all_the_time(gunicorn):
    """Requests until the end of the `with`; gives a list of how many were made, lot by lot."""
    made = []
    with repeating(
        lambda: made.append(sum(make_requests(gunicorn, ["/", "/status/404"], 100, clients=2).values()))
    ):
        yield made


def lines_written(gunicorn):
    """Of the access log and all that it was before, as long as none is compressed."""
    return sum(path.read_bytes().count(b"\n") for path in gunicorn.access_log.parent.glob("access.log*"))


def requests_counted(exporter, name):
    return exporter.scrape().get("gunicorn_requests_total", app=name) or 0
