"""Starts that cannot work say in one line which setting is wrong and exit 1; those that can work end as asked."""

import os
import re
import signal
import socket
import subprocess

import pytest
from support import Exporter, free_port, run_exporter, send_udp, wait_until
from support.exporter import BINARY


def off():
    """Flags under which nothing else can be wrong."""
    return [f"--web.listen-address=127.0.0.1:{free_port()}", "--statsd.listen-udp="]


def assert_refused(run, setting, *words):
    """`setting` as in the file or on the command line: statsd.listen-udp or statsd.listen_udp."""
    assert run.code == 1, run
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert len(lines) == 1, run.stderr
    assert re.search(re.sub("[-_]", "[-_]", re.escape(setting).replace(r"\-", "-")), lines[0]), lines[0]
    for word in words:
        assert word in lines[0], lines[0]


@pytest.mark.parametrize(
    ("flag", "setting"),
    [
        ("--no-such-flag", "no-such-flag"),
        ("--web.listen-address=nonsense", "web.listen-address"),
        ("--web.listen-address=127.0.0.1:99999", "web.listen-address"),
        ("--web.telemetry-path=metrics", "web.telemetry-path"),
        ("--web.max-requests=-1", "web.max-requests"),
        ("--web.max-requests=many", "web.max-requests"),
        ("--statsd.listen-udp=nonsense", "statsd.listen-udp"),
        ("--statsd.listen-udp=127.0.0.1:0x10", "statsd.listen-udp"),
        ("--statsd.listen-tcp=127.0.0.1", "statsd.listen-tcp"),
        ("--statsd.unixsocket-mode=0999", "statsd.unixsocket-mode"),
        ("--statsd.read-buffer=much", "statsd.read-buffer"),
        ("--statsd.relay-address=nonsense", "statsd.relay-address"),
        ("--web.telemetry-path=/metrics?x", "web.telemetry-path"),
        ("--path.procfs=/nonexistent/proc", "path.procfs"),
        ("--path.procfs=", "path.procfs"),
        ("--log.level=loud", "log.level"),
        ("--log.format=xml", "log.format"),
        ("--collector.process=perhaps", "collector.process"),
    ],
)
def test_a_bad_flag(flag, setting):
    assert_refused(run_exporter(*off(), flag), setting)


def test_an_argument_that_is_no_command():
    assert_refused(run_exporter(*off(), "chek"), "chek")


def test_a_configuration_file_that_is_not_there(tmp_path):
    missing = tmp_path / "missing.yml"
    assert_refused(run_exporter(*off(), f"--config.file={missing}"), str(missing), "No such file")


@pytest.mark.parametrize(
    ("text", "place", "key"),
    [
        ("statsd:\n  series_ttl: 5 min\n", ":2: ", "statsd.series_ttl"),
        ("statsd:\n  series_til: 5m\n", ":2: ", "statsd.series_til"),
        ("process:\n  sample_interval: 0s\n", ":2: ", "process.sample_interval"),
        ("instances:\n  - tags: []\n", ":2: ", "proc_name"),
        ("discovery: [\n", ":", ""),
        ("discovery:\n  enabled: true\n  enabled: false\n", ":3: ", "discovery.enabled"),
    ],
)
def test_a_bad_configuration_file(tmp_path, text, place, key):
    path = tmp_path / "config.yml"
    path.write_text(text)
    assert_refused(run_exporter(*off(), f"--config.file={path}"), f"{path}{place}", key)
    # The same words without a start.
    assert_refused(run_exporter("--config.check", f"--config.file={path}"), f"{path}{place}", key)


def test_a_good_configuration_file_passes_the_check(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("instances:\n  - proc_name: shop\n")
    run = run_exporter("--config.check", f"--config.file={path}")
    assert run.code == 0, run.stderr


def test_the_check_of_the_configuration_reads_certificates(tmp_path):
    config, web = tmp_path / "config.yml", tmp_path / "web.yml"
    config.write_text("")
    web.write_text("tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n")
    run = run_exporter("--config.check", f"--config.file={config}", f"--web.config.file={web}")
    assert_refused(run, f"{web}:2: tls_server_config.cert_file", "none.crt", "No such file")


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("web.listen-address", socket.SOCK_STREAM),
        ("statsd.listen-udp", socket.SOCK_DGRAM),
        ("statsd.listen-tcp", socket.SOCK_STREAM),
    ],
)
def test_an_address_in_use(flag, kind):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        others = [other for other in off() if not other.startswith(f"--{flag}=")]
        assert_refused(run_exporter(*others, f"--{flag}={address}"), flag, address, "in use")


