"""/api/v1/history: what happened to an app before anybody looked."""

import signal

from support import Exporter, Gunicorn, make_requests, send_udp, unique_name, wait_until
from support.recorded_proc import RecordedProc, hang

FIELDS = {
    "requests_per_second", "error_ratio", "p50_seconds", "p95_seconds", "max_seconds", "working", "requests_in_progress",
    "queue_length", "oldest_request_age_seconds",
}  # fmt: skip


def history(exporter, after=None):
    answer = exporter.get("/api/v1/history" + ("" if after is None else f"?after={after}"))
    assert answer.status == 200
    return answer.json()


def points(answer, name):
    """Of an app, each a dict; empty where it has none."""
    app = next((app for app in answer["apps"] if app["app"] == name), {})
    lists = {field: app[field] for field in FIELDS} if app else {}
    count = answer["newest"] - answer["first"] + 1 if app else 0
    assert all(len(values) == count for values in lists.values())
    return [dict(zip(lists, values)) for values in zip(*lists.values())]


def last_minute(exporter, name):
    (app,) = [app for app in exporter.get("/api/v1/status").json()["apps"] if app["app"] == name]
    return app["last_minute"]


def test_what_happened_is_told_afterwards():
    with Exporter() as exporter, Gunicorn(workers=2, statsd=exporter) as gunicorn:
        name = gunicorn.name
        wait_until(lambda: points(history(exporter), name), "there is a point")
        make_requests(gunicorn, ["/"] * 19 + ["/status/500"], 40, clients=1)
        # After those: where its age is told below, they are all counted.
        held = gunicorn.connect()
        held.request("GET", "/sleep?seconds=300")
        # Nobody asks for the process table but the history itself.
        told = wait_until(
            lambda: [
                point for point in points(history(exporter), name)
                if point["error_ratio"] is not None and point["requests_in_progress"] and point["oldest_request_age_seconds"] > 5
            ],
            "the points tell it",
        )  # fmt: skip
        gunicorn.kill()
        assert told[-1]["error_ratio"] == 0.05
        assert 40 / 65 < told[-1]["requests_per_second"] < 40 / 5
        assert 0 < told[-1]["p50_seconds"] <= told[-1]["p95_seconds"] <= told[-1]["max_seconds"]
        assert (told[-1]["working"], told[-1]["requests_in_progress"], told[-1]["queue_length"]) == (1, 1, 0)
        held.close()


def test_a_ratio_is_over_the_last_minute_and_not_over_one_poll():
    with Exporter() as exporter, Gunicorn(statsd=exporter) as gunicorn:
        total = {"name": "gunicorn_requests_total", "app": gunicorn.name}
        wait_until(lambda: points(history(exporter), gunicorn.name), "there is a point")
        make_requests(gunicorn, ["/"], 57, clients=1)
        wait_until(lambda: exporter.value(**total) == 57, "those are counted")
        wait_until(lambda: last_minute(exporter, gunicorn.name)["error_ratio"] == 0, "none of them failed")
        newest = history(exporter)["newest"]
        wait_until(lambda: history(exporter)["newest"] > newest, "a point later")
        make_requests(gunicorn, ["/status/500"], 3, clients=1)
        # A request's status is the last line that gunicorn sends of it.
        failed = {"name": "gunicorn_request_status_total", "app": gunicorn.name, "code": 500}
        wait_until(lambda: exporter.value(**failed) == 3, "those are counted, too")
        assert exporter.value(**total) == 60
        assert last_minute(exporter, gunicorn.name)["error_ratio"] == 0.05
        newest = history(exporter)["newest"]
        later = wait_until(lambda: points(history(exporter, newest), gunicorn.name), "the next point")
        assert later[-1]["error_ratio"] == 0.05


def test_it_survives_a_reload_and_ends_with_the_app():
    kept, dropped = unique_name("kept"), unique_name("dropped")
    config = f"instances:\n  - proc_name: {kept}\n"
    with Exporter(config=config + f"  - proc_name: {dropped}\n") as exporter:
        wait_until(lambda: points(history(exporter), dropped), "there is a point")
        first = history(exporter)["first"]
        exporter.write_config(config)
        exporter.send_signal(signal.SIGHUP)
        answer = wait_until(
            lambda: (found := history(exporter)) and not points(found, dropped) and found, "what is dropped is forgotten"
        )
        assert answer["first"] == first
        assert points(answer, kept)[0]["working"] == 0


def test_a_procfs_that_hangs_leaves_gaps_and_holds_nothing_up(tmp_path):
    tree = RecordedProc(tmp_path)
    with Exporter(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        wait_until(lambda: exporter.get("/health").status == 200, "the tree is read")
        (app,) = exporter.get("/health").json()["apps"]
        name = app["app"]
        wait_until(lambda: any(point["working"] is not None for point in points(history(exporter), name)), "it is known")
        hang(tree, exporter)
        send_udp(exporter.statsd_port, f"gunicorn.requests:10|c|#app:{name}")

        def gap():
            *_, last = points(history(exporter), name)
            return last if last["working"] is None and last["requests_per_second"] else None

        last = wait_until(gap, "the points say that it is not known")
        assert last["requests_in_progress"] is None and last["queue_length"] is None
        newest = history(exporter)["newest"]
        wait_until(lambda: history(exporter)["newest"] > newest, "the points go on")
        tree.let_go()
        wait_until(lambda: points(history(exporter), name)[-1]["working"] is not None, "it recovers")
