"""The image's entry point: where StatsD is heard in a container, whatever flags are given. tests/image runs the image itself."""

import shutil

import pytest
from npm import HERE, run

ENTRYPOINT = HERE.parent.parent / "deploy/docker/entrypoint"


@pytest.mark.parametrize(
    ("given", "run_with"),
    [
        ([], ["--statsd.listen-udp=:8125"]),
        (["--log.level=debug"], ["--log.level=debug", "--statsd.listen-udp=:8125"]),
        (["check"], ["check", "--statsd.listen-udp=:8125"]),
        (["--config.file=/a b.yml"], ["--config.file=/a b.yml", "--statsd.listen-udp=:8125"]),
        (["--statsd.listen-udp=127.0.0.1:8125"], ["--statsd.listen-udp=127.0.0.1:8125"]),
        (["--statsd.listen-udp", ":9125", "--log.level=warn"], ["--statsd.listen-udp", ":9125", "--log.level=warn"]),
        (["--statsd.listen-udp="], ["--statsd.listen-udp="]),
    ],
)
def test_it_listens_on_all_addresses_unless_told_where(tmp_path, given, run_with):
    shutil.copy2(ENTRYPOINT, tmp_path)
    program = tmp_path / "gunicorn_exporter"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    assert run([tmp_path / "entrypoint", *given]).splitlines() == run_with


def test_the_image_starts_by_it():
    text = (HERE.parent.parent / "deploy/docker/Containerfile").read_text()
    assert 'ENTRYPOINT ["/usr/bin/gunicorn-exporter-entrypoint"]' in text and "\nCMD" not in text