def test_a_unix_socket_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "statsd.sock"
    refused = run_exporter(*off(), f"--statsd.listen-unixgram={path}")
    assert_refused(refused, "statsd.listen-unixgram", str(path.parent))


def test_a_unix_socket_in_the_place_of_a_file_leaves_the_file_alone(tmp_path):
    path = tmp_path / "precious.txt"
    path.write_text("do not delete")
    assert_refused(run_exporter(*off(), f"--statsd.listen-unixgram={path}"), "statsd.listen-unixgram", str(path))
    assert path.read_text() == "do not delete"


def test_a_unix_socket_that_another_exporter_holds():
    with Exporter(flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        path = exporter.directory / "statsd.sock"
        assert_refused(run_exporter(*off(), f"--statsd.listen-unixgram={path}"), "statsd.listen-unixgram", str(path))
        assert path.is_socket()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tls_server_config:\n  cert_file: no-such.pem\n  key_file: no-such.key\n", ["no-such.pem"]),
        ("tls_server_config:\n  cert_file: here.pem\n", ["key_file"]),
        ("tls_server_config:\n  cert_file: here.pem\n  key_file: here.pem\n", ["here.pem"]),
        ("basic_auth_users:\n  anna: plain-text\n", ["anna"]),
        ("no_such_key: 1\n", ["no_such_key"]),
        ("- a list\n", []),
    ],
)
def test_a_bad_web_configuration(tmp_path, text, words):
    path = tmp_path / "web.yml"
    path.write_text(text)
    (tmp_path / "here.pem").write_text("this is no certificate\n")
    assert_refused(run_exporter(*off(), f"--web.config.file={path}"), "web", *words)


def test_a_web_configuration_that_is_not_there(tmp_path):
    missing = tmp_path / "web.yml"
    assert_refused(run_exporter(*off(), f"--web.config.file={missing}"), str(missing))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero(number):
    with Exporter() as exporter:
        assert exporter.stop(number) == 0


def test_version_and_help():
    version = run_exporter("--version")
    assert version.code == 0
    assert re.search(r"gunicorn_exporter.*\d+\.\d+\.\d+", version.stdout)
    usage = run_exporter("--help")
    assert usage.code == 0
    for flag in ("--config.file", "--web.listen-address", "--statsd.listen-udp", "--collector.process", "check"):
        assert flag in usage.stdout


def test_several_listeners_of_one_kind():
    second_web, second_udp, tcp = free_port(), free_port(), free_port()
    flags = [f"--web.listen-address=127.0.0.1:{second_web}", f"--statsd.listen-udp=127.0.0.1:{second_udp}"]
    with Exporter(flags=[*flags, f"--statsd.listen-tcp=127.0.0.1:{tcp}"]) as exporter:
        assert exporter.get("/-/ready").status == 200
        exporter.port = second_web
        assert exporter.get("/-/ready").status == 200
        with socket.create_connection(("127.0.0.1", tcp)):
            pass


@pytest.mark.parametrize(
    ("off", "on"),
    [(["statsd", "logs"], {"process"}), (["statsd"], {"process", "logs"}), (["logs", "process"], {"statsd"})],
)
def test_a_collector_that_is_off_has_no_series(off, on):
    with Exporter(flags=[f"--no-collector.{name}" for name in off]) as exporter:
        scrape = exporter.scrape()
        assert set(scrape.by("collector", "gunicorn_exporter_collector_success")) == on


def test_the_lifecycle_endpoints_are_off_until_asked_for():
    with Exporter() as exporter:
        assert exporter.request("POST", "/-/quit").status == 403
        assert exporter.request("POST", "/-/reload").status == 403
    with Exporter(flags=["--web.enable-lifecycle"]) as exporter:
        assert exporter.request("POST", "/-/reload").status == 200
        assert exporter.request("POST", "/-/quit").status == 200
        assert exporter.wait() == 0


