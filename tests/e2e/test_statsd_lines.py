"""What a StatsD line may be and whose it is, row by row, sent to the program as packets: what counts, and what is
refused or ignored for which reason."""

import pytest
from support import Exporter, free_port, send_tcp, send_udp, send_unixgram, unique_name, wait_until

LINES = "gunicorn_exporter_statsd_lines_total"
ERRORS = "gunicorn_exporter_statsd_line_errors_total"
IGNORED = "gunicorn_exporter_statsd_ignored_lines_total"
REQUESTS = "gunicorn_requests_total"
COUNT = "gunicorn_request_duration_seconds_count"
SUM = "gunicorn_request_duration_seconds_sum"
WORKERS = "gunicorn_arbiter_workers"
NOBODY = "discovery:\n  enabled: false\n"
LONGEST = 8192

# A line, {} its app's name, and what it makes of a series of that app.
ACCEPTED = [
    ("gunicorn.requests:1|c|#app:{}", REQUESTS, 1),
    ("gunicorn.requests:0|c|#app:{}", REQUESTS, 0),
    ("gunicorn.requests:+5|c|#app:{}", REQUESTS, 5),
    ("gunicorn.requests:1.5|c|#app:{}", REQUESTS, 1.5),
    ("gunicorn.requests:1e3|c|#app:{}", REQUESTS, 1000),
    ("gunicorn.requests:1E3|c|#app:{}", REQUESTS, 1000),
    ("gunicorn.requests:.5|c|#app:{}", REQUESTS, 0.5),
    ("gunicorn.requests:007|c|#app:{}", REQUESTS, 7),
    ("gunicorn.requests:9007199254740992|c|#app:{}", REQUESTS, 2**53),
    # Packed values.
    ("gunicorn.requests:1:2:3|c|#app:{}", REQUESTS, 6),
    ("gunicorn.requests:1:2:3|c|@0.5|#app:{}", REQUESTS, 12),
    ("gunicorn.request.duration:100:200|ms|@0.25|#app:{}", COUNT, 8),
    ("gunicorn.request.duration:100:200|h|@0.5|#app:{}", SUM, 0.6),
    ("gunicorn.workers:1:2:3|g|#app:{}", WORKERS, 3),
    ("gunicorn.requests:" + ":".join(["1"] * 1000) + "|c|#app:{}", REQUESTS, 1000),
    # Sample rates.
    ("gunicorn.requests:1|c|@1|#app:{}", REQUESTS, 1),
    ("gunicorn.requests:1|c|@0.1|#app:{}", REQUESTS, 10),
    ("gunicorn.requests:1|c|@0.000001|#app:{}", REQUESTS, 1e6),
    ("gunicorn.requests:1|c|@1e-6|#app:{}", REQUESTS, 1e6),
    ("gunicorn.request.duration:5|ms|@1e-6|#app:{}", COUNT, 1e6),
    ("gunicorn.request.duration:5|d|@0.5|#app:{}", COUNT, 2),
    ("gunicorn.workers:4|g|@0.5|#app:{}", WORKERS, 4),
    ("gunicorn.workers:4|g|@0|#app:{}", WORKERS, 4),
    ("gunicorn.workers:4|g|@nonsense|#app:{}", WORKERS, 4),
    # Fields in any order, known or not, empty ones too.
    ("gunicorn.requests:1|c|#app:{}|@0.5", REQUESTS, 2),
    ("gunicorn.requests:1|c|c:ci-3b|@0.5|e:it-false,cn-x|T1656581400|#app:{}|card:low", REQUESTS, 2),
    ("gunicorn.requests:1|c|card:high|T0|e:|c:|#app:{}", REQUESTS, 1),
    ("gunicorn.requests:1|c|Tnonsense|c|T|unheard of|#app:{}", REQUESTS, 1),
    ("gunicorn.requests:1|c||#app:{}|", REQUESTS, 1),
    # Tags.
    ("gunicorn.requests:1|c|#bare,app:{},env:prod,:,x:", REQUESTS, 1),
    ("gunicorn.requests:1|c|#app:{},app:second", REQUESTS, 1),
    ("gunicorn.requests:1|c|#app:,app:{}", REQUESTS, 1),
    ("gunicorn.requests:1|c|#app,application:x,xapp:y,app:{}", REQUESTS, 1),
    # Types.
    ("gunicorn.request.duration:250|ms|#app:{}", SUM, 0.25),
    ("gunicorn.request.duration:250|h|#app:{}", SUM, 0.25),
    ("gunicorn.request.duration:250|d|#app:{}", SUM, 0.25),
    ("gunicorn.workers:+1|g|#app:{}", WORKERS, 1),
    ("gunicorn.workers:5|g|#app:{0}\ngunicorn.workers:+2|g|#app:{0}\ngunicorn.workers:-3|g|#app:{0}", WORKERS, 4),
    ("gunicorn.workers:5|g|#app:{0}\ngunicorn.workers:2|g|#app:{0}", WORKERS, 2),
    ("gunicorn.backlog:3|h|#app:{}", "gunicorn_backlog_connections_sum", 3),
    ("gunicorn.backlog:3|ms|#app:{}", "gunicorn_backlog_connections_sum", 3),
    ("gunicorn.socket.backlog:3|g|#app:{}", "gunicorn_backlog_connections_sum", 3),
    # The end of a line.
    ("gunicorn.requests:1|c|#app:{}\r", REQUESTS, 1),
    ("\n\n\r\ngunicorn.requests:1|c|#app:{0}\r\n\r\n\ngunicorn.requests:1|c|#app:{0}\n", REQUESTS, 2),
    # The prefix.
    ("{}.gunicorn.requests:1|c", REQUESTS, 1),
    ("{}.gunicorn.requests:1|c|#env:prod", REQUESTS, 1),
    ("{}.gunicorn.requests:1|c|#app:", REQUESTS, 1),
    ("other.gunicorn.requests:1|c|#app:{}", REQUESTS, 1),
    ("{}.gunicorn.request.status.404:1|c", "gunicorn_request_status_total", 1),
]

