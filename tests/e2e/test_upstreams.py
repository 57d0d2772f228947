"""What an app's requests wait for, in front of real databases: how many, on whom, since when, against what the app wrote down."""

import contextlib
import time

import pytest
from support import FAST_SAMPLES, CgroupGunicorn, Exporter, Prometheus, UnprivilegedExporter, free_port, run_exporter, wait_until
from support.exporter import ROOT
from support.network_namespaces import ElsewhereGunicorn, client_beside
from support.upstreams import Postgres, RedisServer, SlowService, ask, waiting_app

SCRAPES = 20
# A scrape shows the last sample, which a busy machine may have taken longer ago: then a later scrape shows a fresh one.
FRESH_SECONDS = 1.0
LONG = "600"

CLASSES = {
    "sync": {"workers": 6},
    "gthread": {"workers": 2, "worker_class": "gthread", "threads": 4},
    "gevent": {"workers": 2, "worker_class": "gevent", "app": "upstreams_demo:on_gevent()"},
    "asgi": {"workers": 2, "worker_class": "uvicorn.workers.UvicornWorker", "app": "upstreams_demo:asgi"},
}


@pytest.fixture(name="upstreams")
def fixture_upstreams():
    with Postgres() as postgres, RedisServer(host="::1") as redis, SlowService() as http:
        yield postgres, redis, http


def waits(exporter, gunicorn):
    return exporter.scrape().by("peer", "gunicorn_upstream_waits", app=gunicorn.name)


def assert_told(exporter, gunicorn, written, upstreams):
    """At each of some scrapes: all peers, as many waits as were written down, and none older than it is."""
    expected = {one.peer: len(written.begun(one.name)) for one in upstreams}
    wait_until(lambda: waits(exporter, gunicorn) == expected, f"{gunicorn.name} waits for {expected}")

    def ages_are_fresh():
        before = time.time()
        scrape = exporter.scrape()
        after = time.time()
        assert scrape.by("peer", "gunicorn_upstream_waits", app=gunicorn.name) == expected
        fresh = True
        for one in upstreams:
            shown = scrape.value("gunicorn_upstream_oldest_wait_seconds", app=gunicorn.name, peer=one.peer)
            begun = min(written.begun(one.name), default=None)
            if begun is None:
                assert shown == 0
            else:
                assert shown <= after - begun + 0.01
                fresh = fresh and shown >= before - begun - FRESH_SECONDS
        return fresh

    for _ in range(SCRAPES):
        ages_are_fresh()
        time.sleep(0.1)  # The scrapes are to see several samples.
    wait_until(ages_are_fresh, "the oldest waits are as old as they are")


def check_app(exporter, gunicorn, written, upstreams):
    postgres, redis, http = upstreams
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            assert gunicorn.get("/open").status == 200
        # Idle pools: connections, and no wait.
        wait_until(lambda: waits(exporter, gunicorn) == {one.peer: 0 for one in upstreams}, "all of them are seen")
        assert_told(exporter, gunicorn, written, upstreams)
        ask(gunicorn, stack, f"/postgres?seconds={LONG}", f"/postgres?seconds={LONG}", f"/redis?seconds={LONG}")
        ask(gunicorn, stack, f"/http?seconds={LONG}")
        for one, count in ((postgres, 2), (redis, 1), (http, 1)):
            wait_until(lambda one=one, count=count: len(written.begun(one.name)) == count, f"the app waits for {one.name}")
        assert_told(exporter, gunicorn, written, upstreams)
        connections = exporter.scrape().by("peer", "gunicorn_upstream_connections", app=gunicorn.name)
        assert min(connections.values()) >= 1 and connections[postgres.peer] >= 2
        app = next(app for app in exporter.get("/api/v1/status").json()["apps"] if app["app"] == gunicorn.name)
        assert {one["peer"]: one["waits"] for one in app["upstreams"]} == {postgres.peer: 2, redis.peer: 1, http.peer: 1}
        gunicorn.kill()


@pytest.mark.parametrize("kind", CLASSES)
def test_what_an_app_waits_for_is_what_it_wrote_down(upstreams, kind):
    with Exporter(FAST_SAMPLES) as exporter, waiting_app(upstreams, **CLASSES[kind]) as (gunicorn, written):
        check_app(exporter, gunicorn, written, upstreams)


@pytest.mark.parametrize("kind", CLASSES)
def test_its_own_cgroup_tells_an_apps_upstreams_to_nobody(upstreams, cgroup, kind):
    def in_cgroup(**options):
        return CgroupGunicorn([cgroup], **options)

    with UnprivilegedExporter(FAST_SAMPLES) as exporter, waiting_app(upstreams, in_cgroup, **CLASSES[kind]) as (gunicorn, written):
        check_app(exporter, gunicorn, written, upstreams)


