"""The unix datagram socket: its mode, its end, its sender, and how it outlives a restart when systemd holds it."""

import signal
import socket
import stat

import pytest
from support import ActivatedExporter, Exporter, send_unixgram, unique_name, wait_until


class SocketUnit:
    """Holds the socket as systemd does for gunicorn-exporter.socket, and hands it over: sd_listen_fds(3)."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()


def config(name):
    return f"instances:\n  - proc_name: {name}\n"


def test_lines_are_counted():
    name = unique_name("shop")
    with Exporter(config=config(name), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        send_unixgram(exporter.directory / "statsd.sock", "gunicorn.requests:1|c|@1.0\ngunicorn.requests:2|c|@0.5")
        # The lines of a new sender wait until it is looked up, and are counted after what they say.
        lines = "gunicorn_exporter_statsd_lines_total"
        wait_until(lambda: exporter.value(lines, transport="unixgram") == 2, "both lines are counted")
        assert exporter.value("gunicorn_exporter_statsd_packets_total", transport="unixgram") == 1
        assert exporter.value("gunicorn_requests_total", app=name) == 5


def test_anyone_may_write_and_only_the_owner_may_read():
    with Exporter(flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        assert stat.S_IMODE((exporter.directory / "statsd.sock").stat().st_mode) == 0o722
    with Exporter(flags=["--statsd.listen-unixgram=statsd.sock", "--statsd.unixsocket-mode=0600"]) as exporter:
        assert stat.S_IMODE((exporter.directory / "statsd.sock").stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
def test_a_second_start_takes_the_path_over(number):
    name = unique_name("shop")
    with Exporter(config=config(name), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        path = exporter.directory / "statsd.sock"
        exporter.stop(number)
        assert path.exists() == (number == signal.SIGKILL)
        exporter.start()
        send_unixgram(path, "gunicorn.requests:1|c")
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 1, "the line is counted")


def test_a_socket_that_systemd_holds_is_the_same_after_a_restart(tmp_path):
    name = unique_name("shop")
    with SocketUnit(tmp_path / "statsd.sock") as unit:
        inode = unit.path.stat().st_ino
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.connect(str(unit.path))  # Once, as gunicorn does.
            with ActivatedExporter([unit.socket], flags=[f"--statsd.listen-unixgram={unit.path}"], config=config(name)) as exporter:
                client.send(b"gunicorn.requests:1|c")
                wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 1, "the line is counted")
                assert exporter.stop() == 0
                assert unit.path.stat().st_ino == inode
                client.send(b"gunicorn.requests:2|c")  # Waits in the socket.
                exporter.start()
                wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 2, "nothing is lost")
                client.send(b"gunicorn.requests:3|c")
                wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 5, "it goes on")
