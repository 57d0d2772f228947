"""The three formats of /metrics, as the real readers of each take them."""

import gzip

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support import Exporter, Gunicorn, Prometheus, make_requests, promtool, unique_name, wait_until
from support.statsd import send_udp

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


def test_every_reader_takes_its_format():
    with Exporter() as exporter, Gunicorn(name='we"ird\\name', statsd=exporter) as gunicorn:
        make_requests(gunicorn, ["/", "/status/404"], 20, clients=2)
        wait_until(lambda: 'name"} 20' in exporter.get("/metrics").text, "all requests are counted")
        text = exporter.get("/metrics")
        assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert promtool("check", "metrics", stdin=text.text) == (0, "")

        open_metrics = exporter.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
        families = {family.name: family for family in text_string_to_metric_families(open_metrics.text)}
        assert families["gunicorn_requests"].type == "counter"
        (histogram,) = [s for s in families["gunicorn_request_duration_seconds"].samples if s.name.endswith("_count")]
        assert histogram.labels == {"app": 'we"ird\\name'}
        assert histogram.value == 20

        packed = exporter.get("/metrics", headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body).startswith(b"# HELP")
        assert exporter.get("/metrics", headers={"Accept": PROTOBUF}).headers["Content-Type"].startswith(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily"
        )
        head = exporter.request("HEAD", "/metrics")
        assert head.status == 200
        assert int(head.headers["Content-Length"]) > 0
        assert head.body == b""


def test_a_foreign_counter_has_one_name_in_each_format():
    with Exporter("discovery: {enabled: false}\nstatsd: {unmatched: export}\n") as exporter:
        send_udp(exporter.statsd_port, "my.jobs:2|c|#queue:a\nmy.jobs,queue=b:1|c\nmy.jobs_total:5|c\nmy.time:200|ms\nup:0|g")
        # As it stands there: the parser calls each counter _total.
        counted = 'my_jobs{app="unknown",queue="a"} 2\n'
        wait_until(lambda: counted in exporter.get("/metrics").text, "they are counted")
        text = exporter.get("/metrics").text
        assert promtool("check", "metrics", stdin=text)[0] in (0, 3)  # 3: it would name them otherwise.
        assert "# TYPE my_jobs counter\n" in text
        answer = exporter.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text
        families = {family.name: family for family in text_string_to_metric_families(answer)}
        assert {sample.labels["queue"]: sample.value for sample in families["my_jobs"].samples} == {"a": 2, "b": 1}
        for name in ("my_jobs", "my_jobs_total"):
            assert families[name].type == "unknown"
            assert {sample.name for sample in families[name].samples} == {name}
        assert families["my_time"].type == "summary"
        assert "up" not in families


def test_prometheus_answers_from_a_native_histogram():
    # The tag names the app, whatever else runs on the machine.
    name = unique_name("native")
    with Exporter() as exporter, Gunicorn(name=name, statsd=exporter, dogstatsd_tags=f"app:{name}") as gunicorn:
        with Prometheus([exporter], flags=["--enable-feature=native-histograms"]) as prometheus:
            app = f'app="{gunicorn.name}"'
            make_requests(gunicorn, ["/"], 100, clients=2)
            count = f"histogram_count(gunicorn_request_duration_seconds{{{app}}})"
            wait_until(lambda: prometheus.value(count) == 100, "the native histogram has all requests")
            # Each of a scrape of its own, which may take longer than its second on a busy machine: then the next one's.
            median = f"histogram_quantile(0.5, gunicorn_request_duration_seconds{{{app}}})"
            wait_until(lambda: 0 < prometheus.value(median) < 5, "it has a median")
            up = {f"127.0.0.1:{exporter.port}": True}
            wait_until(lambda: prometheus.targets_up() == up, "the exporter is up")


def test_a_sampled_histogram_keeps_its_fractions():
    with Exporter() as exporter:
        send_udp(exporter.statsd_port, b"gunicorn.request.duration:100|ms|@0.4|#app:sampled")
        with Prometheus([exporter], flags=["--enable-feature=native-histograms"]) as prometheus:
            count = 'histogram_count(gunicorn_request_duration_seconds{app="sampled"})'
            wait_until(lambda: prometheus.value(count) == 2.5, "the native histogram counts 1 / 0.4")
        assert exporter.value("gunicorn_request_duration_seconds_count", app="sampled") == 2.5
        open_metrics = exporter.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text
        assert list(text_string_to_metric_families(open_metrics))
        assert promtool("check", "metrics", stdin=exporter.get("/metrics").text) == (0, "")
