"""Requests made to a real gunicorn are the requests that the exporter counts, each one, for the app that served it."""

import socket

import pytest
from support import Exporter, Gunicorn, make_requests, unique_name, wait_until

THREADED = {"worker_class": "gthread", "threads": 4, "args": ["--keep-alive", "30"]}


def instance(name, *lines):
    return "\n".join(["instances:", f"  - proc_name: {name}", *[f"    {line}" for line in lines], ""])


def wait_for_requests(exporter, app, count):
    """The scrape that shows them whole: a request's status is the last line that gunicorn sends of it."""

    def counted():
        scrape = exporter.scrape()
        return scrape if scrape.total("gunicorn_request_status_total", app=app) >= count else None

    return wait_until(counted, f"{count} requests are counted")


def test_ten_thousand_requests_over_udp_are_ten_thousand():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter, Gunicorn(name=name, statsd=exporter, **THREADED) as gunicorn:
        paths = ["/", "/", "/status/201", "/status/404", "/", "/status/503", "/exception", "/", "/status/302", "/"]
        codes = make_requests(gunicorn, paths, 10000, per_second=2000)
        assert codes == {200: 5000, 201: 1000, 302: 1000, 404: 1000, 500: 1000, 503: 1000}
        scrape = wait_for_requests(exporter, name, 10000)
        assert scrape.value("gunicorn_requests_total", app=name) == 10000
        counted = scrape.by("code", "gunicorn_request_status_total", app=name)
        assert {int(code): value for code, value in counted.items() if value} == codes
        assert scrape.value("gunicorn_request_duration_seconds_count", app=name) == 10000
        assert scrape.value("gunicorn_request_duration_seconds_bucket", app=name, le="+Inf") == 10000
        assert scrape.value("gunicorn_request_duration_window_seconds_count", app=name) == 10000
        assert scrape.value("gunicorn_log_messages_total", app=name, level="exception") == 1000
        assert scrape.total("gunicorn_exporter_statsd_dropped_packets_total") == 0
        assert scrape.total("gunicorn_exporter_statsd_line_errors_total") == 0
        assert scrape.total("gunicorn_exporter_statsd_refused_series_total") == 0


def test_a_slow_request_lies_in_its_bucket():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter, Gunicorn(name=name, statsd=exporter) as gunicorn:
        gunicorn.get("/sleep?seconds=0.6")
        scrape = wait_for_requests(exporter, name, 1)
        buckets = scrape.by("le", "gunicorn_request_duration_seconds_bucket", app=name)
        assert buckets["0.5"] == 0
        assert scrape.value("gunicorn_request_duration_seconds_sum", app=name) >= 0.6
        assert scrape.value("gunicorn_request_duration_window_seconds", app=name, quantile="1") >= 0.6


def test_counters_are_there_with_zero_before_the_first_request():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter:
        scrape = exporter.scrape()
        assert scrape.value("gunicorn_requests_total", app=name) == 0
        for code in (200, 404, 500, 503):
            assert scrape.value("gunicorn_request_status_total", app=name, code=code) == 0
        for level in ("critical", "error", "warning", "exception"):
            assert scrape.value("gunicorn_log_messages_total", app=name, level=level) == 0


def test_log_messages_are_counted_by_level():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter, Gunicorn(name=name, statsd=exporter) as gunicorn:
        gunicorn.get("/exception")
        wait_until(
            lambda: exporter.value("gunicorn_log_messages_total", app=name, level="exception") == 1,
            "the exception is counted",
        )
        assert exporter.value("gunicorn_log_messages_total", app=name, level="error") == 0


def test_the_arbiters_own_count_of_workers_is_shown():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter:
        with Gunicorn(name=name, workers=3, statsd=exporter):
            wait_until(lambda: exporter.value("gunicorn_arbiter_workers", app=name) == 3, "three workers are reported")
        wait_until(lambda: exporter.scrape().get("gunicorn_arbiter_workers", app=name) is None, "it ends with the master")