# The name before ":1|c" and the app that it names.
PREFIXES = {
    "agunicorn.requests": "a",
    "b.gunicorn.requests": "b",
    "team.shop.gunicorn.requests": "team.shop",
    "my_gunicorn.gunicorn.requests": "my_gunicorn",
    "my.gunicorn.app.gunicorn.requests": "my.gunicorn.app",
    "gunicorn.gunicorn.requests": "gunicorn",
    "configured.gunicorn.requests": "by_instance",
    "1gunicorn.log.error": "1",
    "prefix with blanks.gunicorn.requests": "prefix with blanks",
    "größe.gunicorn.requests": "größe",
    ".gunicorn.requests": "rest",
    "gunicorn.requests": "rest",
}

# The app in the tag and in the label.
TAGS = ["a:b", ":", "a::b", "größe", 'quote"d', "back\\slash", "日本語", "a b", "#", "@0.5", "app:x"]

REFUSED = {
    "bad_value": [
        *[f"gunicorn.requests:{value}|c" for value in
          ("", "-1", "-0.1", "nan", "NaN", "inf", "-inf", "+inf", "Infinity", "0x1F", "0x", "abc", " 1", "1 ", "1_000", "1,5",
           "--1", "+-1", "+", "-", ".", "1e", "1e999", "1.2.3", "１", "1:", ":1", "1::2", "1:x", "1:-2", "true")],
        *[f"gunicorn.request.duration:{value}|ms" for value in ("", "-5", "nan", "inf", "0x10", "5:-5", "5ms")],
        *[f"gunicorn.workers:{value}|g" for value in ("", "nan", "+inf", "0x3", "3:", "+", "++1", "- 1")],
    ],
    "bad_type": [
        "gunicorn.requests:1|g", "gunicorn.requests:1|ms", "gunicorn.requests:1|h", "gunicorn.requests:1|d",
        "gunicorn.requests:-1|g", "gunicorn.workers:1|c", "gunicorn.workers:1|ms", "gunicorn.workers:1|h",
        "gunicorn.request.duration:1|c", "gunicorn.request.duration:1|g", "gunicorn.request.status.200:1|g",
        "gunicorn.log.error:1|g", "gunicorn.requests:1|q", "gunicorn.requests:1|C", "gunicorn.requests:1|cc",
        "gunicorn.requests:1| c", "gunicorn.requests:1|m", "gunicorn.requests:1|MS", "gunicorn.requests:1|@0.5", "x:1|y",
    ],
    "bad_sample_rate": [
        *[f"gunicorn.requests:1|c|@{rate}" for rate in
          ("", "0", "0.0", "-1", "-0.5", "1.1", "1.0000001", "2", "9e-7", "0.0000009", "1e-7", "nan", "inf", "0x1", "x", "1 ", "1,0")],
        "gunicorn.request.duration:1|ms|@0", "gunicorn.request.duration:1|h|@2", "gunicorn.request.duration:1|d|@",
        "gunicorn.requests:1|c|#app:x|@0",
    ],
    "malformed": [
        "hello", "gunicorn.requests", "gunicorn.requests:1", "gunicorn.requests|c", "gunicorn.requests:1|", "gunicorn.requests:1||c",
        "gunicorn.requests 1|c", "|", ":", "gunicorn.requests:1|c|@0.5|@0.5", "gunicorn.requests:1|c|@0.5|#app:x|@0.5",
        "gunicorn.workers:1|g|@1|@1", "a" * LONGEST,
    ],
    "missing_name": [":1|c", ":1:2|g|#app:x"],
    "bad_encoding": [
        b"gunicorn.requests:1|c|#app:\xff", b"gunicorn.requests:1|c|#app:\xc3", b"\x80.gunicorn.requests:1|c",
        b"gunicorn.requests:1|c|#app:\xc0\xaf", b"gunicorn.requests:1|c|#app:\xed\xa0\x80", b"gunicorn.requests:1|c|c:\xf5\x80\x80\x80",
        b"gunicorn.requests:1|c|#app:\xe2\x82", b"caf\xe9.gunicorn.requests:1|c",
    ],
    "too_long": ["gunicorn.requests:1|c|#x:" + "y" * LONGEST, "a" * (LONGEST + 1), "a" * 60_000],
}

