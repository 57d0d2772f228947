"""The sockets that systemd holds outlive a restart of the exporter: sd_listen_fds(3)."""

import collections
import contextlib
import socket
import threading

from support import ActivatedExporter, Gunicorn, make_requests, send_udp, unique_name, wait_until

RESTARTS = 3
# Of UDP, whose packets wait in it while the exporter starts, however slowly: 10,000 lines and more.
BUFFER_BYTES = 4 << 20
SO_RCVBUFFORCE = 33  # socket(7): beyond net.core.rmem_max, where that is allowed.


class SocketUnit:
    """Holds a UDP, a unix datagram and a TCP socket, as systemd does for gunicorn-exporter.socket."""

    def __init__(self, directory):
        self.path = directory / "statsd.sock"
        self.sockets = []

    def __enter__(self):
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_DGRAM, str(self.path)),
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        ):
            self.sockets.append(socket.socket(family, kind))
            self.sockets[-1].bind(address)
        self.udp_port, _, self.tcp_port = (each.getsockname()[1] for each in self.sockets)
        self.sockets[2].listen()
        return self

    def __exit__(self, *error):
        for each in self.sockets:
            each.close()


class Relayed:
    """Takes what the exporter relays: its own counters begin anew with each restart. Counts the lines by app."""

    def __init__(self):
        self.lines = collections.Counter()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while packet := self.socket.recv(65536):
            self.lines.update(line.rpartition(b"#app:")[2].decode() for line in packet.split(b"\n"))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        send_udp(self.socket.getsockname()[1], b"")
        self.thread.join()
        self.socket.close()


class Load:
    """Calls `send` about once a millisecond until the end of the `with`; the test fails where that raises."""

    def __init__(self, send):
        self.send = send
        self.sent = 0
        self.failure = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self.stop.wait(0.001):
                self.send()
                self.sent += 1
        except OSError as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        assert self.failure is None, self.failure


def restart_under_load(exporter, unit, loads, relayed):
    """Restarts the exporter while all of them send; `loads` is {app: Load}."""
    inode = unit.path.stat().st_ino
    with contextlib.ExitStack() as stack:
        for load in loads.values():
            stack.enter_context(load)
        for _ in range(RESTARTS):
            seen = dict(relayed.lines)
            wait_until(
                lambda seen=seen: all(relayed.lines[app] > seen.get(app, 0) + 20 for app in loads),
                "lines of all of them are taken",
            )
            assert exporter.stop() == 0
            assert unit.path.stat().st_ino == inode
            exporter.start()
        assert unit.path.stat().st_ino == inode


def test_a_restart_under_load_loses_no_line(tmp_path):
    udp, unix = unique_name("udp"), unique_name("unix")
    with SocketUnit(tmp_path) as unit, Relayed() as relayed, contextlib.ExitStack() as stack:
        flags = [f"--statsd.relay-address={relayed.address}", f"--statsd.read-buffer={BUFFER_BYTES}"]
        exporter = stack.enter_context(ActivatedExporter(unit.sockets, flags=flags))
        # Connected once, as gunicorn's client is.
        to_udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        to_udp.connect(("127.0.0.1", unit.udp_port))
        to_unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        to_unix.connect(str(unit.path))
        loads = {
            udp: Load(lambda: to_udp.send(f"gunicorn.requests:1|c|#app:{udp}".encode())),
            unix: Load(lambda: to_unix.send(f"gunicorn.requests:1|c|#app:{unix}".encode())),
        }
        restart_under_load(exporter, unit, loads, relayed)
        wanted = {app: load.sent for app, load in loads.items()}
        wait_until(lambda: sum(relayed.lines.values()) >= sum(wanted.values()), f"all of {wanted} are taken")
        assert relayed.lines == wanted


def test_a_restart_under_load_refuses_no_tcp_connection(tmp_path):
    app = unique_name("tcp")
    with SocketUnit(tmp_path) as unit, Relayed() as relayed, contextlib.ExitStack() as stack:
        exporter = stack.enter_context(ActivatedExporter(unit.sockets, flags=[f"--statsd.relay-address={relayed.address}"]))

        def send():
            with socket.create_connection(("127.0.0.1", unit.tcp_port), timeout=60) as stream:
                stream.sendall(f"gunicorn.requests:1|c|#app:{app}\n".encode())

        load = Load(send)
        restart_under_load(exporter, unit, {app: load}, relayed)
        # A line that comes after its connection was read for the last time is lost: one at most for each end.
        wait_until(lambda: relayed.lines[app] >= load.sent - RESTARTS, f"{load.sent} lines are taken, or nearly")


class UnixGunicorn(Gunicorn):
    def __init__(self, path, **options):
        environment = {"STATSD_TARGET": f"unix://{path}"}
        super().__init__(args=["--logger-class", "statsd_elsewhere.Statsd"], env=environment, **options)


def test_gunicorns_go_on_over_a_restart(tmp_path):
    with SocketUnit(tmp_path) as unit, contextlib.ExitStack() as stack:
        exporter = stack.enter_context(ActivatedExporter(unit.sockets))
        gunicorns = [
            stack.enter_context(UnixGunicorn(unit.path, workers=1)),
            stack.enter_context(Gunicorn(statsd=unit.udp_port, workers=1)),
        ]
        for gunicorn in gunicorns:
            make_requests(gunicorn, ["/"], 20, clients=2)
        for gunicorn in gunicorns:
            wait_until(lambda app=gunicorn.name: exporter.value("gunicorn_requests_total", app=app) == 20, "all are counted")
        assert exporter.stop() == 0
        # While nobody reads: three lines each, and the unix socket's queue holds ten datagrams.
        for gunicorn in gunicorns:
            make_requests(gunicorn, ["/"], 3, clients=1)
        exporter.start()
        for gunicorn in gunicorns:
            make_requests(gunicorn, ["/"], 10, clients=2)
        for gunicorn in gunicorns:
            wait_until(lambda app=gunicorn.name: exporter.value("gunicorn_requests_total", app=app) == 13, "all are counted")
