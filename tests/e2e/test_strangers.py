"""Names without end, made up by strangers: the exporter's memory stays bounded and the apps that it knows stay right.

Sent to the unix socket, which loses nothing: what is not in a counter was refused, and is counted as such.
"""

import contextlib
import itertools
import re
import socket
import time
from pathlib import Path

from support import Exporter, unique_name, wait_until
from support.background import repeating
from support.exporter import SANITISED

NAMES = 200_000
KNOWN = [unique_name("known") for _ in range(20)]
# Each known app gets two lines in as many of the others.
KNOWN_EVERY = 500
ZEROS = 16 + 4
MOST_RESIDENT_KIB = 64 * 1024
REFUSED = "gunicorn_exporter_statsd_refused_series_total"


def config(statsd=""):
    instances = "".join(f"  - proc_name: {name}\n" for name in KNOWN)
    return f"instances:\n{instances}statsd:\n  max_series: 10000\n{statsd}"


def known_lines():
    for name in itertools.cycle(KNOWN):
        tag = f"#app:{name}"
        yield f"gunicorn.requests:1|c|{tag}\ngunicorn.request.duration:5|ms|{tag}".encode()


def send(exporter, lines):
    """Sends them, one to a packet, with the known apps' own among them; returns how many each known app got."""
    known, turns = known_lines(), 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(exporter.directory / "statsd.sock"))
        for number, line in enumerate(lines):
            if number % KNOWN_EVERY == 0:
                sender.send(next(known))
                turns += 1
            sender.send(line)
    assert turns % len(KNOWN) == 0
    return turns // len(KNOWN)


@contextlib.contextmanager
def scraped_all_the_while(exporter):
    """Scrapes back to back in a thread of its own."""
    answers = set()
    with repeating(lambda: answers.add(exporter.get("/metrics").status)):
        yield
    assert answers == {200}


def most_resident_kib(exporter):
    status = Path(f"/proc/{exporter.pid}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)[1])


def zeros_without_room(scrape):
    """An app is known by its first line, and then has its codes and levels with 0."""
    apps = {series.labels["app"] for series in scrape.series("gunicorn_requests_total")}
    there = [*scrape.series("gunicorn_request_status_total"), *scrape.series("gunicorn_log_messages_total")]
    return len(apps) * ZEROS - len(there)


def assert_all_is_told(exporter, strangers, turns):
    """Every line is in a counter or refused: `strangers` is how many strangers' lines were sent."""
    lines = strangers + 2 * turns * len(KNOWN)
    wait_until(
        lambda: exporter.value("gunicorn_exporter_statsd_lines_total", transport="unixgram") == lines,
        f"{lines} lines are received",
    )
    scrape = exporter.scrape()
    for name in KNOWN:
        # Without a label of a tag: the strangers' lines may have the app's name.
        [requests] = [each for each in scrape.series("gunicorn_requests_total", app=name) if set(each.labels) == {"app"}]
        assert requests.value == turns
        assert scrape.value("gunicorn_request_duration_seconds_count", app=name) == turns
    counted = scrape.total("gunicorn_requests_total") + scrape.total("strangers_total") - turns * len(KNOWN)
    assert 0 < counted < 10_000
    assert scrape.value(REFUSED, reason="limit") == strangers - counted + zeros_without_room(scrape)
    assert scrape.value("gunicorn_exporter_statsd_series") <= 10_000
    assert scrape.total("gunicorn_exporter_statsd_line_errors_total") == 0
    assert scrape.total("gunicorn_exporter_statsd_dropped_packets_total") == 0
    assert SANITISED or most_resident_kib(exporter) < MOST_RESIDENT_KIB


def lines(form):
    """Two hundred thousand of them, each with a long name that no other has; no line opens a second series."""
    return (form.format(f"{number}-a-name-of-the-length-that-a-request-id-or-a-url-has").encode() for number in range(NAMES))


def test_two_hundred_thousand_tags_then_as_many_prefixes():
    with Exporter(config=config(), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        with scraped_all_the_while(exporter):
            begin = time.monotonic()
            turns = send(exporter, lines("gunicorn.requests:1|c|#app:{}"))
            turns += send(exporter, lines("p{}.gunicorn.requests:1|c"))
            seconds = time.monotonic() - begin
        # Slower, it would prove less; a busy machine takes several times the ten seconds of an idle one.
        assert seconds < 180
        assert_all_is_told(exporter, 2 * NAMES, turns)


def test_a_tag_label_without_end():
    # A tag of its own to each request, of apps that are known.
    statsd = "  tag_labels: [request]\n"
    names = itertools.cycle(KNOWN)
    tagged = (line + f",app:{next(names)}".encode() for line in lines("gunicorn.requests:1|c|#request:{}"))
    with Exporter(config=config(statsd), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        with scraped_all_the_while(exporter):
            turns = send(exporter, tagged)
        assert_all_is_told(exporter, NAMES, turns)


def test_exported_names_without_end():
    statsd = "  unmatched: export\n  tag_labels: [request]\n"
    with Exporter(config=config(statsd), flags=["--statsd.listen-unixgram=statsd.sock"]) as exporter:
        with scraped_all_the_while(exporter):
            turns = send(exporter, (f"strangers_total:1|c|#request:{number}".encode() for number in range(NAMES)))
        assert_all_is_told(exporter, NAMES, turns)
