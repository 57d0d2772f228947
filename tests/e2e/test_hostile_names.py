"""Names of apps that are chosen to break a page: in tags, in prefixes and in process titles."""

import gzip
import json
from urllib.parse import quote

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support import Exporter, Gunicorn, send_udp, unique_name, wait_until
from support.fake_proc import FakeProc
from support.protobuf import label_sets
from support.scrape import Scrape
from support.watched import KNOWN, Watched, series_of

OPEN_METRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
PROTOBUF = {"Accept": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"}

# What a StatsD line can carry: all but its own separators.
NAMES = (
    'quo"te',
    "back\\slash",
    "back\\nslash that is no newline",
    "\\",
    'end\\"} 1',
    'x",app="other',
    "tab\there",
    "bell\x07 escape\x1b[31m delete\x7f nul\x00 end",
    "return\rin the middle",
    "  blanks around  ",
    "{}",
    "# HELP gunicorn_requests_total",
    "</script><script>alert(1)</script>",
    "ünïcödé 🦄 \u202eright to left\u202c",
    "next line\u0085 separator\u2028 paragraph\u2029",
    "bom\ufeff",
    "nul\x00",
    "..",
    "%s%n%00",
    "$(reboot)`reboot`",
    "n" * 4096,
    '"' * 4096,
)

# They are not UTF-8: a line with them is refused.
NOT_UTF8 = (b"\xff", b"a\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"cut \xe2\x82")


def names_of(samples, family="gunicorn_requests_total"):
    return {sample.labels["app"] for sample in samples if sample.name == family}


def wait_for_names(exporter, names):
    """Lines that name no app which is known wait until their sender is looked up: each has one of its own."""
    wait_until(lambda: names <= names_of(exporter.scrape().samples), "the lines of all names are counted")


def health_of(exporter, name):
    """The answer of /health/NAME; None where the name is too long for a URI, and the exporter says so."""
    path = "/health/" + quote(name, safe="")
    answer = exporter.get(path)
    if len(path) > 8192:
        assert answer.status == 414
        return None
    return answer


def assert_every_format_has(exporter, names):
    """The text, OpenMetrics, protobuf, the status page's JSON: the same apps in all of them."""
    answer = exporter.get("/metrics")
    # Split as Prometheus does, not at what Python takes for the end of a line.
    text = Scrape(answer.text)
    assert names <= names_of(text.samples), names - names_of(text.samples)
    series_of(text.samples)
    open_metrics = exporter.get("/metrics", headers=OPEN_METRICS)
    samples = [s for family in text_string_to_metric_families(open_metrics.text) for s in family.samples]
    assert names <= names_of(samples)
    series_of(samples)
    packed = exporter.get("/metrics", headers={**OPEN_METRICS, "Accept-Encoding": "gzip"})
    unpacked = gzip.decompress(packed.body).decode()
    samples = [s for family in text_string_to_metric_families(unpacked) for s in family.samples]
    assert names <= names_of(samples)
    pairs = label_sets(exporter.get("/metrics", headers=PROTOBUF).body)
    assert names <= {labels["app"] for family, labels in pairs if family == "gunicorn_requests_total"}
    keys = [(family, tuple(sorted(labels.items()))) for family, labels in pairs]
    assert len(set(keys)) == len(keys)
    status = json.loads(exporter.get("/api/v1/status").body)
    assert names <= {app["app"] for app in status["apps"]}
    head = exporter.request("HEAD", "/metrics")
    assert head.status == 200
    assert int(head.headers["Content-Length"]) > len("".join(names))
    assert head.body == b""
    assert exporter.request("POST", "/metrics").status == 405
    assert exporter.get("/").status == 200


def test_names_in_tags():
    names = [name for name in NAMES if "," not in name]  # A comma ends a tag.
    with Watched() as exporter:
        for name in names:
            send_udp(exporter.statsd_port, f"gunicorn.requests:1|c|#app:{name}\ngunicorn.request.duration:5|ms|#app:{name}")
        for name in NOT_UTF8:
            send_udp(exporter.statsd_port, b"gunicorn.requests:1|c|#app:" + name)
        # Blanks around a tag's name are none of it.
        names = [name.strip(" ") for name in names]
        wait_for_names(exporter, set(names))
        scrape = exporter.check()
        assert_every_format_has(exporter, set(names))
        for name in names:
            assert scrape.value("gunicorn_requests_total", app=name) == 1
            assert scrape.value("gunicorn_request_duration_seconds_count", app=name) == 1
        assert scrape.value("gunicorn_exporter_statsd_line_errors_total", reason="bad_encoding") == len(NOT_UTF8)


def test_names_in_prefixes():
    # A prefix ends at ".gunicorn.", and its line's name at ":".
    # Dots at its end are none of it.
    names = [name for name in NAMES if ":" not in name and name.strip(".")]
    with Watched() as exporter:
        for name in names:
            send_udp(exporter.statsd_port, f"{name}.gunicorn.requests:1|c")
        for name in NOT_UTF8:
            send_udp(exporter.statsd_port, name + b".gunicorn.requests:1|c")
        wait_for_names(exporter, set(names))
        scrape = exporter.check()
        assert_every_format_has(exporter, set(names))
        for name in names:
            assert scrape.value("gunicorn_requests_total", app=name) == 1
        assert scrape.value("gunicorn_exporter_statsd_line_errors_total", reason="bad_encoding") == len(NOT_UTF8)


def test_names_in_process_titles(tmp_path):
    proc = FakeProc(tmp_path)
    names = [name for name in NAMES if "\0" not in name] + ["two\nlines", "]", "a]b", "my_app.2"]
    for number, name in enumerate(names):
        proc.add_app(100 + 10 * number, name.encode())
    for number, name in enumerate(NOT_UTF8):
        proc.add_app(1000 + 10 * number, name)
    with Watched(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        scrape = exporter.check()
        for name in names:
            assert scrape.value("gunicorn_is_running", app=name) == 1, name
            assert scrape.value("gunicorn_workers", app=name, state="idle") == 1
            if (answer := health_of(exporter, name)) is not None:
                assert answer.json()["apps"][0]["app"] == name
        assert_every_format_has(exporter, set(names))
        # What is no UTF-8 is made so.
        assert scrape.value("gunicorn_is_running", app="cut \ufffd\ufffd") == 1
        assert exporter.get("/health").status == 503  # The configured ones are absent.
        assert exporter.get("/health").json()["apps"]


def test_titles_that_differ_only_in_what_is_not_utf8(tmp_path):
    proc = FakeProc(tmp_path)
    proc.add_app(10, b"shop\xff")
    proc.add_app(20, b"shop\xfe")
    proc.add_app(30, "shop\ufffd".encode())
    with Watched(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        # One name on the page, one app.
        scrape = exporter.check()
        assert scrape.value("gunicorn_masters", app="shop\ufffd") == 3
        assert scrape.value("gunicorn_workers", app="shop\ufffd", state="idle") == 3
        (app,) = exporter.get("/health/" + quote("shop\ufffd")).json()["apps"]
        assert app["masters"] == 3


def test_titles_that_are_too_long_or_nothing(tmp_path):
    proc = FakeProc(tmp_path)
    for number in range(200):
        proc.add_app(100 + 10 * number, b"%d" % number + b"x" * 131072)
    proc.add(10, 1, b"gunicorn: master []")
    proc.add(20, 1, b"gunicorn: master [")
    proc.add(30, 1, b"gunicorn: master")
    proc.add(40, 40, b"gunicorn: master [its own parent]")
    proc.add_app(50, b"usual")
    with Watched(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        scrape = exporter.check()
        assert scrape.value("gunicorn_is_running", app="usual") == 1
        assert len(scrape.text) < 2_000_000


def test_a_real_gunicorn_of_a_hostile_name():
    name = unique_name("we\"ird\\n\nna'me\x01\x1b[31m</script>]é🦄")
    with Exporter() as exporter, Gunicorn(name=name, workers=2, statsd=exporter) as gunicorn:
        wait_until(lambda: exporter.value("gunicorn_is_running", app=name) == 1, "its workers are seen")
        for _ in range(10):
            gunicorn.get("/")
        # No tag and no prefix: named by the process that sends.
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=name) == 10, "its requests are counted")
        wait_until(lambda: exporter.value("gunicorn_workers", app=name, state="idle") == 2, "its workers are idle again")
        assert_every_format_has(exporter, {name})
        answer = exporter.get("/health/" + quote(name, safe=""))
        assert answer.status == 200
        assert answer.json()["apps"][0]["app"] == name


def test_a_configured_name_of_each_kind():
    names = [name for name in NAMES if "\0" not in name]
    quoted = ["".join(f"\\U{ord(character):08X}" for character in name) for name in [KNOWN, *names]]
    config = "instances:\n" + "".join(f'  - proc_name: "{name}"\n' for name in quoted)
    with Watched(config=config) as exporter:
        scrape = exporter.check()
        for name in names:
            assert scrape.value("gunicorn_is_running", app=name) == 0
            assert (answer := health_of(exporter, name)) is None or answer.status == 503
        assert_every_format_has(exporter, set(names))
