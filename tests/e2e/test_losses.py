"""What the kernel had to drop is counted, packet for packet: the exporter is stopped while its queue overflows."""

import os
import re
import signal
import socket

import psutil
import pytest
from support import Exporter, free_port, send_udp, unique_name, wait_until

DROPPED = "gunicorn_exporter_statsd_dropped_packets_total"
RECEIVED = "gunicorn_exporter_statsd_packets_total"
LINES = "gunicorn_exporter_statsd_lines_total"
SENT = 5000
BUFFER_BYTES = 100_000


def suspend(exporter):
    exporter.send_signal(signal.SIGSTOP)
    wait_until(lambda: psutil.Process(exporter.pid).status() == psutil.STATUS_STOPPED, "it is stopped")


def overflow_udp(exporter, family, address):
    """Sends more than the queue holds, twice: the kernel's own count must not be taken for what is new in it."""
    for _ in range(2):
        suspend(exporter)
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            for _ in range(SENT):
                sender.sendto(b"gunicorn.requests:1|c", (address, exporter.statsd_port))
        exporter.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_dropped_udp_packets_are_sent_minus_received(family, address):
    rest = unique_name("rest")
    config = f"discovery:\n  enabled: false\nstatsd:\n  default_app: {rest}\n"
    with Exporter(config=config, flags=[f"--statsd.read-buffer={BUFFER_BYTES}"]) as exporter:
        exporter.stop()
        exporter.flags.append(f"--statsd.listen-udp=[::1]:{exporter.statsd_port}")
        exporter.start()
        overflow_udp(exporter, family, address)

        def all_told():
            scrape = exporter.scrape()
            told = scrape.value(RECEIVED, transport="udp") + scrape.value(DROPPED, transport="udp")
            # The lines of a new sender wait until it is looked up.
            all_counted = scrape.value(LINES, transport="udp") == scrape.value(RECEIVED, transport="udp")
            return scrape if told >= 2 * SENT and all_counted else None

        scrape = wait_until(all_told, "each packet is received or dropped, and its line counted")
        received = scrape.value(RECEIVED, transport="udp")
        assert 0 < received < 2 * SENT
        assert scrape.value(DROPPED, transport="udp") == 2 * SENT - received
        assert scrape.value("gunicorn_requests_total", app=rest) == received
        # And no more of them later.
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=rest) == received + 1, "the next one is counted")
        assert exporter.value(DROPPED, transport="udp") == 2 * SENT - received


def test_a_full_unix_socket_drops_nothing():
    # It makes the sender wait, or tells it so.
    rest = unique_name("rest")
    config = f"discovery:\n  enabled: false\nstatsd:\n  default_app: {rest}\n"
    with Exporter(config=config, flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        suspend(exporter)
        sent = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(str(exporter.directory / "statsd.sock"))
            with pytest.raises(BlockingIOError):
                while sent < SENT:
                    sender.send(b"gunicorn.requests:1|c", socket.MSG_DONTWAIT)
                    sent += 1
            exporter.send_signal(signal.SIGCONT)
            sender.send(b"gunicorn.requests:1|c")  # Waits until there is room.
        # A line that is counted is in the app's series. Those of a new sender wait until it is looked up.
        wait_until(lambda: exporter.value(LINES, transport="unixgram") == sent + 1, "all that was taken is counted")
        assert exporter.value(RECEIVED, transport="unixgram") == sent + 1
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_requests_total", app=rest) == sent + 1
        assert scrape.value(DROPPED, transport="unixgram") == 0


class Unprivileged(Exporter):
    """May not go beyond net.core.rmem_max."""

    def prepare(self):
        super().prepare()
        if os.geteuid() == 0:
            self.command = ["/usr/bin/setpriv", "--bounding-set=-net_admin", *self.command]


def buffer_events(exporter):
    return [line for line in exporter.log().splitlines() if "event=receive_buffer_limited" in line]


def test_a_buffer_smaller_than_asked_for_is_said_in_the_log():
    asked = 1_000_000_000
    flags = [f"--statsd.read-buffer={asked}", f"--statsd.listen-tcp=127.0.0.1:{free_port()}"]
    with Unprivileged(flags=[*flags, "--statsd.listen-unixgram=statsd.sock"]) as exporter:
        exporter.stop()  # Ready, it may have written nothing yet.
        [line] = buffer_events(exporter)
        granted = re.search(r"granted_bytes=(\d+)", line)
        assert 0 < int(granted[1]) < asked
        for words in ("level=warn", "transport=udp", f"address=127.0.0.1:{exporter.statsd_port}", f"asked_bytes={asked}"):
            assert words in line
    with Unprivileged(flags=["--statsd.read-buffer=65536"]) as exporter:
        exporter.stop()
        assert buffer_events(exporter) == []