IGNORED_LINES = {
    "set": ["gunicorn.requests:1|s", "users:anna|s", "users:1|s|@0.5|#app:x"],
    "event": ["_e{5,4}:title|text", "_e{5,4}:title|text|t:error|#app:x", "_e{", "_e{1,1}:a|b|c"],
    "service_check": ["_sc|my_app.is_up|0", "_sc|x|2|m:nothing|#app:x"],
    "unmatched": [
        "requests:1|c", "gunicorn:1|c", "gunicorn.request:1|c", "gunicorn.requests.more:1|c", "abgunicorn.requests:1|c",
        "my-gunicorn.requests:1|c", "Gunicorn.requests:1|c", "gunicorn.log.info:1|c", "gunicorn.log.debug:1|c",
        "gunicorn.request.status.99:1|c", "gunicorn.request.status.600:1|c", "gunicorn.request.status.2000:1|c",
        "gunicorn.request.status.:1|c", "gunicorn.request.status.2xx:1|c", "_score:1|c",
    ],
}  # fmt: skip


def sized(size):
    """A line of so many bytes."""
    line = "gunicorn.requests:1|c|#app:sized,x:"
    return line + "y" * (size - len(line))


class Receiver(Exporter):
    """Sends it lines and waits until they are counted."""

    lines = 0

    def take(self, packet, lines=1, counters=(LINES,)):
        """Returns the scrape after the packet, in which `counters` have all lines."""
        send_udp(self.statsd_port, packet)
        self.lines += lines

        def scrape_of_all():
            scrape = self.scrape()
            return scrape if sum(map(scrape.total, counters)) >= self.lines else None

        return wait_until(scrape_of_all, f"{self.lines} lines are counted, with {packet[:100]!r}")


