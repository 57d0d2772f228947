"""The is_running check over HTTP, and the two probes."""

import re
from urllib.parse import quote, urljoin

import pytest
from support import Exporter, Gunicorn, send_udp, unique_name, wait_until


def config(*names):
    return "instances:\n" + "".join(f'  - proc_name: "{name}"\n' for name in names)


def test_a_running_app_is_ok():
    name = unique_name("shop")
    with Gunicorn(name=name, workers=3), Exporter(config=config(name)) as exporter:
        answer = wait_until(lambda: (found := exporter.get("/health")).status == 200 and found, "it is healthy")
        assert answer.headers["Content-Type"].startswith("application/json")
        health = answer.json()
        assert health["status"] == "ok"
        (app,) = health["apps"]
        assert app["app"] == name
        assert app["status"] == "ok"
        assert app["masters"] == 1
        assert app["workers"]["idle"] + app["workers"]["working"] == 3
        assert isinstance(app["message"], str)
        assert exporter.get(f"/health/{name}").status == 200


def test_one_app_that_is_absent_makes_the_whole_critical():
    here, absent = unique_name("here"), unique_name("absent")
    with Gunicorn(name=here), Exporter(config=config(here, absent)) as exporter:
        wait_until(lambda: exporter.get(f"/health/{here}").status == 200, "the app that runs is healthy")
        answer = exporter.get("/health")
        assert answer.status == 503
        assert answer.json()["status"] == "critical"
        apps = {app["app"]: app for app in answer.json()["apps"]}
        assert apps[here]["status"] == "ok"
        assert apps[absent]["status"] == "critical"
        assert absent in apps[absent]["message"]
        assert exporter.get(f"/health/{absent}").status == 503


def test_no_app_at_all_is_critical_and_says_so(tmp_path):
    with Exporter(flags=[f"--path.procfs={tmp_path}"]) as exporter:
        answer = exporter.get("/health")
        assert answer.status == 503
        assert answer.json()["status"] == "critical"
        assert answer.json()["apps"] == []
        assert answer.json()["message"]
        # The probes speak of the exporter alone.
        assert exporter.get("/-/healthy").status == 200
        assert exporter.get("/-/ready").status == 200


def test_an_unknown_app_is_not_found():
    with Exporter(config=config(unique_name("shop"))) as exporter:
        assert exporter.get("/health/nobody").status == 404


def test_the_apps_name_is_percent_decoded():
    name = unique_name("my shop/ü")
    with Exporter(config=config(name)) as exporter:
        assert exporter.get("/health/" + quote(name, safe="")).status == 503


@pytest.mark.parametrize("path", ["/metrics", "/health", "/-/healthy", "/-/ready", "/", "/api/v1/status", "/api/v1/history"])
def test_other_methods_than_get_and_head_are_refused(path):
    with Exporter(config=config(unique_name("shop"))) as exporter:
        assert exporter.request("POST", path, body=b"x").status == 405
        assert exporter.request("DELETE", path).status == 405
        head = exporter.request("HEAD", path)
        assert head.status == exporter.get(path).status
        assert head.body == b""


def test_without_the_process_collector_apps_are_known_by_their_lines():
    with Exporter(flags=["--no-collector.process"]) as exporter:
        send_udp(exporter.statsd_port, "gunicorn.requests:7|c|#app:far")

        def shown():
            return {app["app"]: app for app in exporter.get("/api/v1/status").json()["apps"]}.get("far")

        app = wait_until(shown, "the status page's JSON has the app")
        assert app["status"] == "remote"
        assert app["requests_total"] == 7
        assert "not known" in app["message"]
        assert "process collector is off" in exporter.get("/api/v1/status").json()["hints"][0]
        answer = exporter.get("/health")
        assert answer.status == 503
        assert "process collector is off" in answer.json()["message"]


def test_the_landing_page_links_to_the_rest():
    with Exporter(config=config(unique_name("shop"))) as exporter:
        page = exporter.get("/")
        assert page.status == 200
        assert page.headers["Content-Type"].startswith("text/html")
        links = {urljoin("/", link) for link in re.findall(r'href="([^"]+)"', page.text)}
        assert {"/metrics", "/health"} <= links
        assert exporter.get("/nothing/here").status == 404
