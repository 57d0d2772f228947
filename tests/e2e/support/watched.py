"""An exporter under fire: what must hold after each attack."""

import collections
import os
import resource

import psutil
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from support.exporter import SANITISED, Exporter
from support.ports import free_port
from support.prometheus import promtool
from support.statsd import send_udp, send_unixgram
from support.wait import wait_until

# Far over what 10,000 series and every buffer take; a leak passes it soon.
MOST_RESIDENT_BYTES = 96 * 2**20
KNOWN = "known_app"

CONFIG = f"""instances:
  - proc_name: {KNOWN}
  - proc_name: another_app
discovery:
  enabled: true
"""


class Watched(Exporter):
    """Receives by UDP, TCP and the unix socket. An app that is KNOWN sends beside the attackers, by the unix socket."""

    def __init__(self, config=CONFIG, flags=(), **options):
        super().__init__(config=config, **options)
        self.more_flags = list(flags)
        self.tcp_port = None
        self.sent = 0
        self.marks = 0

    def prepare(self):
        self.tcp_port = self.tcp_port or free_port()
        self.flags = [f"--statsd.listen-tcp=127.0.0.1:{self.tcp_port}"]
        self.flags += [f"--statsd.listen-unixgram={self.socket_path}", *self.more_flags]
        super().prepare()

    @property
    def socket_path(self):
        return self.directory / "statsd.sock"

    def send_requests(self, count):
        """Of the app that is KNOWN: 100 ms each."""
        tag = f"|#app:{KNOWN}\n"
        lines = f"gunicorn.requests:1|c{tag}gunicorn.request.status.200:1|c{tag}gunicorn.request.duration:100|ms{tag}"
        send_unixgram(self.socket_path, *[lines] * count)
        self.sent += count

    def wait_for_udp(self):
        """Until it has read all that was sent to it by UDP before: a socket keeps its order, and each mark is a new one.

        Sent again and again, since a flood may push it out.
        """
        self.marks += 1

        def mark_is_read():
            send_udp(self.statsd_port, f"gunicorn.workers:{self.marks}|g|#app:{KNOWN}")
            return self.value("gunicorn_arbiter_workers", app=KNOWN) == self.marks

        wait_until(mark_is_read, "all that came by UDP is read")

    def check(self, lint=True, most_resident_bytes=MOST_RESIDENT_BYTES):
        """After an attack: it lives, /metrics is right in all that it says, and memory is bounded.

        Without `lint` a family's name may be against the customs: where senders choose it.
        """
        self.wait_for_udp()
        self.send_requests(10)
        wait_until(
            lambda: self.value("gunicorn_requests_total", app=KNOWN) == self.sent, "the known app's requests are counted"
        )
        scrape = self.scrape()
        assert scrape.value("gunicorn_request_status_total", app=KNOWN, code=200) == self.sent
        assert scrape.value("gunicorn_request_duration_seconds_count", app=KNOWN) == self.sent
        assert abs(scrape.value("gunicorn_request_duration_seconds_sum", app=KNOWN) - self.sent / 10) < 1e-6 * self.sent
        code, said = promtool("check", "metrics", stdin=scrape.text)
        # promtool's exit code 3: it reads all of it, and has advice.
        assert code == 0 or (code == 3 and not lint), said[:2000]
        assert series_of(scrape.samples), "no series at all"
        answer = self.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert series_of([s for family in text_string_to_metric_families(answer.text) for s in family.samples])
        assert self.get("/-/healthy").status == 200
        assert self.get("/-/ready").status == 200
        assert self.process.poll() is None
        resident = scrape.value("process_resident_memory_bytes")
        # A sanitiser's shadow and quarantine are not the program's.
        assert SANITISED or resident < most_resident_bytes, f"{resident / 2**20:.0f} MiB resident"
        return scrape

    def open_fds(self):
        return psutil.Process(self.pid).num_fds()


def series_of(samples):
    """The label sets; each occurs once, or a Prometheus would refuse the page."""
    keys = collections.Counter((sample.name, tuple(sorted(sample.labels.items()))) for sample in samples)
    twice = [key for key, count in keys.items() if count > 1]
    assert not twice, f"these series occur more than once: {twice[:3]}"
    return keys


def allow_descriptors(count):
    """So that this process may open as many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def seed():
    """Of the random bytes: another with HOSTILE_SEED."""
    return int(os.environ.get("HOSTILE_SEED", "20261122"))