def test_without_proof_there_are_no_upstreams(upstreams):
    with UnprivilegedExporter(FAST_SAMPLES) as exporter, waiting_app(upstreams) as (gunicorn, _):
        for _ in range(6):
            gunicorn.get("/open")
        wait_until(lambda: exporter.scrape().get("gunicorn_masters", app=gunicorn.name) == 1, "the app is seen")
        for _ in range(SCRAPES):
            assert waits(exporter, gunicorn) == {}


def test_switched_off_there_are_no_upstreams(upstreams):
    with Exporter(FAST_SAMPLES + "  upstreams: false\n") as exporter, waiting_app(upstreams) as (gunicorn, _):
        gunicorn.get("/open")
        wait_until(lambda: exporter.scrape().get("gunicorn_connections", app=gunicorn.name) == 0, "the app is sampled")
        assert waits(exporter, gunicorn) == {}


class Itself:
    """An app as its own upstream."""

    def __init__(self, port):
        self.env_for_app = {"HTTP": f"127.0.0.1 {port}"}
        self.peer = f"127.0.0.1:{port}"


def test_an_app_is_no_upstream_of_its_own(upstreams):
    postgres, redis, _ = upstreams
    itself = Itself(free_port())
    options = {"workers": 2, "worker_class": "gthread", "threads": 4, "args": ["--keep-alive", "75"]}
    app = waiting_app([postgres, redis, itself], bind=itself.peer, **options)
    with Exporter(FAST_SAMPLES) as exporter, app as (gunicorn, _):
        gunicorn.get("/open")
        others = {postgres.peer: 0, redis.peer: 0}
        wait_until(lambda: waits(exporter, gunicorn) == others, "the others are seen")
        wait_until(lambda: exporter.value("gunicorn_connections", app=gunicorn.name) == 1, "its own connection is seen")
        for _ in range(SCRAPES):
            assert waits(exporter, gunicorn) == others
            time.sleep(0.05)  # The scrapes are to see several samples.
        gunicorn.kill()


def test_an_app_in_another_network_namespace():
    upstreams = Postgres(), RedisServer(), SlowService()
    app = waiting_app(upstreams, ElsewhereGunicorn, workers=3)
    with Exporter(FAST_SAMPLES) as exporter, app as (gunicorn, written), client_beside(gunicorn) as ask_inside:
        with contextlib.ExitStack() as stack:
            for one in upstreams:
                one.inside = ["nsenter", "--net", f"--target={gunicorn.pid}"]
                stack.enter_context(one)
                ask_inside(f"/{one.name}?seconds={LONG}")
                wait_until(lambda one=one: len(written.begun(one.name)) == 1, f"the app waits for {one.name}")
            assert_told(exporter, gunicorn, written, upstreams)
            gunicorn.end_held_requests()


def firing(prometheus, gunicorn):
    """{alert: its labels}, of the app."""
    alerts = [alert for alert in prometheus.api("alerts")["alerts"] if alert["state"] == "firing"]
    return {a["labels"]["alertname"]: a["labels"] for a in alerts if a["labels"].get("app") == gunicorn.name}


def test_a_database_that_stops_answering_is_named_and_the_app_is_left_alone(tmp_path):
    # The alerts as they are, but for the time that they wait.
    alerts = tmp_path / "alerts.yml"
    alerts.write_text((ROOT / "deploy/prometheus/gunicorn.alerts.yml").read_text().replace("for: 2m", "for: 2s"))
    with Postgres() as postgres, contextlib.ExitStack() as stack:
        with Exporter() as exporter, waiting_app([postgres], workers=8) as (gunicorn, written):
            prometheus = stack.enter_context(Prometheus([exporter], config={"rule_files": [str(alerts)]}))
            for _ in range(4):
                gunicorn.get("/postgres?seconds=0")
            workers = gunicorn.worker_pids()
            postgres.freeze()
            ask(gunicorn, stack, *["/postgres?seconds=0"] * 8)
            wait_until(
                lambda: f"8 requests wait for {postgres.peer}, the oldest for" in message(exporter, gunicorn),
                "the status page names it",
            )
            assert f"8 requests wait for {postgres.peer}, the oldest for" in exporter.get("/health").text
            run = run_exporter("check")
            line = next(line for line in run.stdout.splitlines() if gunicorn.name in line)
            assert f"{gunicorn.name}: 1 master, 0 idle and 8 working workers; 8 requests wait for {postgres.peer}" in line
            wait_until(lambda: firing(prometheus, gunicorn)["GunicornUpstreamSlow"]["peer"] == postgres.peer, "it alerts")
            wait_until(lambda: firing(prometheus, gunicorn)["GunicornRequestStuck"], "15 s are long")
            assert gunicorn.worker_pids() == workers
            gunicorn.kill()


def message(exporter, gunicorn):
    apps = exporter.get("/api/v1/status").json()["apps"]
    return next((app["message"] for app in apps if app["app"] == gunicorn.name), "")
