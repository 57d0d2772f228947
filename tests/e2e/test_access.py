"""--web.config.file with real TLS clients: curl and openssl s_client."""

import crypt
import os
import signal
import subprocess

import pytest
from support import Exporter, run_exporter, wait_until
from support.certificates import Certificates

PROBES = ("/-/healthy", "/-/ready")
CLOSED = ("/", "/metrics", "/health", "/api/v1/status", "/api/v1/history", "/nothing")
# Each kind of name that a client's certificate may have, as openssl calls it.
CLIENT_NAMES = [
    ("DNS", "prometheus.example.org"),
    ("URI", "spiffe://prometheus"),
    ("email", "ops@example.org"),
    ("IP", "192.0.2.7"),
    ("IP", "2001:db8::7"),
]


def bcrypt(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**5)).replace("$2b$", "$2y$")


def tls(certificate, key, more=""):
    return f"tls_server_config:\n  cert_file: {certificate}\n  key_file: {key}\n{more}"


@pytest.fixture(scope="module", name="authority")
def make_authority(tmp_path_factory):
    authority = Certificates(tmp_path_factory.mktemp("certificates"))
    authority.server = authority.sign("server", "DNS:localhost,IP:127.0.0.1")
    authority.client = authority.sign("client", ",".join(f"{kind}:{name}" for kind, name in CLIENT_NAMES), "clientAuth")
    authority.other = authority.sign("other", "DNS:other.example.org", "clientAuth")
    return authority


