"""Where HTTP is served: unix sockets, systemd's sockets, and health alone for probes."""

import socket

import pytest
from support import ActivatedExporter, Exporter, UnixConnection, free_port, http_request, run_exporter
from support.certificates import Certificates
from support.http import request_on


def unix_get(path, target):
    connection = UnixConnection(str(path))
    try:
        return request_on(connection, "GET", target)
    finally:
        connection.close()


def test_a_unix_socket(tmp_path):
    path = tmp_path / "run" / "web.sock"
    with Exporter(flags=[f"--web.listen-address=unix://{path}"]) as exporter:
        assert unix_get(path, "/metrics").status == 200
        assert exporter.get("/metrics").status == 200
        taken = run_exporter(f"--web.listen-address=unix://{path}", "--statsd.listen-udp=")
        assert taken.code == 1
        assert f"web.listen_address: cannot bind {path}, another process has it" in taken.stderr
        # What a killed one left behind is taken over.
        exporter.expected_exit = None
        exporter.kill()
        assert path.exists()
        exporter.expected_exit = 0
        exporter.start()
        assert unix_get(path, "/-/healthy").status == 200
    assert not path.exists()


def test_systemds_socket():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        exporter = ActivatedExporter([listener], flags=["--web.systemd-socket"])
        exporter.port = listener.getsockname()[1]
        with exporter:
            assert exporter.get("/metrics").status == 200
    missing = run_exporter("--web.systemd-socket", "--statsd.listen-udp=")
    assert missing.code == 1
    assert "web.systemd_socket: systemd has handed over no socket" in missing.stderr


@pytest.fixture(name="web_config")
def mutual_tls(tmp_path):
    authority = Certificates(tmp_path)
    certificate, key = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    return f"""tls_server_config:
  cert_file: {certificate}
  key_file: {key}
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: {authority.authority}
"""


class Probed(Exporter):
    def is_ready(self):
        return http_request(f"{self.probes}/-/ready").status == 200


def test_health_alone_beside_mutual_tls(web_config):
    port = free_port()
    exporter = Probed(web_config=web_config, flags=[f"--web.health-listen-address=127.0.0.1:{port}"])
    exporter.probes = f"http://127.0.0.1:{port}"
    with exporter:
        assert http_request(f"{exporter.probes}/-/healthy").status == 200
        assert http_request(f"{exporter.probes}/health").json()["status"] in ("ok", "critical")
        assert http_request(f"{exporter.probes}/health/nobody").status == 404
        for closed in ("/metrics", "/", "/api/v1/status", "/api/v1/history", "/-/reload"):
            assert http_request(exporter.probes + closed).status == 404
        # The other address still speaks TLS alone.
        assert http_request(f"http://127.0.0.1:{exporter.port}/metrics").status == 400
