"""No dashboard, rule or page names a series, or a label of it, that the program does not emit.

Labels are held to the tables of the README and its reference pages, which
tests/e2e/test_readme.py holds to what the program emits; names are held to a
real scrape here too.
"""

import re
import socket

import pytest
import yaml
from dashboards import DASHBOARDS, expressions, load
from npm import HERE
from pods import Pod, PodGunicorn, may_make_cgroups
from support import Exporter, send_udp, unique_name, wait_until
from support.pages import PAGES, README, documented_series

ROOT = HERE.parent.parent
PROMETHEUS = ROOT / "deploy/prometheus"
# Of every series: from Prometheus, its scrape configurations, the instances' tags, and process.pod_labels.
COMMON = {"app", "cluster", "node", "instance", "job", "pod_uid", "container_id", "env", "team"}
# Of Prometheus itself and of kube-state-metrics.
OTHERS = {"up": set(), "ALERTS": set(), "scrape_duration_seconds": set(), "kube_pod_info": {"uid", "namespace", "pod"}}
SUFFIXES = {"histogram": {"_bucket": {"le"}, "_sum": set(), "_count": set()}, "summary": {"": set(), "_sum": set(), "_count": set()}}
# What names a series of ours.
NAME = r"\b(?:gunicorn_[a-z0-9_]+|process_[a-z0-9_]+|(?:app|app_code|app_le):gunicorn[a-z0-9_:]+)"
# Old names that from-statsd-exporter.md gives in its left column and its mapping.
OLD_NAMES = {"gunicorn_request_status", "gunicorn_request_status_200", "gunicorn_request_duration", "gunicorn_requests"}
OLD_NAMES |= {"gunicorn_request_duration_sum", "gunicorn_request_duration_count", "gunicorn_request_duration_bucket"}
OLD_NAMES |= {"gunicorn_log", "gunicorn_log_error"}
CONFIG = """
instances:
  - proc_name: {app}
    threads: 1
logs:
  - {{type: file, path: {log}, service: {app}}}
"""


def table_series():
    """{name: labels} of the tables of series, each sample's name by itself."""
    return {
        name + suffix: labels | own
        for name, (kind, labels) in documented_series().items()
        for suffix, own in SUFFIXES.get(kind, {"": set()}).items()
    }


def recorded():
    groups = yaml.safe_load((PROMETHEUS / "gunicorn.recording.yml").read_text())["groups"]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


def known_series():
    # The one that Prometheus may take whole, as a native histogram.
    known = {**table_series(), **OTHERS, "gunicorn_request_duration_seconds": set()}
    for name in recorded():
        known[name] = {"app_le": {"le"}, "app_code": {"code"}}.get(name.partition(":")[0], set())
    return known


def unknown_names(text, known):
    """The series of a PromQL text, and the labels that it selects by, that nobody emits."""
    wrong = {name for name in re.findall(NAME, text) if name not in known}
    for name, selector in re.findall(rf"({NAME}){{([^}}]*)}}", text):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', selector)):
            if name in known and label not in known[name] | COMMON:
                wrong.add(f"{name}{{{label}}}")
    return wrong


def not_samples():
    """What is named but no sample's name: what is recorded, others' series, a whole histogram or summary, and the program."""
    families = {name for name, (kind, _) in documented_series().items() if kind in SUFFIXES}
    return {*recorded(), *OTHERS, *families, "gunicorn_exporter"}


def prose_series():
    """What a page may name: a whole histogram and the program, too."""
    return {**dict.fromkeys(not_samples(), set()), **known_series()}


def queries():
    """(where, PromQL) of all that people install."""
    for path in DASHBOARDS:
        for title, text in expressions(load(path)):
            yield f"{path.stem}: {title}", text
    for name, text in recorded().items():
        yield name, text
    for group in yaml.safe_load((PROMETHEUS / "gunicorn.alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def page_texts():
    """(page, what stands in backquotes) of all pages."""
    for page in [README, *(ROOT / "deploy").rglob("*.md")]:
        for text in re.findall(r"`([^`\n]*)`", page.read_text()):
            if not (page.stem == "from-statsd-exporter" and re.match(NAME, text) and re.match(NAME, text)[0] in OLD_NAMES):
                yield page, text


def test_every_query_names_series_that_are_documented():
    known = known_series()
    wrong = [f"{where}: {name}" for where, text in queries() for name in sorted(unknown_names(text, known))]
    assert not wrong


def test_every_page_names_series_that_are_documented():
    known = prose_series()
    wrong = [f"{page.name}: {name}" for page, text in page_texts() for name in sorted(unknown_names(text, known))]
    assert not wrong


@pytest.mark.skipif(not may_make_cgroups(), reason="needs root and a writable cgroup tree")
def test_every_series_that_a_query_names_is_in_a_real_scrape(tmp_path):
    log = tmp_path / "error.log"
    log.touch()
    named = {
        name
        for where, text in [*queries(), *(text for text in page_texts() if text[0] not in PAGES)]
        for name in re.findall(NAME, text)
        if name not in not_samples()
    }
    assert len(named) > 30
    app = unique_name("names")
    with (
        Exporter(CONFIG.format(app=app, log=log)) as exporter,
        Pod(limited=True) as pod,
        # Untitled, it tells its timeout.
        PodGunicorn(pod, log, name=app, statsd=exporter, setproctitle=False, args=["--timeout", "30"]) as gunicorn,
        socket.create_server(("127.0.0.1", 0)) as upstream,
    ):
        gunicorn.get(f"/open?port={upstream.getsockname()[1]}")
        send_udp(exporter.statsd_port, "broken", "other:1|c")
        wait_until(lambda: not named - {sample.name for sample in exporter.scrape().samples}, f"a scrape has all of {named}")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("gunicorn_requets_total", {"gunicorn_requets_total"}),
        ("app:gunicorn_requests:rate1m", {"app:gunicorn_requests:rate1m"}),
        ('gunicorn_workers{stat="idle"}', {"gunicorn_workers{stat}"}),
        ('rate(gunicorn_requests_total{app="x",code!="200"}[5m])', {"gunicorn_requests_total{code}"}),
        ('gunicorn_request_duration_seconds_bucket{le="1"} > gunicorn_backlog_connections', {"gunicorn_backlog_connections"}),
        ('sum(gunicorn_workers{state="idle",app=~"$app"})', set()),
    ],
)
def test_a_name_that_nobody_emits_is_found(text, wrong):
    assert unknown_names(text, known_series()) == wrong
