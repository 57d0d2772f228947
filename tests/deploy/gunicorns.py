"""A gunicorn whose error log is a file, from which its readiness is told too."""

from pathlib import Path

from support import Gunicorn


class FileLoggingGunicorn(Gunicorn):
    def __init__(self, error_log, args=(), **options):
        super().__init__(args=["--error-logfile", error_log, "--capture-output", *args], **options)
        self.error_log = Path(error_log)

    def log(self):
        return self.error_log.read_text() if self.error_log.exists() else ""
