"""deploy/moving-over: every query of the pages' tables gives the old figure, by promtool, from series made for it."""

import re

import pytest
import yaml
from npm import HERE
from support import promtool

PAGES = sorted((HERE.parent.parent / "deploy/moving-over").glob("*.md"))
APP = 'app="my_app"'


def table_queries(page):
    return re.findall(r"^\| .* \| `(.*)` \|$", page.read_text(), re.MULTILINE)


def series(name, labels, values):
    return {"series": f"{name}{{{APP}{',' if labels else ''}{labels}}}", "values": values}


# Ten minutes of an app, scraped every 15 s: 150 requests a minute, of which 120
# are 200, 15 are 404 and 15 are 500, each of 20 ms on average.
SERIES = [
    series("gunicorn_is_running", "", "1x80"),
    {"series": 'gunicorn_is_running{app="down"}', "values": "0x80"},
    series("gunicorn_workers", 'state="idle"', "3x80"),
    series("gunicorn_workers", 'state="working"', "1x80"),
    series("gunicorn_arbiter_workers", "", "4x80"),
    series("gunicorn_requests_total", "", "0+37.5x80"),
    series("gunicorn_request_status_total", 'code="200"', "0+30x80"),
    series("gunicorn_request_status_total", 'code="404"', "0+3.75x80"),
    series("gunicorn_request_status_total", 'code="500"', "0+2.5x80"),
    series("gunicorn_request_status_total", 'code="503"', "0+1.25x80"),
    series("gunicorn_request_duration_seconds_sum", "", "0+0.75x80"),
    series("gunicorn_request_duration_seconds_count", "", "0+37.5x80"),
    series("gunicorn_request_duration_seconds_bucket", 'le="0.1"', "0+37.5x80"),
    series("gunicorn_request_duration_window_seconds", 'quantile="0.5"', "0.015x80"),
    series("gunicorn_request_duration_window_seconds", 'quantile="0.95"', "0.0625x80"),
    series("gunicorn_request_duration_window_seconds", 'quantile="0.99"', "0.075x80"),
    series("gunicorn_request_duration_window_seconds", 'quantile="1"', "0.125x80"),
    series("gunicorn_log_messages_total", 'level="critical"', "0x80"),
    series("gunicorn_log_messages_total", 'level="error"', "0+3x80"),
    series("gunicorn_log_messages_total", 'level="warning"', "0+6x80"),
    series("gunicorn_log_messages_total", 'level="exception"', "0+1.5x80"),
    {"series": 'gunicorn_exporter_statsd_packets_total{transport="udp"}', "values": "0+80x80"},
    {"series": 'gunicorn_exporter_statsd_packets_total{transport="unixgram"}', "values": "0+1x80"},
    {"series": 'gunicorn_exporter_statsd_line_errors_total{reason="bad_value"}', "values": "2x80"},
    {"series": 'gunicorn_exporter_statsd_line_errors_total{reason="malformed"}', "values": "1x80"},
    {"series": 'gunicorn_exporter_statsd_ignored_lines_total{reason="unmatched"}', "values": "5x80"},
    {"series": 'gunicorn_exporter_statsd_ignored_lines_total{reason="event"}', "values": "7x80"},
]
# {query: {labels beyond app: what the old tool would show at ten minutes}}
EXPECTED = {
    'gunicorn_workers{state="idle"}': {'state="idle"': 3},
    'gunicorn_workers{state="working"}': {'state="working"': 1},
    "gunicorn_arbiter_workers": {"": 4},
    "rate(gunicorn_requests_total[5m])": {"": 2.5},
    'rate(gunicorn_request_status_total{code="200"}[5m])': {'code="200"': 2},
    'rate(gunicorn_request_status_total{code="404"}[5m])': {'code="404"': 0.25},
    'sum by (app) (rate(gunicorn_request_status_total{code=~"5.."}[5m]))': {"": 0.25},
    "1000 * rate(gunicorn_request_duration_seconds_sum[5m]) / rate(gunicorn_request_duration_seconds_count[5m])": {"": 20},
    '1000 * gunicorn_request_duration_window_seconds{quantile="0.5"}': {'quantile="0.5"': 15},
    '1000 * gunicorn_request_duration_window_seconds{quantile="0.95"}': {'quantile="0.95"': 62.5},
    '1000 * gunicorn_request_duration_window_seconds{quantile=~"1(.0)?"}': {'quantile="1"': 125},
    "rate(gunicorn_request_duration_seconds_count[5m])": {"": 2.5},
    'rate(gunicorn_log_messages_total{level="critical"}[5m])': {'level="critical"': 0},
    'rate(gunicorn_log_messages_total{level="error"}[5m])': {'level="error"': 0.2},
    'rate(gunicorn_log_messages_total{level="warning"}[5m])': {'level="warning"': 0.4},
    'rate(gunicorn_log_messages_total{level="exception"}[5m])': {'level="exception"': 0.1},
    "gunicorn_requests_total": {"": 1500},
    'gunicorn_request_status_total{code="200"}': {'code="200"': 1200},
    'gunicorn_request_duration_window_seconds{quantile="0.5"}': {'quantile="0.5"': 0.015},
    'gunicorn_request_duration_window_seconds{quantile="0.99"}': {'quantile="0.99"': 0.075},
    "gunicorn_request_duration_seconds_sum": {"": 30},
    "gunicorn_request_duration_seconds_count": {"": 1500},
    'gunicorn_request_duration_seconds_bucket{le="0.1"}': {'le="0.1"': 1500},
    'gunicorn_log_messages_total{level="error"}': {'level="error"': 120},
    "increase(gunicorn_requests_total[1h])": {"": 1500},
}
# Of all apps, or without one.
EXPECTED_OTHERS = {
    "2 * (1 - gunicorn_is_running)": {f"{{{APP}}}": 0, '{app="down"}': 2},
    'sum(gunicorn_exporter_statsd_packets_total{transport="udp"})': {"{}": 3200},
    "sum(gunicorn_exporter_statsd_line_errors_total)": {"{}": 3},
    'sum(gunicorn_exporter_statsd_ignored_lines_total{reason="unmatched"})': {"{}": 5},
}
# promtool compares the last bit of a double, so what is compared are whole millionths.
MILLION = 10**6


