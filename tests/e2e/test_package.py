"""The Debian package: built, clean by lintian, installed, run, removed and purged, in a copy of this machine's files."""

import os
import re
import subprocess

import pytest
from support import free_port, run_exporter
from support.exporter import BINARY, ROOT, SANITISED

BUILD = BINARY.parent.parent

# In a mount namespace of its own: everything is written to a folder in memory laid over the machine's own files.
IN_A_COPY = """
set -eu
work=$4
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
mount --rbind /proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
cp "$1" "$work/root/tmp/package.deb"
exec chroot "$work/root" /bin/bash -euc "$2" exporter "$3"
"""

LIFE = r"""
at_end() { [[ $? -eq 0 ]] || echo "failed at: $BASH_COMMAND"; }
trap at_end EXIT
wants=/etc/systemd/system/multi-user.target.wants/gunicorn-exporter.service
port=$1

dpkg -i /tmp/package.deb
test -e "$wants" -a -e /etc/systemd/system/sockets.target.wants/gunicorn-exporter.socket
systemd-analyze verify --man=no /lib/systemd/system/gunicorn-exporter.service /lib/systemd/system/gunicorn-exporter.socket
test -s /usr/share/man/man1/gunicorn_exporter.1.gz -a -s /usr/share/doc/gunicorn-exporter/copyright

gunicorn_exporter --config.check --config.file=/etc/gunicorn-exporter/config.yml
gunicorn_exporter --config.check \
  --config.file=/usr/share/doc/gunicorn-exporter/examples/gunicorn_exporter.example.yml
. /etc/default/gunicorn-exporter
gunicorn_exporter --config.file=/etc/gunicorn-exporter/config.yml --web.listen-address="127.0.0.1:$port" \
  --statsd.listen-udp= $ARGS &
exporter=$!
curl -sf --retry 50 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$port/metrics" |
  grep '^gunicorn_exporter_build_info{'
kill "$exporter"
wait "$exporter"

echo "# edited" >>/etc/gunicorn-exporter/config.yml
mkdir -p /var/lib/private/gunicorn-exporter
dpkg -i /tmp/package.deb
grep -q edited /etc/gunicorn-exporter/config.yml

dpkg -r gunicorn-exporter
test ! -e /usr/bin/gunicorn_exporter
grep -q edited /etc/gunicorn-exporter/config.yml
dpkg -P gunicorn-exporter
test ! -e "$wants" -a ! -e /etc/gunicorn-exporter -a ! -e /etc/default/gunicorn-exporter
test ! -e /var/lib/private/gunicorn-exporter -a ! -e /etc/systemd/system/sockets.target.wants/gunicorn-exporter.socket
echo "the package came and went"
"""


def output_of(*command, expected=0, env=None):
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == expected, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    output_of("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", directory)
    (found,) = directory.glob("gunicorn-exporter_*.deb")
    return found


def test_lintian_finds_nothing(package):
    # With --allow-root it says no more than without.
    assert output_of("lintian", "--allow-root", "--fail-on", "error,warning", package) == ""


def test_its_changelog_tells_of_this_version(package):
    [version] = re.findall(r"version (\d[\d.]*) ", run_exporter("--version").stdout)
    changelog = (ROOT / "deploy/debian/changelog").read_text()
    assert changelog.startswith(f"gunicorn-exporter ({version}) ")
    assert f"_{version}_" in package.name
    output_of("dpkg-parsechangelog", "--all", "--file", ROOT / "deploy/debian/changelog")


def test_it_depends_on_the_libraries_of_the_binary(package):
    depends = output_of("dpkg-deb", "-f", package, "Depends")
    for library in ("libc6", "libssl3", "libyaml-cpp0.7"):
        assert library in depends


@pytest.mark.skipif(SANITISED, reason="a sanitiser has ways of its own")
def test_the_binary_is_hardened():
    """What strangers send is parsed in it; deploy/debian has the same flags, since it packs the same build."""
    dynamic = output_of("readelf", "--wide", "--dynamic", "--program-headers", BINARY)
    assert "BIND_NOW" in dynamic and "GNU_RELRO" in dynamic and "PIE" in dynamic
    assert not re.search(r"GNU_STACK.*RWE", dynamic)
    symbols = output_of("readelf", "--wide", "--dyn-syms", BINARY)
    assert "__stack_chk_fail" in symbols, "no stack protector"
    assert re.search(r"__(?:memcpy|read|recv|snprintf|vsnprintf|memmove|memset)_chk", symbols), "no _FORTIFY_SOURCE"
    if os.uname().machine == "x86_64":
        assert BINARY.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 1000, "no endbr64: built without CET"


def test_it_comes_runs_and_goes(package, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("installs a package in a mount namespace, which needs root")
    shown = output_of("unshare", "--mount", "bash", "-c", IN_A_COPY, "copy", package, LIFE, free_port(), tmp_path)
    assert "the package came and went" in shown


def test_the_manual_names_every_flag():
    manual = (ROOT / "deploy/debian/gunicorn_exporter.1").read_text().replace("\\-", "-").replace("[no-]", "")
    flags = set(re.findall(r"--[a-z][a-z.-]+", run_exporter("--help").stdout))
    assert {"--config.file", "--web.listen-address"} <= flags
    assert [flag for flag in sorted(flags) if flag.replace("--no-", "--") not in manual] == []