class Https(Exporter):
    """An exporter that a plain client cannot ask whether it is ready: curl does."""

    def __init__(self, authority, web_config, **options):
        super().__init__(web_config=web_config, scheme="https", **options)
        self.authority = authority
        self.probe_options = []

    def is_ready(self):
        return "http_started" in self.log()

    def refusals(self):
        """How often it has told that the files are broken."""
        return self.log().count("event=web_config_reload_failed")

    def curl(self, path, *options):
        """(exit code, status) of a request by curl."""
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--cacert", self.authority.authority, "--output", "/dev/null",
             "--write-out", "%{http_code}", *map(str, options), f"{self.url}{path}"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, int(done.stdout or 0)

    def s_client(self, *options):
        """What openssl says of a handshake."""
        done = subprocess.run(
            # With -ign_eof it stays until the answer has come whole: nothing is under way afterwards.
            ["openssl", "s_client", "-ign_eof", "-connect", f"127.0.0.1:{self.port}",
             "-CAfile", self.authority.authority, *options],
            input="GET /-/healthy HTTP/1.0\r\n\r\n", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


def test_https_with_its_certificate(authority):
    with Https(authority, tls(*authority.server)) as exporter:
        assert exporter.curl("/metrics") == (0, 200)
        assert exporter.curl("/metrics", "--http2") == (0, 200)  # HTTP/1.1 is agreed on.
        assert exporter.curl("/metrics", "--tls-max", "1.2") == (0, 200)
        assert exporter.curl("/metrics", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0")[0] == 35
        assert "tls=true" in exporter.log()
        # Who speaks plain HTTP is told so.
        exporter.scheme = "http"
        answer = exporter.get("/metrics")
        assert answer.status == 400
        assert "HTTPS" in answer.text


def test_a_certificate_in_the_configuration_itself(authority):
    def indented(path):
        return "|\n" + "".join(f"    {line}\n" for line in path.read_text().splitlines())

    certificate, key = authority.server
    config = f"tls_server_config:\n  cert: {indented(certificate)}  key: {indented(key)}"
    with Https(authority, config) as exporter:
        assert exporter.curl("/metrics") == (0, 200)


def test_a_certificate_with_the_chain_to_its_authority(authority, tmp_path):
    intermediate = authority.intermediate("intermediate")
    certificate, key = intermediate.sign("chained", "DNS:localhost,IP:127.0.0.1")
    chain = tmp_path / "chain.crt"
    chain.write_text(certificate.read_text() + intermediate.authority.read_text())
    with Https(authority, tls(chain, key)) as exporter:
        assert exporter.curl("/metrics") == (0, 200)


def test_versions_and_cipher_suites(authority):
    more = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]\n  curve_preferences: [CurveP384]\n"
    with Https(authority, tls(*authority.server, more)) as exporter:
        said = exporter.s_client()
        assert "TLSv1.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384" in said
        assert "secp384r1" in said
        assert exporter.curl("/metrics", "--tlsv1.3")[0] == 35
        assert exporter.curl("/metrics", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256")[0] == 35
    with Https(authority, tls(*authority.server, "  min_version: TLS13\n")) as exporter:
        assert "TLSv1.3" in exporter.s_client()
        assert exporter.curl("/metrics", "--tls-max", "1.2")[0] == 35


def test_client_certificates(authority):
    more = f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.authority}\n"
    right = ("--cert", authority.client[0], "--key", authority.client[1])
    with Https(authority, tls(*authority.server, more)) as exporter:
        assert exporter.curl("/metrics", *right) == (0, 200)
        assert exporter.curl("/metrics")[1] == 0
        # A certificate for servers is none for clients.
        assert exporter.curl("/metrics", "--cert", authority.server[0], "--key", authority.server[1])[1] == 0


def test_a_file_that_a_refused_configuration_names_is_taken_when_it_comes(authority, tmp_path):
    late = tmp_path / "late.crt"
    more = f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {late}\n"
    right = ("--cert", authority.client[0], "--key", authority.client[1])
    with Https(authority, tls(*authority.server)) as exporter:
        exporter.web_config_path.write_text(tls(*authority.server, more))
        assert exporter.curl("/metrics") == (0, 200)
        wait_until(lambda: exporter.refusals() == 1, "it is refused")
        late.write_bytes(authority.authority.read_bytes())
        # A request does not wait long for the files to be looked at: the next ones then find what they say.
        wait_until(lambda: exporter.curl("/metrics")[1] == 0, "the file is taken")
        assert exporter.curl("/metrics", *right) == (0, 200)


@pytest.mark.parametrize(("kind", "name"), CLIENT_NAMES)
def test_allowed_names_of_clients(authority, kind, name):
    more = f"""  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: {authority.authority}
  client_allowed_sans: ["{name}"]
"""
    with Https(authority, tls(*authority.server, more)) as exporter:
        assert exporter.curl("/metrics", "--cert", authority.client[0], "--key", authority.client[1]) == (0, 200)
        assert exporter.curl("/metrics", "--cert", authority.other[0], "--key", authority.other[1])[1] == 0


def test_a_reload_asks_no_less_of_clients(authority):
    more = f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.authority}\n"
    sans = '  client_allowed_sans: ["prometheus.example.org"]\n'
    client = "--cert", authority.client[0], "--key", authority.client[1]
    with Https(authority, tls(*authority.server, more + sans)) as exporter:
        for less in ("", "  client_auth_type: RequireAnyClientCert\n" + sans, more):
            exporter.web_config_path.write_text(tls(*authority.server, less))
            refused = exporter.refusals()
            wait_until(lambda: exporter.curl("/metrics", *client) == (0, 200) and exporter.refusals() > refused, "it is refused")
            assert exporter.curl("/metrics")[1] == 0
            assert exporter.curl("/metrics", "--cert", authority.other[0], "--key", authority.other[1])[1] == 0
        assert "asking less of clients' certificates takes a restart" in exporter.log()


def test_a_certificate_is_renewed_without_a_restart(authority, tmp_path):
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    certificate.write_bytes(authority.server[0].read_bytes())
    key.write_bytes(authority.server[1].read_bytes())
    with Https(authority, tls(certificate, key)) as exporter:
        assert "CN = server" in exporter.s_client()
        new_certificate, new_key = authority.sign("renewed", "DNS:localhost,IP:127.0.0.1")
        # First the one file, then the other: in between they do not match, and the old pair goes on.
        certificate.write_bytes(new_certificate.read_bytes())
        assert "CN = server" in exporter.s_client()
        # A handshake does not wait long for the files to be looked at.
        wait_until(lambda: exporter.refusals() == 1, "the pair that does not match is refused")
        key.write_bytes(new_key.read_bytes())
        wait_until(lambda: "CN = renewed" in exporter.s_client(), "the new pair is taken")
        assert exporter.curl("/metrics") == (0, 200)
        certificate.write_text("broken\n")
        for _ in range(3):
            assert "CN = renewed" in exporter.s_client()
        wait_until(lambda: exporter.refusals() == 2, "the broken one is refused")
        assert exporter.stop() == 0  # All that it logs is written then.
        assert exporter.refusals() == 2, exporter.log()  # One for each time that the files were broken.


