"""A real gunicorn that never rests: requests all the time, workers that come and go, and a reload each minute."""

import http.client
import itertools
import os
import signal
import threading

import psutil
from support import Gunicorn
from support.http import request_on

REQUEST_SECONDS = 0.05
CHURN_SECONDS = 10
WORKERS = 3


class ChurningGunicorn(Gunicorn):
    """Counts what it did: requests `attempted` and `answered`, workers `killed`. The exporter follows `error_log`."""

    def __init__(self, error_log, **options):
        args = ["--max-requests", "50", "--max-requests-jitter", "20", "--error-logfile", str(error_log)]
        super().__init__(workers=WORKERS, args=args, **options)
        self.error_log = error_log
        self.attempted = 0
        self.answered = 0
        self.killed = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._request), threading.Thread(target=self._churn)]

    def begin(self):
        for thread in self._threads:
            thread.start()

    def end(self):
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def __exit__(self, *error):
        self.end()
        return super().__exit__(*error)

    def _request(self):
        paths = itertools.cycle(["/", "/", "/status/404", "/sleep?seconds=0.02", "/log?level=warning"])
        while not self._stop.wait(REQUEST_SECONDS):
            self.attempted += 1
            connection = self.connect()
            try:
                request_on(connection, "GET", next(paths))
                self.answered += 1
            except (OSError, http.client.HTTPException):
                pass  # Its worker was killed, or is on its way out.
            finally:
                connection.close()

    def _churn(self):
        steps = itertools.cycle(
            [self.add_worker, self._kill_a_worker, self.remove_worker, self._end_a_worker, self.add_worker,
             self.remove_worker, lambda: self.send_signal(signal.SIGHUP)]
        )
        while not self._stop.wait(CHURN_SECONDS):
            try:
                next(steps)()
            except (ProcessLookupError, psutil.NoSuchProcess, IndexError):
                pass  # It went by itself, after --max-requests.

    def _kill_a_worker(self):
        os.kill(self.worker_pids()[0], signal.SIGKILL)
        self.killed += 1

    def _end_a_worker(self):
        os.kill(self.worker_pids()[-1], signal.SIGTERM)
