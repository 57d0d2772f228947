"""What the soak watches while it runs: the exporter's scrapes, its memory, its file descriptors, its reloads."""

import http.client
import os
import signal
import statistics
import time
from pathlib import Path

import psutil
from support.wait import wait_until

OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# One /metrics each second, in these forms in turn, and beside it one of the other pages.
FORMS = [{}, {"Accept-Encoding": "gzip"}, {"Accept": OPEN_METRICS}, {"Accept": PROTOBUF}]
OTHERS = ["/-/healthy", "/-/ready", "/health/{app}", "/api/v1/status", "/api/v1/history", "/", "/health/no_such_app"]
COLLECTORS = ["logs", "process", "statsd"]


class Scrapes:
    """Asks as Prometheus and people do. `failures` are the answers that were not as they should be."""

    def __init__(self, exporter, app):
        self.exporter = exporter
        self.app = app
        self.count = 0
        self.failures = []
        self.seconds = []

    def step(self):
        headers = FORMS[self.count % len(FORMS)]
        other = OTHERS[self.count % len(OTHERS)].format(app=self.app)
        begin = time.monotonic()
        answer = self._get("/metrics", headers)
        self.seconds.append(time.monotonic() - begin)
        if answer is not None and not headers:
            self._check_collectors(answer.text)
        self._get(other, {}, 404 if other.endswith("no_such_app") else 200)
        self.count += 1

    def _get(self, path, headers, status=200):
        try:
            answer = self.exporter.get(path, headers=headers, timeout=10)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{path}: {error!r}")
            return None
        if answer.status != status:
            self.failures.append(f"{path}: {answer.status}, expected {status}: {answer.body[:200]!r}")
            return None
        return answer

    def _check_collectors(self, text):
        for collector in COLLECTORS:
            if f'gunicorn_exporter_collector_success{{collector="{collector}"}} 1\n' not in text:
                self.failures.append(f"collector {collector} failed")

    def median_ms(self):
        return 1000 * statistics.median(self.seconds)


class Samples:
    """(seconds since the beginning, resident KiB, open file descriptors, threads), one each second."""

    def __init__(self, pid):
        self.process = psutil.Process(pid)
        self.begin = time.monotonic()
        self.all = []

    def step(self):
        resident = self.process.memory_info().rss / 1024
        self.all.append((time.monotonic() - self.begin, resident, self.open_fds(), self.process.num_threads()))

    def open_fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def after(self, seconds):
        """At least the last one."""
        return [sample for sample in self.all if sample[0] >= seconds] or self.all[-1:]

    def cpu_seconds(self):
        times = self.process.cpu_times()
        return times.user + times.system


def slope(samples, column=1):
    """Of the line through the samples, least squares: units of that column in an hour; 0 of a single one."""
    if len(samples) < 2:
        return 0.0
    times = [sample[0] for sample in samples]
    return 3600 * statistics.linear_regression(times, [sample[column] for sample in samples]).slope


class Reloads:
    """Two good configurations and a broken one in turn, each checked before the next: `failures`."""

    def __init__(self, exporter, good):
        self.exporter = exporter
        self.texts = [*good, "statsd:\n  series_ttl: 5 min\n"]
        self.count = 0
        self.failures = []

    def step(self):
        if self.count:
            self.check()
        self.exporter.write_config(self.texts[self.count % len(self.texts)])
        self.exporter.send_signal(signal.SIGHUP)
        self.count += 1

    def check(self):
        expected = 0 if self.count % len(self.texts) == 0 else 1
        try:
            wait_until(
                lambda: self.exporter.value("gunicorn_exporter_config_last_reload_successful") == expected,
                f"reload {self.count} has {expected} as its success",
            )
        except AssertionError as error:
            self.failures.append(str(error))

    def broken(self):
        return self.count // len(self.texts)


def log_complaints(path, expected):
    """Lines of the exporter's log that warn or worse, but those with one of the words in `expected`."""
    lines = Path(path).read_text(errors="replace").splitlines()
    return [
        line
        for line in lines
        if ("level=warn" in line or "level=error" in line) and not any(word in line for word in expected)
    ]