def cases():
    for query, expected in EXPECTED.items():
        yield query, {f"{{{APP}{',' if labels else ''}{labels}}}": value for labels, value in expected.items()}
    yield from EXPECTED_OTHERS.items()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_query_of_the_tables_is_tested(page):
    queries = table_queries(page)
    assert len(queries) > 5
    assert set(queries) <= set(dict(cases()))


def test_every_query_gives_the_old_figure(tmp_path):
    tests = [
        {
            "expr": f"round(({query}) * {MILLION})",
            "eval_time": "10m",
            "exp_samples": [{"labels": labels, "value": round(value * MILLION)} for labels, value in expected.items()],
        }
        for query, expected in cases()
    ]
    file = {"evaluation_interval": "15s", "tests": [{"interval": "15s", "input_series": SERIES, "promql_expr_test": tests}]}
    (tmp_path / "moving-over.test.yml").write_text(yaml.safe_dump(file))
    code, text = promtool("test", "rules", tmp_path / "moving-over.test.yml")
    assert code == 0, text


def test_the_mapping_shown_is_yaml_and_names_every_metric_of_gunicorn():
    page = next(page for page in PAGES if page.stem == "from-statsd-exporter").read_text()
    mapping, relabelling = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert {entry["match"].split(".", 2)[2].split(".")[0] for entry in mapping["mappings"]} == {
        "request", "requests", "workers", "log"
    }
    assert relabelling["metric_relabel_configs"]
