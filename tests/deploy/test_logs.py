"""deploy/logs: rsyslog ships what a real gunicorn writes, with its configuration as it is but for paths and port."""

import json
import socket
import threading

from gunicorns import FileLoggingGunicorn
from npm import HERE
from support import wait_until
from support.process import ManagedProcess

LOGS = HERE.parent.parent / "deploy/logs"


class LineServer:
    """Takes TCP connections on a free port and keeps every line as JSON."""

    def __enter__(self):
        self.lines = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection):
        with connection, connection.makefile("rb") as stream:
            for line in stream:
                self.lines.append(json.loads(line))

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


class Rsyslog(ManagedProcess):
    """Debian's rsyslogd with deploy/logs/rsyslog.conf, reading the logs of `logs` and sending to `port`."""

    def __init__(self, logs, port):
        super().__init__("rsyslogd")
        self.logs = logs
        self.port = port

    def prepare(self):
        text = (LOGS / "rsyslog.conf").read_text()
        for path in ("/var/log/gunicorn/error.log", "/var/log/gunicorn/access.log"):
            assert path in text
            text = text.replace(path, str(self.logs / path.rpartition("/")[2]))
        assert 'target="logs.example" port="5170"' in text
        text = text.replace('target="logs.example" port="5170"', f'target="127.0.0.1" port="{self.port}"')
        config = self.directory / "rsyslog.conf"
        config.write_text(f'global(workDirectory="{self.directory}")\n{text}')
        self.command = ["/usr/sbin/rsyslogd", "-n", "-f", config, "-i", self.directory / "pid"]


def test_rsyslog_ships_every_message_once_and_a_traceback_whole(tmp_path):
    error_log, access_log = tmp_path / "error.log", tmp_path / "access.log"
    with (
        LineServer() as server,
        Rsyslog(tmp_path, server.port),
        FileLoggingGunicorn(error_log, workers=1, args=["--access-logfile", access_log]) as gunicorn,
    ):
        for path in ("/", "/exception", "/status/404"):
            gunicorn.get(path)
        # The message that ends the one before it: rsyslog would else wait its five seconds.
        gunicorn.get("/log?level=warning&message=last")
        gunicorn.get("/log?level=warning&message=end")

        def shipped(stream):
            return [line["message"] for line in server.lines if line["stream"] == stream]

        wait_until(lambda: len(shipped("access")) == 5, "five access lines are shipped")
        wait_until(lambda: any(text.endswith("end") for text in shipped("error")), "the last message is shipped")
        errors = shipped("error")
        assert all(text.startswith("[20") for text in errors), errors
        [traceback] = [text for text in errors if "Traceback" in text]
        assert "Error handling request /exception" in traceback.splitlines()[0]
        assert traceback.splitlines()[-1] == "RuntimeError: the demo application was asked to raise"
        # Nothing lost, nothing twice: all of the file, in its order.
        assert "\n".join(errors).splitlines() == error_log.read_text().splitlines()
        assert shipped("access") == access_log.read_text().splitlines()
        assert {line["app"] for line in server.lines} == {"my_app"}


def test_every_shipper_has_the_rule_and_the_label():
    for path in sorted(path for path in LOGS.iterdir() if path.suffix != ".md"):
        text = path.read_text().replace("\\\\", "\\").replace("[0-9]", "\\d")
        assert r"^\[\d{4}-\d{2}-\d{2}" in text, path
        assert "my_app" in text and "app" in text, path
        assert ("UNPROVEN" in text) is (path.name != "rsyslog.conf"), path
