"""Where Prometheus takes native histograms in place of classic ones, rules and panels go on: Debian's, with its flag."""

from dashboards import DASHBOARDS, expressions, interpolate, load
from npm import HERE
from support import Exporter, Gunicorn, Prometheus, make_requests, unique_name, wait_until

RULES = HERE.parent.parent / "deploy/prometheus"
ANY = {"datasource": "x", "cluster": ".*", "node": ".*", "app": ".*"}
LATENCY = "app:gunicorn_request_duration_seconds:"


def latency_queries():
    """{panel: queries} of the panels that are made of histograms."""
    for path in DASHBOARDS:
        for title, text in expressions(load(path)):
            if "gunicorn_request_duration_seconds" in text:
                yield f"{path.stem}: {title}", interpolate(text, ANY, rate_interval="1m")


def test_rules_and_panels_read_native_histograms():
    name = unique_name("native")
    flags = ["--enable-feature=native-histograms"]
    rules = {"rule_files": [str(RULES / "gunicorn.recording.yml")]}
    with (
        Exporter() as exporter,
        Gunicorn(name=name, statsd=exporter) as gunicorn,
        Prometheus([exporter], config=rules, flags=flags) as prometheus,
    ):
        # A rate is seen from the second sample on, and an app without a request has no durations.
        gunicorn.get("/sleep?seconds=0.03")
        wait_until(lambda: prometheus.value(f'gunicorn_requests_total{{app="{name}"}}') == 1, "it is scraped")
        make_requests(gunicorn, ["/sleep?seconds=0.03"], 20, clients=1)
        wait_until(lambda: prometheus.value(f'gunicorn_requests_total{{app="{name}"}}') == 21, "all requests are there")
        assert not prometheus.query("gunicorn_request_duration_seconds_bucket"), "Prometheus takes the native one"
        # A quantile may stand at the beginning of the bucket that 0.03 s is in.
        # A busy machine may hold one request up, which is then the highest of 21.
        for rule, most in (("p50_5m", 1), ("p95_5m", 10), ("p99_5m", 10), ("mean5m", 1)):
            wait_until(
                lambda: 0.028 <= prometheus.value(f'{LATENCY}{rule}{{app="{name}"}}') < most, f"{rule} is recorded"
            )
        slowest = prometheus.value(f'max_over_time({LATENCY}max5m{{app="{name}"}}[1m])')
        assert prometheus.value(f'{LATENCY}p99_5m{{app="{name}"}}') <= slowest
        queries = list(latency_queries())
        assert len(queries) > 5
        for where, query in queries:
            wait_until(lambda: prometheus.api("query", query=query)["result"], f"{where} shows something")
