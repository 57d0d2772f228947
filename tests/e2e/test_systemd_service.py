"""The systemd units: how they are hardened, and that the program does its work within that."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest
from support import Exporter, Gunicorn, free_port, make_requests, send_tcp, send_unixgram, wait_until
from support.exporter import BINARY, ROOT, SANITISED
from support.gunicorn import APPS

UNIT = ROOT / "deploy/systemd/gunicorn-exporter.service"
# Whose only gunicorns are the test's.
USERS = (47140, 47141)


def test_it_is_hardened():
    shown = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", UNIT], check=False, text=True, stdout=subprocess.PIPE
    ).stdout
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", shown)
    assert float(exposure) <= 1.7, shown


class ServiceExporter(Exporter):
    """Runs as the service does: nobody's user, without capabilities, and killed by a call that the unit forbids."""

    @property
    def state(self):
        return self.directory / "state"

    def prepare(self):
        super().prepare()
        self.state.mkdir(exist_ok=True)
        os.chown(self.state, 65534, 65534)
        service = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
        if "PrivateUsers=yes" in UNIT.read_text():
            service += ["unshare", "--user", "--map-current-user"]
        # The clone may lie where only its owner may look.
        runner, unit, binary = (shutil.copy2(file, self.directory) for file in (APPS / "as_service.py", UNIT, BINARY))
        self.command = [*service, "/usr/bin/python3", runner, unit, binary, *self.command[1:]]


def counted(exporter, app):
    return exporter.scrape().get("gunicorn_requests_total", app=app)


@pytest.mark.skipif(os.geteuid() != 0, reason="runs programs as other users")
@pytest.mark.skipif(SANITISED, reason="a sanitiser makes system calls of its own")
def test_it_does_all_its_work():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relayed, ServiceExporter() as exporter:
        relayed.bind(("127.0.0.1", 0))
        exporter.stop()
        access_log = exporter.directory / "access.log"
        access_log.touch()
        exporter.write_config(f"logs:\n  - {{type: file, path: {access_log}, service: logged, source: gunicorn}}\n")
        tcp = free_port()
        exporter.flags = [
            f"--statsd.listen-tcp=127.0.0.1:{tcp}",
            f"--statsd.listen-unixgram={exporter.state}/statsd.sock",
            f"--logs.position-file={exporter.state}/positions.json",
            f"--statsd.relay-address=127.0.0.1:{relayed.getsockname()[1]}",
        ]
        exporter.start()
        with Gunicorn(user=USERS[0], statsd=exporter) as first, Gunicorn(user=USERS[1], statsd=exporter) as second:
            # Without a tag, each is known by whose socket its packets come from.
            for gunicorn in (first, second):
                make_requests(gunicorn, ["/"], 5)
            for gunicorn in (first, second):
                wait_until(lambda: counted(exporter, gunicorn.name) == 5, f"{gunicorn.name}'s requests are its own")
            assert counted(exporter, "unknown") is None
            busy = first.connect()
            busy.request("GET", "/sleep?seconds=60")
            wait_until(
                lambda: exporter.scrape().by("state", "gunicorn_workers", app=first.name)
                == {"idle": 1, "working": 1, "unknown": 0},
                "a worker that sleeps in its request works",
            )
            # A request is counted before gunicorn closes its connection.
            for gunicorn, connections in ((first, 1), (second, 0)):
                wait_until(
                    lambda: exporter.value("gunicorn_connections", app=gunicorn.name) == connections,
                    f"{gunicorn.name} has no others open",
                )
            busy.close()
            first.kill()
        send_tcp(tcp, "gunicorn.requests:1|c|#app:shop\n")
        send_unixgram(exporter.state / "statsd.sock", "gunicorn.requests:1|c|#app:shop")
        wait_until(lambda: counted(exporter, "shop") == 2, "TCP and the unix socket are read")
        with access_log.open("a") as log:
            log.write('1.2.3.4 - - [26/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 2 "-" "curl"\n')
        wait_until(lambda: counted(exporter, "logged") == 1, "the log is read")
        wait_until(lambda: (exporter.state / "positions.json").exists(), "its place is kept")
        assert relayed.recv(8192)
        exporter.write_config("discovery:\n  enabled: false\n")
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.scrape().get("gunicorn_is_running", app=first.name) is None, "it has reloaded")
        assert exporter.stop() == 0