class TwoFamiliesExporter(Exporter):
    """On a machine whose /etc/hosts gives localhost both of its addresses, as Debian's does."""

    def prepare(self):
        super().prepare()
        hosts = self.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
        shell = f'mount --bind {hosts} /etc/hosts && exec "$@"'
        self.command = ["unshare", "--mount", "sh", "-c", shell, "sh", *self.command]


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a namespace")
def test_a_host_name_is_bound_on_each_of_its_addresses():
    statsd, web = free_port(), free_port()
    flags = [f"--statsd.listen-udp=localhost:{statsd}", f"--statsd.listen-tcp=localhost:{statsd}",
             f"--web.listen-address=localhost:{web}"]
    with TwoFamiliesExporter(flags=flags) as exporter:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"gunicorn.requests:1|c|#app:shop", (address, statsd))
            with socket.create_connection((address, statsd)) as sender:
                sender.sendall(b"gunicorn.requests:10|c|#app:shop\n")
            with socket.create_connection((address, web)) as client:
                client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
                assert b" 200 " in client.recv(1000)
        wait_until(lambda: exporter.value("gunicorn_requests_total", app="shop") == 22, "all four are counted")


def test_a_relay_whose_name_does_not_resolve_yet_is_no_reason_not_to_start():
    with Exporter(flags=["--statsd.relay-address=no-such-host.invalid:8125"]) as exporter:
        assert exporter.get("/-/ready").status == 200
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c")
        wait_until(
            lambda: exporter.value("gunicorn_exporter_statsd_relay_dropped_lines_total") == 1, "the line is counted"
        )
        wait_until(lambda: "event=relay_failed" in exporter.log(), "the log says why")
        assert exporter.stop() == 0


IN_A_CONTAINER = """
mount -t tmpfs tmpfs /run
touch /run/.containerenv
ip link set lo up
exec "$@"
"""


def log_of_a_start_in_a_container(tmp_path, namespaces, *flags):
    """The lines up to the one that says that StatsD is received."""
    command = ["unshare", *namespaces, "sh", "-euc", IN_A_CONTAINER, "sh", BINARY, *flags]
    command.append(f"--web.listen-address=unix://{tmp_path}/web.sock")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as started:
        try:
            lines = []
            while "event=receiver_started" not in (line := started.stderr.readline()):
                assert line, lines
                lines.append(line)
            return lines
        finally:
            started.terminate()


@pytest.mark.skipif(os.geteuid() != 0, reason="makes namespaces, which needs root")
@pytest.mark.parametrize(
    ("namespaces", "flags", "warned"),
    [
        (["--mount", "--net"], [], True),
        (["--mount", "--net"], ["--statsd.listen-udp=:8125"], False),
        (["--mount"], [f"--statsd.listen-udp=127.0.0.1:{free_port()}"], False),  # As with --network=host.
    ],
)
def test_a_container_that_hears_itself_alone_is_a_warning(tmp_path, namespaces, flags, warned):
    lines = log_of_a_start_in_a_container(tmp_path, namespaces, *flags)
    warnings = [line for line in lines if "level=warn" in line]
    assert len(warnings) == warned, lines
    if warned:
        assert "event=statsd_heard_in_this_container_alone address=127.0.0.1:8125" in warnings[0]
        assert "set --statsd.listen-udp=:8125" in warnings[0]


@pytest.mark.parametrize("flag", ["config.file", "web.config.file"])
def test_a_file_that_does_not_answer_can_be_interrupted(flag, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with subprocess.Popen([BINARY, *off(), f"--{flag}={path}"]) as program:
        writers = []

        def is_being_read():
            try:
                writers.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # ENXIO: nobody reads.
                assert program.poll() is None
            return writers

        try:
            wait_until(is_being_read, "the pipe is open, and nothing comes of it")
            program.terminate()
            assert program.wait(60) == -signal.SIGTERM
        finally:
            program.kill()
            for writer in writers:
                os.close(writer)