def lines_in(packet):
    return len([line for line in packet.split("\n") if line.strip("\r")])


def test_accepted_lines():
    wrong = []
    with Receiver(config=NOBODY) as exporter:
        for number, (template, name, value) in enumerate(ACCEPTED):
            app = f"app{number}"
            packet = template.format(app)
            scrape = exporter.take(packet, lines_in(packet))
            found = scrape.total(name, app=app)
            if found != pytest.approx(value) or not scrape.series(name, app=app):
                wrong.append((packet[:100], name, value, found))
        scrape = exporter.scrape()
        assert scrape.value(LINES, transport="udp") == exporter.lines
        assert wrong == []
        assert scrape.total(ERRORS) == scrape.total(IGNORED) == 0
        # Nobody else was made known by them.
        assert set(scrape.by("app", REQUESTS)) == {f"app{number}" for number in range(len(ACCEPTED))}


@pytest.mark.parametrize(("family", "table"), [(ERRORS, REFUSED), (IGNORED, IGNORED_LINES)], ids=["refused", "ignored"])
def test_lines_that_do_not_count(family, table):
    wrong = []
    with Receiver(config=NOBODY) as exporter:
        before = exporter.scrape()
        for reason, lines in table.items():
            for line in lines:
                # What became of a line is counted a moment after the line.
                scrape = exporter.take(line, counters=(ERRORS, IGNORED))
                change = {
                    (name, sample.labels["reason"]): sample.value - before.value(name, **sample.labels)
                    for name in (ERRORS, IGNORED) for sample in scrape.series(name)
                }  # fmt: skip
                change = {key: value for key, value in change.items() if value}
                if change != {(family, reason): 1}:
                    wrong.append((line[:100], reason, change))
                before = scrape
        assert wrong == []
        scrape = exporter.scrape()
        assert scrape.value(LINES, transport="udp") == exporter.lines
        # No series has changed, and no app has become known.
        assert scrape.series(REQUESTS) == scrape.series(WORKERS) == []
        assert scrape.value("gunicorn_exporter_statsd_series") == 0
        assert scrape.total("gunicorn_exporter_statsd_refused_series_total") == 0


def test_what_does_not_count_can_be_seen():
    with Receiver(config=NOBODY, flags=["--log.level=debug"]) as exporter:
        for line in ("a.b:1|c", "c.d:2|c", "gunicorn.requests:x|c\x07" + 300 * "y"):
            exporter.take(line, counters=(ERRORS, IGNORED))
        examples = exporter.get("/api/v1/status").json()["statsd"]["examples"]
        seen = {example["reason"]: example for example in examples}
        assert set(seen) == {"unmatched", "bad_type"}
        assert seen["unmatched"]["line"] == "a.b:1|c"
        assert seen["unmatched"]["sender"].startswith("127.0.0.1:")
        assert len(seen["bad_type"]["line"]) == 200
        assert exporter.stop() == 0
        shown = [line for line in exporter.log().splitlines() if "event=statsd_line_example" in line]
        assert len(shown) == 2  # One a minute for each reason.
        assert "reason=unmatched" in shown[0] and "sender=127.0.0.1:" in shown[0] and "a.b:1|c" in shown[0]
        assert "\\u0007y" in shown[1]


