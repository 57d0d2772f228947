"""deploy/quickstart, as a newcomer runs it: it shows live series, gets out of the way of taken ports, leaves nothing."""

import os
import pty
import select
import signal
import socket

import psutil
import pytest
from support import ManagedProcess, http_request, parse_scrape, wait_until
from support.exporter import BINARY, ROOT
from support.process import STOP_SECONDS

QUICKSTART = ROOT / "deploy" / "quickstart"


class Quickstart(ManagedProcess):
    def __init__(self):
        super().__init__("quickstart", [QUICKSTART], env={"GUNICORN_EXPORTER_BINARY": str(BINARY)})

    def is_ready(self):
        return "Your own gunicorn joins in" in self.log()

    def url(self):
        return next(line.split()[1] for line in self.log().splitlines() if line.strip().startswith("series "))

    def children(self):
        return psutil.Process(self.pid).children(recursive=True)


def assert_all_gone(children):
    gone, alive = psutil.wait_procs(children, timeout=0)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE], gone


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_it_shows_live_series_and_leaves_nothing_behind(number, code):
    with Quickstart() as quickstart:
        scrape = parse_scrape(http_request(quickstart.url()).text)
        assert scrape.value("gunicorn_is_running", app="demo") == 1
        assert scrape.value("gunicorn_request_status_total", app="demo", code=500) >= 1
        assert 'gunicorn_workers{app="demo",state="idle"}' in quickstart.log()
        children = quickstart.children()
        assert len(children) >= 6  # The exporter, a master, three workers, the traffic.
        assert quickstart.stop(number) == code
        assert_all_gone(children)
        assert "nothing is left running" in quickstart.log()


def test_it_gets_out_of_the_way_of_taken_ports():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as web, socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as statsd:
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for taken, port in ((web, 18125), (statsd, 8125)):
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue  # Somebody else has it, which serves as well.
            if taken is web:
                web.listen()
        with Quickstart() as quickstart:
            assert "Port 18125 (tcp) is taken; using" in quickstart.log()
            assert "Port 8125 (udp) is taken; using" in quickstart.log()
            assert http_request(quickstart.url()).status == 200


def test_it_stops_all_when_one_of_its_programs_ends():
    with Quickstart() as quickstart:
        children = quickstart.children()
        # One of the children, a sleep, may have gone meanwhile.
        exporter = wait_until(
            lambda: [child for child in quickstart.children() if str(BINARY) in child.cmdline()], "the exporter is there"
        )[0]
        exporter.kill()
        assert quickstart.wait() == 1
        assert "the exporter ended by itself" in quickstart.log()
        assert_all_gone(children)


def test_ctrl_c_at_a_terminal_stops_it():
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["GUNICORN_EXPORTER_BINARY"] = str(BINARY)
        os.execv(QUICKSTART, [str(QUICKSTART)])
    shown = b""
    while b"Your own gunicorn joins in" not in shown:
        shown += read_some(terminal, shown)
    children = psutil.Process(pid).children(recursive=True)
    os.write(terminal, b"\x03")
    shown += read_to_the_end(terminal)
    assert b"nothing is left running" in shown
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    os.close(terminal)
    assert_all_gone(children)


def read_some(terminal, shown):
    ready, _, _ = select.select([terminal], [], [], STOP_SECONDS)
    assert ready, f"nothing more came in {STOP_SECONDS} s after:\n{shown.decode(errors='replace')}"
    return os.read(terminal, 65536)


def read_to_the_end(terminal):
    shown = b""
    while True:
        try:
            shown += read_some(terminal, shown)
        except OSError:  # The other side is closed.
            return shown