def test_basic_authentication():
    config = f"basic_auth_users:\n  prometheus: {bcrypt('secret')}\n"
    with Exporter(web_config=config) as exporter:
        for path in PROBES:
            assert exporter.get(path).status == 200
        for path in CLOSED:
            answer = exporter.get(path)
            assert answer.status == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
            assert exporter.get(path, user=("prometheus", "wrong")).status == 401
            assert exporter.get(path, user=("nobody", "secret")).status == 401
        assert exporter.request("POST", "/-/reload").status == 401
        assert exporter.get("/metrics", user=("prometheus", "secret")).status == 200
        # Another password, without a restart; a broken file changes nothing.
        exporter.web_config_path.write_text(f"basic_auth_users:\n  prometheus: {bcrypt('other')}\n")
        # A request does not wait long for the file to be looked at.
        wait_until(lambda: exporter.get("/metrics", user=("prometheus", "secret")).status == 401, "the file is taken")
        assert exporter.get("/metrics", user=("prometheus", "other")).status == 200
        exporter.web_config_path.write_text("basic_auth_users: [\n")
        assert exporter.get("/metrics", user=("prometheus", "other")).status == 200
        assert exporter.get("/metrics").status == 401


@pytest.mark.parametrize("reloaded", [False, True])
def test_a_web_configuration_that_does_not_answer(reloaded):
    config = f"basic_auth_users:\n  prometheus: {bcrypt('secret')}\n"
    user = ("prometheus", "secret")
    with Exporter(web_config=config) as exporter:
        exporter.web_config_path.unlink()
        os.mkfifo(exporter.web_config_path)
        if reloaded:
            exporter.send_signal(signal.SIGHUP)
            wait_until(lambda: "event=config_reload_failed" in exporter.log(), "the reload has failed")
            assert f"{exporter.web_config_path}: does not answer" in exporter.log()
        for _ in range(50):
            assert exporter.get("/metrics", user=user).status == 200
            assert exporter.get("/metrics").status == 401
            assert exporter.get("/-/healthy").status == 200
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait() == 0


def test_a_reload_is_whole_or_not_at_all():
    with Exporter(config="instances:\n  - proc_name: before\n", web_config="") as exporter:
        exporter.write_config("instances:\n  - proc_name: after\n")
        exporter.web_config_path.write_text("nonsense: 1\n")
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=config_reload_failed" in exporter.log(), "the reload has failed")
        assert exporter.get("/health/before").status == 503
        assert exporter.get("/health/after").status == 404
        exporter.web_config_path.write_text("http_server_config:\n  headers:\n    X-Frame-Options: deny\n")
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.get("/health/after").status == 503, "both are taken")
        assert exporter.get("/health/before").status == 404
        assert exporter.get("/").headers["X-Frame-Options"] == "deny"


def test_headers_and_rate_limit():
    config = """http_server_config:
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
rate_limit:
  interval: 1h
  burst: 3
"""
    with Exporter(web_config=config) as exporter:
        answers = [exporter.get("/health") for _ in range(5)]
        assert [answer.status == 429 for answer in answers] == [False, False, False, True, True]
        for answer in answers:
            assert answer.headers["X-Frame-Options"] == "deny"
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        for _ in range(10):
            assert exporter.get("/-/healthy").status == 200


def test_a_start_that_cannot_work_says_why(tmp_path):
    path = tmp_path / "web.yml"
    for text, error in (
        ("http_server_config:\n  http2: true\n", f"{path}:2: http_server_config.http2: HTTP/2 is not offered"),
        ("tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n", f"{path}:2: tls_server_config.cert_file: "),
        ("basic_auth_users:\n  me: secret\n", f"{path}:2: basic_auth_users.me: is not a bcrypt hash"),
    ):
        path.write_text(text)
        run = run_exporter(f"--web.config.file={path}", "--web.listen-address=127.0.0.1:0", "--no-collector.statsd")
        assert run.code == 1
        (line,) = [line for line in run.stderr.splitlines() if " level=" not in line]
        assert line.removeprefix("gunicorn_exporter: ").startswith(error)


def test_a_key_of_another_certificate_is_refused(authority, tmp_path):
    path = tmp_path / "web.yml"
    path.write_text(tls(authority.server[0], authority.client[1]))
    run = run_exporter(f"--web.config.file={path}", "--web.listen-address=127.0.0.1:0", "--no-collector.statsd")
    assert run.code == 1
    assert "is not the key of tls_server_config.cert_file" in run.stderr