def test_a_conflict_of_foreign_names_is_told_once():
    config = NOBODY + "statsd: {unmatched: export}\n"
    with Receiver(config=config) as exporter:
        scrape = exporter.take("miss:3|d\nmiss_count:5|d\nmiss_count:5|d\njobs:1|c\njobs:1|g", 5)
        refused = scrape.by("reason", "gunicorn_exporter_statsd_refused_series_total")
        assert refused == {"limit": 0, "conflict": 3, "reserved_name": 0}
        assert exporter.stop() == 0
        told = [line for line in exporter.log().splitlines() if "event=series_refused" in line]
        assert len(told) == 2
        assert "name=miss_count conflicts_with=miss " in told[0]
        assert "name=jobs conflicts_with=jobs " in told[1]


def test_the_prefix_names_the_app():
    config = "statsd:\n  default_app: rest\ninstances:\n  - {proc_name: by_instance, statsd_prefix: configured}\n  - proc_name: second\n"
    with Receiver(config=config) as exporter:
        for name, app in PREFIXES.items():
            metric = "gunicorn_log_messages_total" if name.endswith("error") else REQUESTS
            before = exporter.scrape().total(metric, app=app)
            assert exporter.take(f"{name}:1|c").total(metric, app=app) == before + 1, name


def test_the_tag_names_the_app():
    with Receiver(config=NOBODY) as exporter:
        for app in TAGS:
            assert exporter.take(f"gunicorn.requests:1|c|#app:{app}").get(REQUESTS, app=app) == 1, app


def test_the_only_app_that_is_known_and_else_the_default_one():
    only, second = unique_name("only"), unique_name("second")
    with Receiver(config=f"instances:\n  - proc_name: {only}\n") as exporter:
        # An app that is known from its lines alone is none that others' lines could belong to.
        assert exporter.take(f"gunicorn.requests:1|c|#app:{second}").value(REQUESTS, app=second) == 1
        assert exporter.take("gunicorn.requests:1|c").value(REQUESTS, app=only) == 1
    with Receiver(config=f"instances:\n  - proc_name: {only}\n  - proc_name: {second}\n") as exporter:
        scrape = exporter.take("gunicorn.requests:1|c")
        assert scrape.by("app", REQUESTS) == {only: 0, second: 0, "unknown": 1}


def test_the_longest_line_on_each_transport():
    tcp = free_port()
    flags = [f"--statsd.listen-tcp=127.0.0.1:{tcp}", "--statsd.listen-unixgram=statsd.sock"]
    ways = {
        "udp": lambda exporter, line: send_udp(exporter.statsd_port, line),
        "tcp": lambda exporter, line: send_tcp(tcp, line),
        "unixgram": lambda exporter, line: send_unixgram(exporter.directory / "statsd.sock", line),
    }
    with Exporter(config=NOBODY, flags=flags) as exporter:
        counted = refused = 0
        for transport, send in ways.items():
            taken = [sized(LONGEST), sized(LONGEST) + "\r", sized(LONGEST) + "\r\n", sized(LONGEST) + "\n" + sized(LONGEST)]
            for line in taken:
                send(exporter, line)
            counted += 5
            for line in (sized(LONGEST + 1), sized(LONGEST + 1) + "\n", sized(LONGEST + 1) + "\r\n"):
                send(exporter, line)
            refused += 3
            wait_until(lambda by=transport: exporter.value(LINES, transport=by) == 8, f"{transport}: all are counted")
            assert exporter.value(REQUESTS, app="sized") == counted, transport
            wait_until(
                lambda all=refused: exporter.value(ERRORS, reason="too_long") == all, f"{transport}: {refused} are refused"
            )


def test_other_lines_of_a_packet_with_a_refused_one_count():
    with Receiver(config=NOBODY) as exporter:
        packet = "gunicorn.requests:1|c|#app:x\nbroken\n" + "a" * 9000 + "\ngunicorn.requests:2|c|#app:x"
        assert exporter.take(packet, 4).value(REQUESTS, app="x") == 3
