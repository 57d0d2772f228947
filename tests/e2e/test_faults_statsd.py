"""The exporter stops, or dies, while gunicorn sends: what gunicorn feels, and what is lost."""

import errno
import http.client
import signal
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

from support import Exporter, Gunicorn, make_requests, unique_name, wait_until

PACKETS = "gunicorn_exporter_statsd_packets_total"
DROPPED = "gunicorn_exporter_statsd_dropped_packets_total"


class UnixGunicorn(Gunicorn):
    """Sends to a unix datagram socket, as gunicorn from version 21 on does with --statsd-host unix://PATH."""

    def __init__(self, path, args=(), **options):
        args = ["--logger-class", "unix_statsd.UnixStatsd", *args]
        super().__init__(args=args, env={"STATSD_SOCKET": str(path)}, **options)


@contextmanager
def stopped(exporter):
    exporter.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        exporter.send_signal(signal.SIGCONT)


def counted(exporter, app):
    return exporter.scrape().get("gunicorn_requests_total", 0, app=app)


def test_gunicorn_does_not_feel_a_stopped_exporter_over_udp():
    with Exporter(flags=["--statsd.read-buffer=65536"]) as exporter, Gunicorn(statsd=exporter) as gunicorn:
        gunicorn.get("/")
        # The last of its three lines.
        wait_until(
            lambda: exporter.value("gunicorn_request_status_total", app=gunicorn.name, code=200) == 1,
            "the request is counted",
        )
        # The one packet that is of no request, which the master sends once its workers run.
        wait_until(lambda: exporter.scrape().total("gunicorn_arbiter_workers") == 2, "the master has told")
        before = exporter.value(PACKETS, transport="udp")
        with stopped(exporter):
            assert make_requests(gunicorn, ["/"], 300, clients=2) == {200: 300}
        # Three packets a request; each was received or is known to be lost.
        wait_until(
            lambda: exporter.value(PACKETS, transport="udp") - before + exporter.value(DROPPED, transport="udp")
            == 900,
            "every packet is accounted for",
        )
        assert 0 < exporter.value(DROPPED, transport="udp") < 900
        assert gunicorn.log().count("Error sending message to statsd") == 0


def waits_in_send(pid):
    return Path(f"/proc/{pid}/wchan").read_text() == "unix_wait_for_peer"


def test_a_stopped_exporter_stops_gunicorn_over_a_unix_socket_and_loses_nothing():
    with Exporter(flags=["--statsd.listen-unixgram=s.sock"]) as exporter:
        with UnixGunicorn(exporter.directory / "s.sock", workers=2) as gunicorn:
            answers = {}
            client = threading.Thread(
                target=lambda: answers.update(make_requests(gunicorn, ["/"], 100, clients=2))
            )
            with stopped(exporter):
                client.start()
                # The queue holds net.unix.max_dgram_qlen packets; then gunicorn's send waits.
                wait_until(lambda: all(map(waits_in_send, gunicorn.worker_pids())), "both workers wait in send")
                assert client.is_alive()
            client.join()
            assert answers == {200: 100}
            wait_until(lambda: counted(exporter, gunicorn.name) == 100, "all are counted")


def ask_in_vain(gunicorn):
    try:
        make_requests(gunicorn, ["/"], 10, clients=1)
    except (OSError, http.client.HTTPException):
        pass  # Its worker was killed.


def test_even_the_master_waits_for_a_stopped_exporter_over_a_unix_socket():
    with Exporter(flags=["--statsd.listen-unixgram=s.sock"]) as exporter:
        with UnixGunicorn(exporter.directory / "s.sock", workers=1, args=["--timeout", "2"]) as gunicorn:
            client = threading.Thread(target=ask_in_vain, args=(gunicorn,))
            with stopped(exporter):
                client.start()
                # It wants to say that the worker's --timeout is over, in a packet.
                wait_until(lambda: waits_in_send(gunicorn.master_pid), "the master waits in send")
            client.join()
            wait_until(lambda: not waits_in_send(gunicorn.master_pid), "the master goes on")
            gunicorn.wait_for_workers(1)


class Sender(threading.Thread):
    """Sends one line a packet until told to stop, and knows of each whether a socket took it: ICMP says so at once."""

    def __init__(self, port, app):
        super().__init__()
        self.port = port
        self.line = f"gunicorn.requests:1|c|#app:{app}".encode()
        self.taken_before = 0  # Before the first that nobody took.
        self.refused = 0
        self.taken_after = 0
        self.enough = threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", self.port))
            while not self.enough.wait(0.001):
                try:
                    sender.send(self.line)
                except ConnectionRefusedError:  # Late word of the line before; this one did not go out.
                    if self.refused:
                        self.taken_after -= 1
                    else:
                        self.taken_before -= 1
                    self.refused += 1
                    continue
                error = sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                assert error in (0, errno.ECONNREFUSED)
                if error:
                    self.refused += 1
                elif self.refused:
                    self.taken_after += 1
                else:
                    self.taken_before += 1


def test_a_killed_exporter_loses_what_it_had_counted_and_what_came_while_it_was_away():
    app = unique_name("shop")
    # Room for what comes while it starts, or has no processor.
    with Exporter(flags=["--statsd.read-buffer=8388608"]) as exporter:
        sender = Sender(exporter.statsd_port, app)
        sender.start()
        try:
            wait_until(lambda: counted(exporter, app) > 100, "lines are counted")
            scraped = counted(exporter, app)
            exporter.kill()
            wait_until(lambda: sender.refused > 100, "lines are refused")
            exporter.start()
            wait_until(lambda: counted(exporter, app) > 100, "lines are counted again")
        finally:
            sender.enough.set()
            sender.join()
        assert sender.taken_before >= scraped
        # From 0 again, as Prometheus expects of a restart, and each that a socket took is there.
        wait_until(lambda: counted(exporter, app) == sender.taken_after, "all that came after the restart is counted")
        assert exporter.scrape().total(DROPPED) == 0


def test_gunicorn_answers_and_complains_while_no_exporter_listens_on_udp():
    with Exporter() as exporter, Gunicorn(statsd=exporter) as gunicorn:
        exporter.kill()
        assert make_requests(gunicorn, ["/"], 20, clients=2) == {200: 20}
        assert "Connection refused" in gunicorn.log()
        exporter.start()
        gunicorn.get("/")  # Its first packet may meet the last refusal.
        before = counted(exporter, gunicorn.name)
        make_requests(gunicorn, ["/"], 20, clients=2)
        wait_until(lambda: counted(exporter, gunicorn.name) >= before + 20, "requests are counted again")
