"""The Debian package under a booted systemd: mistakes and their repair, the socket that outlives them, upgrades, the end.

Long: it makes a Debian 12 with mmdebstrap, in some minutes. BOOTED_ROOT=FOLDER keeps that for the next run.
"""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from booted import BootedDebian, make_root
from support import wait_until
from support.exporter import BINARY

SERVICE, SOCKET = "gunicorn-exporter.service", "gunicorn-exporter.socket"
STATSD = "/run/gunicorn-exporter/statsd.sock"
CONFIG = "/etc/gunicorn-exporter/config.yml"
LINE = b"gunicorn.requests:1|c|#app:shop"
# systemd's own limit is five starts in ten seconds, and 20 of a socket in two.
MORE_THAN_ANY_LIMIT = 25

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="boots a Debian, which needs root")


def output_of(*words):
    return subprocess.run([str(word) for word in words], check=True, text=True, stdout=subprocess.PIPE, timeout=600).stdout


@pytest.fixture(scope="module", name="package")
def make_package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    output_of("cpack", "--config", BINARY.parent.parent / "CPackConfig.cmake", "-B", folder)
    [package] = folder.glob("gunicorn-exporter_*.deb")
    return package


@pytest.fixture(scope="module", name="root")
def find_root(package, tmp_path_factory):
    """A Debian that has what the package depends on, and not the package."""
    root = Path(os.environ.get("BOOTED_ROOT", tmp_path_factory.mktemp("booted") / "root"))
    if not root.exists():
        depends = re.sub(r" \([^)]*\)", "", output_of("dpkg-deb", "--field", package, "Depends"))
        make_root(root, *depends.strip().split(", "))
    yield root
    if "BOOTED_ROOT" not in os.environ:
        shutil.rmtree(root)


@pytest.fixture(name="debian")
def boot(root, package):
    """With the package installed, and running."""
    with BootedDebian(root) as debian:
        install(debian, package)
        for unit in (SERVICE, SOCKET):
            assert debian.run("systemctl", "is-active", unit).strip() == "active"
            assert debian.run("systemctl", "is-enabled", unit).strip() == "enabled"
        yield debian


def install(debian, package, *options):
    shutil.copy(package, debian.path("/root/package.deb"))
    debian.run("dpkg", *options, "--install", "/root/package.deb")