def test_a_tag_names_an_app_that_runs():
    with Exporter() as exporter, Gunicorn() as store:
        wait_until(lambda: exporter.value("gunicorn_is_running", app=store.name) == 1, "the other app is known")
        with Gunicorn(statsd=exporter, dogstatsd_tags=f"env:prod, app: {store.name}") as shop:
            shop.get("/")
            scrape = wait_for_requests(exporter, store.name, 1)
            assert scrape.get("gunicorn_requests_total", app=shop.name) in (None, 0)


def test_what_names_no_app_here_leaves_one_gunicorn_one_app():
    with Exporter() as exporter:
        for options, carried in [
            ({"dogstatsd_tags": "app:superset"}, 'tag "app:superset"'),
            ({"statsd_prefix": "galaxy"}, 'prefix "galaxy"'),
        ]:
            with Gunicorn(statsd=exporter, **options) as gunicorn:
                gunicorn.get("/")
                scrape = wait_for_requests(exporter, gunicorn.name, 1)
                for other in ("superset", "galaxy"):
                    assert scrape.get("gunicorn_requests_total", app=other) is None
                (app,) = [app for app in exporter.get("/api/v1/status").json()["apps"] if app["app"] == gunicorn.name]
                assert carried in app["lines_carry"]


def test_a_prefix_names_the_app_through_its_instance():
    name, prefix = unique_name("shop"), unique_name("team")
    config = instance(name, f"statsd_prefix: {prefix}", 'tags: ["env:prod"]')
    with Exporter(config=config) as exporter:
        with Gunicorn(name=name, statsd=exporter, statsd_prefix=prefix) as gunicorn:
            gunicorn.get("/")
            scrape = wait_for_requests(exporter, name, 1)
            assert scrape.value("gunicorn_requests_total", app=name, env="prod") == 1
            assert scrape.value("gunicorn_workers", app=name, state="idle", env="prod") >= 0


def test_two_gunicorns_without_tag_and_prefix_are_told_apart():
    with Exporter() as exporter, Gunicorn(statsd=exporter) as one, Gunicorn(statsd=exporter) as two:
        make_requests(one, ["/"], 30, clients=2)
        make_requests(two, ["/status/404"], 50, clients=2)
        wait_for_requests(exporter, one.name, 30)
        scrape = wait_for_requests(exporter, two.name, 50)
        assert scrape.value("gunicorn_requests_total", app=one.name) == 30
        assert scrape.value("gunicorn_requests_total", app=two.name) == 50
        assert scrape.value("gunicorn_request_status_total", app=two.name, code=404) == 50


@pytest.mark.parametrize("worker_class", ["gevent", "eventlet"])
def test_other_kinds_of_worker_are_counted_too(worker_class):
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter:
        args = ["--keep-alive", "30"]
        with Gunicorn(name=name, statsd=exporter, worker_class=worker_class, args=args) as gunicorn:
            assert make_requests(gunicorn, ["/", "/status/404"], 200, clients=4) == {200: 100, 404: 100}
            scrape = wait_for_requests(exporter, name, 200)
            assert scrape.value("gunicorn_requests_total", app=name) == 200


def test_a_restarted_exporter_counts_on_from_zero():
    name = unique_name("shop")
    with Exporter(config=instance(name)) as exporter, Gunicorn(name=name, statsd=exporter) as gunicorn:
        gunicorn.get("/")
        wait_for_requests(exporter, name, 1)
        assert exporter.stop() == 0
        # Nobody listens; gunicorn answers all the same. It closes the connection after it has sent its lines.
        with socket.create_connection(("127.0.0.1", gunicorn.port)) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b" 200 OK" in b"".join(iter(lambda: client.recv(65536), b""))
        exporter.start()
        gunicorn.get("/")
        scrape = wait_for_requests(exporter, name, 1)
        assert scrape.value("gunicorn_requests_total", app=name) == 1
