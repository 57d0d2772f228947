"""A real Prometheus scrapes the exporter, and promtool finds nothing to say about the page."""

from support import Exporter, Gunicorn, Prometheus, make_requests, promtool, unique_name, wait_until


def test_prometheus_computes_the_request_rate():
    name = unique_name("shop")
    with Exporter(config=f"instances:\n  - proc_name: {name}\n") as exporter:
        with Gunicorn(name=name, statsd=exporter) as gunicorn, Prometheus([exporter], interval="1s") as prometheus:
            wait_until(lambda: prometheus.value(f'gunicorn_workers{{app="{name}",state="idle"}}') == 2, "it is scraped")
            # Each may be of another scrape, and one that takes longer than its second on a busy machine is down.
            up = {f"127.0.0.1:{exporter.port}": True}
            wait_until(lambda: prometheus.targets_up() == up, "the exporter is up")
            wait_until(lambda: prometheus.value('up{job="gunicorn"}') == 1, "it says so itself")
            make_requests(gunicorn, ["/", "/status/500"], 200, clients=2)
            wait_until(
                lambda: prometheus.value(f'gunicorn_requests_total{{app="{name}"}}') == 200,
                "Prometheus has all requests",
            )
            wait_until(
                lambda: prometheus.value(f'rate(gunicorn_requests_total{{app="{name}"}}[1m])') > 0, "there is a rate"
            )
            errors = f'sum(gunicorn_request_status_total{{app="{name}",code=~"5.."}}) / sum(gunicorn_requests_total{{app="{name}"}})'
            # The last request's status may have come after a scrape that had its request.
            wait_until(lambda: prometheus.value(errors) == 0.5, "half of all are errors")
            quantile = f'histogram_quantile(0.95, gunicorn_request_duration_seconds_bucket{{app="{name}"}})'
            wait_until(lambda: 0 < prometheus.value(quantile) <= 10, "there is a quantile")


def test_promtool_has_nothing_to_say():
    with Exporter() as exporter, Gunicorn(statsd=exporter) as gunicorn:
        make_requests(gunicorn, ["/", "/status/404", "/exception"], 30, clients=2)
        wait_until(
            lambda: exporter.value("gunicorn_requests_total", app=gunicorn.name) == 30, "all requests are counted"
        )
        assert promtool("check", "metrics", stdin=exporter.get("/metrics").text) == (0, "")