def changed(package, folder, version):
    """The package in another version, whose configuration file is another one."""
    tree = folder / version
    output_of("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub("^Version: .*$", f"Version: {version}", control.read_text(), flags=re.MULTILINE))
    config = tree / CONFIG.lstrip("/")
    config.write_text(f"{config.read_text()}\n# Of {version}.\n")
    made = folder / f"{version}.deb"
    output_of("dpkg-deb", "--build", tree, made)
    return made


class Sender:
    """As gunicorn: connects once, and never again."""

    def __init__(self, debian):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect(str(debian.path(STATSD)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self):
        self.socket.send(LINE)

    def fill(self):
        """How many lines the kernel takes while nobody reads them."""
        count = 0
        try:
            while True:
                self.socket.send(LINE, socket.MSG_DONTWAIT)
                count += 1
        except BlockingIOError:
            return count


def counted(debian):
    return debian.scrape().get("gunicorn_requests_total", app="shop")


def restarts(debian):
    return int(debian.property_of(SERVICE, "NRestarts"))


def inode(debian):
    return debian.path(STATSD).stat().st_ino


@pytest.mark.parametrize("lines_come", [False, True])
def test_a_mistake_in_the_configuration_ends_neither_the_service_nor_its_socket(debian, lines_come):
    with Sender(debian) as sender:
        sender.send()
        wait_until(lambda: counted(debian) == 1, "a line is counted")
        before = inode(debian)
        good = debian.path(CONFIG).read_text()
        debian.path(CONFIG).write_text("instances: 7\n")
        # Soon again each time, so that any limit would be reached while the test looks.
        drop_in = debian.path(f"/etc/systemd/system/{SERVICE}.d")
        drop_in.mkdir()
        (drop_in / "soon.conf").write_text("[Service]\nRestartSec=100ms\n")
        debian.run("systemctl", "daemon-reload")
        debian.run("systemctl", "restart", SERVICE)
        waiting = 0
        if lines_come:
            waiting = sender.fill()
            assert waiting >= 1
        wait_until(lambda: debian.journal(SERVICE).count(f"{CONFIG}:1: instances") > MORE_THAN_ANY_LIMIT, "it is tried again and again")
        assert debian.run("systemctl", "is-active", SOCKET).strip() == "active"
        assert inode(debian) == before
        if not lines_come:
            waiting = sender.fill()
        debian.path(CONFIG).write_text(good)
        wait_until(lambda: counted(debian) == waiting, "it is up again by itself, and no line is lost")
        assert inode(debian) == before
        sender.send()
        wait_until(lambda: counted(debian) == waiting + 1, "the connection goes on")


def test_a_refused_reload_is_told_and_changes_nothing(debian):
    def reloaded():
        return debian.scrape().value("gunicorn_exporter_config_last_reload_successful")

    pid = debian.property_of(SERVICE, "MainPID")
    good = debian.path(CONFIG).read_text()
    assert reloaded() == 1
    debian.path(CONFIG).write_text("instances: 7\n")
    debian.run("systemctl", "reload", SERVICE, expected=1)
    wait_until(lambda: reloaded() == 0, "the series tells it")
    assert f"{CONFIG}:1: instances" in debian.journal(SERVICE)
    debian.path(CONFIG).write_text(good)
    debian.run("systemctl", "reload", SERVICE)
    wait_until(lambda: reloaded() == 1, "the repaired file is taken")
    assert debian.property_of(SERVICE, "MainPID") == pid
    assert restarts(debian) == 0


def test_the_socket_goes_with_its_unit_and_not_with_the_service(debian):
    before = inode(debian)
    debian.run("systemctl", "restart", SERVICE)
    assert inode(debian) == before
    # A gunicorn that starts now finds none, rather than one that nobody reads.
    debian.run("systemctl", "stop", SOCKET, SERVICE)
    assert not debian.path(STATSD).exists()
    debian.run("systemctl", "start", SERVICE)
    with Sender(debian) as sender:
        sender.send()
        wait_until(lambda: counted(debian) == 1, "a line to the new socket is counted")


def test_two_upgrades_and_a_purge(debian, package, tmp_path):
    edited = debian.path(CONFIG).read_text() + "\n# By the administrator.\n"
    debian.path(CONFIG).write_text(edited)
    before = inode(debian)
    with Sender(debian) as sender:
        for version in ("0.3.0", "0.4.0"):
            pid = debian.property_of(SERVICE, "MainPID")
            # What the administrator has written stays, and the package's own lies beside it.
            install(debian, changed(package, tmp_path, version), "--force-confdef", "--force-confold")
            assert debian.path(CONFIG).read_text() == edited
            assert f"# Of {version}." in debian.path(f"{CONFIG}.dpkg-dist").read_text()
            assert debian.property_of(SERVICE, "MainPID") not in (pid, "0")
            assert inode(debian) == before
            sender.send()
            wait_until(lambda: counted(debian) == 1, f"the connection outlives the upgrade to {version}")
    debian.path("/var/lib/private/gunicorn-exporter/positions.json").write_text("{}")
    debian.run("dpkg", "--purge", "gunicorn-exporter")
    for unit in (SERVICE, SOCKET):
        assert debian.property_of(unit, "LoadState") == "not-found"
    gone = [STATSD, "/etc/gunicorn-exporter", "/etc/default/gunicorn-exporter", "/var/lib/private/gunicorn-exporter"]
    assert [name for name in gone if os.path.lexists(debian.path(name))] == []
    left = debian.run("find", "/etc/systemd", "/lib/systemd", "/var/lib/systemd/deb-systemd-helper-enabled", "-name", "*gunicorn-exporter*")
    assert left == ""


def test_an_upgrade_takes_a_new_configuration_file_where_nobody_has_changed_it(debian, package, tmp_path):
    install(debian, changed(package, tmp_path, "0.3.0"))
    assert "# Of 0.3.0." in debian.path(CONFIG).read_text()
    assert counted(debian) is None  # It serves.
