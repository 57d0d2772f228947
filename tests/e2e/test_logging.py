"""What the program writes to stderr: one event a line, logfmt or json, from the level that was asked for."""

import json
import re

import pytest
from support import Exporter, unique_name

# key=value, the value quoted where it holds a blank, a quote or an equals sign.
LOGFMT = re.compile(r'(?:[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^\s"=]*) ?)+')


def test_logfmt_is_the_default():
    with Exporter() as exporter:
        exporter.stop()
        lines = exporter.log().splitlines()
        assert lines
        assert not [line for line in lines if not LOGFMT.fullmatch(line)]
        assert all("level=" in line and "event=" in line for line in lines)
        udp = next(line for line in lines if "event=receiver_started" in line)
        assert "transport=udp" in udp
        assert f"address=127.0.0.1:{exporter.statsd_port}" in udp


def test_json_on_request():
    with Exporter(flags=["--log.format=json"]) as exporter:
        exporter.stop()
        events = [json.loads(line) for line in exporter.log().splitlines()]
        assert events
        assert all(event["level"] == "info" and event["event"] for event in events)


@pytest.mark.parametrize("level", ["warn", "error"])
def test_a_higher_level_is_silent_about_a_good_start(level):
    with Exporter(config=f"instances:\n  - proc_name: {unique_name('x')}\n", flags=[f"--log.level={level}"]) as exporter:
        exporter.stop()
        assert exporter.log() == ""


def test_an_agents_key_without_a_meaning_is_reported_once():
    config = f"init_config:\n  is_jmx: false\ninstances:\n  - proc_name: {unique_name('x')}\n    empty_default_hostname: true\n"
    with Exporter(config=config) as exporter:
        exporter.stop()
        log = exporter.log()
        for key in ("is_jmx", "empty_default_hostname"):
            assert len([line for line in log.splitlines() if key in line]) == 1, log
