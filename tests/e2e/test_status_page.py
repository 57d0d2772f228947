"""The status page in Debian's Chromium.

STATUS_PICTURES says where the pictures go, and lets the drill take longer, for the one that the README shows.
"""

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from support import Exporter, Gunicorn, make_requests, unique_name, wait_until
from support.exporter import ROOT
from support.upstreams import Postgres, ask, waiting_app

BROWSER = Path(__file__).parent / "browser"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>\"'&"


@pytest.fixture(scope="module", autouse=True, name="playwright")
def install_playwright():
    if not (BROWSER / "node_modules/playwright-core").exists():
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=BROWSER, check=True, timeout=300,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


class Page:
    """A page that is open in the browser; look() tells what it shows now."""

    def __init__(self, exporter, folder):
        self.node = subprocess.Popen(
            ["node", "status_page.js", exporter.url + "/", "live", folder],
            cwd=BROWSER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.node.communicate("end\n", timeout=150)

    def look(self):
        self.node.stdin.write("look\n")
        self.node.stdin.flush()
        return json.loads(self.node.stdout.readline())

    def look_until(self, fits, what):
        """What it shows when that fits."""

        def seen():
            shown = self.look()
            return shown if fits(shown) else None

        return wait_until(seen, what)


def card(seen, name):
    return next((app for app in seen["apps"] if app["name"] == name), None)


def test_it_shows_what_changes(tmp_path):
    name, absent = unique_name("shop"), unique_name("absent")
    config = f"instances:\n  - proc_name: {name}\n  - proc_name: {absent}\n"
    with Exporter(config=config) as exporter, Gunicorn(
        name=name, workers=3, statsd=exporter, dogstatsd_tags=f"app:{name}"
    ) as gunicorn, Page(exporter, tmp_path) as page:

        def running(seen):
            shop = card(seen, name)
            return shop["status"] == "✓ OK" and shop["squares"] == 3

        seen = page.look_until(running, "the page shows three workers")
        assert seen["overall"] == "✕ 1 of 2 CRITICAL"
        assert card(seen, absent)["status"] == "✕ CRITICAL"
        assert f"gunicorn: master [{absent}]" in card(seen, absent)["why"]
        assert seen["apps"][0]["name"] == absent  # What is CRITICAL comes first.
        make_requests(gunicorn, ["/", "/status/500"], 50, clients=2)
        seen = page.look_until(lambda seen: card(seen, name)["numbers"]["requests"] == "50", "the page counts the requests")
        assert card(seen, name)["numbers"]["p95"] != "–"
        seen = page.look_until(lambda seen: card(seen, name)["numbers"]["5xx or lost"] == "50.0 %", "the page tells the ratio")
        gunicorn.add_worker()
        seen = page.look_until(lambda seen: card(seen, name)["squares"] == 4, "the page shows the new worker")
        assert seen["troubles"] == []  # Nothing from elsewhere, nothing that the policy forbids.
        assert f"{exporter.url}/metrics" in seen["links"]


def test_it_names_a_database_that_stops_answering(tmp_path):
    """The drill of the README, and its picture: the database's processes are stopped, the app is never touched."""
    postgres = Postgres()
    folder, name, load_seconds, oldest_seconds = tmp_path, unique_name("shop"), 2, 1
    if "STATUS_PICTURES" in os.environ:
        folder, name, load_seconds, oldest_seconds = Path(os.environ["STATUS_PICTURES"]), "shop", 300, 12
        postgres.port = 5432
    config = f"instances:\n  - proc_name: {name}\n"
    with contextlib.ExitStack() as stack:
        stack.enter_context(postgres)
        exporter = stack.enter_context(Exporter(config))
        options = {"name": name, "workers": 8, "statsd": exporter, "dogstatsd_tags": f"app:{name}"}
        gunicorn, _ = stack.enter_context(waiting_app([postgres], **options))
        stack.callback(gunicorn.kill)
        clients = stack.enter_context(contextlib.ExitStack())
        page = stack.enter_context(Page(exporter, folder))
        paths = ["/", "/postgres?seconds=0.02", "/", "/postgres?seconds=0.2"]
        make_requests(gunicorn, paths, 20 * load_seconds, per_second=20)
        page.look_until(lambda seen: "waiting" not in str(card(seen, name)["upstreams"]), "nothing waits")
        workers = gunicorn.worker_pids()
        postgres.freeze()
        ask(gunicorn, clients, *["/postgres?seconds=0"] * 8)

        def waits(seen):
            found = re.fullmatch(
                f"8 of 8 workers working; 8 requests wait for {postgres.peer}, the oldest for ([0-9]+) s", card(seen, name)["why"]
            )
            return found and int(found[1]) >= oldest_seconds

        seen = page.look_until(waits, "the page names the database")
        [upstream] = card(seen, name)["upstreams"]
        assert upstream.startswith(f"{postgres.peer}: ") and "8 waiting" in upstream
        assert gunicorn.worker_pids() == workers


def test_the_readmes_pictures_are_small():
    pictures = list((ROOT / "grafana/pictures").iterdir())
    readme = (ROOT / "README.md").read_text()
    assert len(pictures) >= 2
    for picture in pictures:
        assert f"(grafana/pictures/{picture.name})" in readme
        assert 10 * 2**10 < picture.stat().st_size <= 150 * 2**10, picture


def check_plots(app, newest, later):
    """`newest`: the number of the last point, and its rate, as browser/status_page.js makes them up."""
    assert app["heading"] == "The last 15 minutes"
    plots = {plot["title"]: plot for plot in app["plots"]}
    assert list(plots) == ["requests/s", "5xx or lost", "latency", "oldest request", "busy"]  # No queue is known.
    assert plots["requests/s"]["values"] == [""]
    assert plots["latency"]["values"] == ["max", "p95", "p50"]
    assert [plot["top"] for plot in app["plots"]] == ["200", "5 %", "2 s", "10 s", "2"]
    assert all(plot["times"] == ["−15 min", "−10", "−5", "now"] for plot in app["plots"])
    [line] = plots["requests/s"]["lines"]
    begin = 30 - (newest - 179)  # What is not known before it and at the 100th is a gap.
    points = [f"{'M' if number in (30, 101) else 'L'}{begin + number - 30} {40 - number / 5:.1f}" for number in range(30, newest + 1)]
    del points[100 - 30]
    assert line.replace("h0", "") == "".join(points)
    # Under the mouse's pointer, and under that of the arrow keys.
    assert later["pointed"]["plots"][0]["values"] == [str(newest - 45)]
    assert later["pointed"]["plots"][2]["values"] == [f"max {(newest - 45) / 100:.2f} s", "p95 200 ms", "p50 10.0 ms"]
    assert later["pointed"]["heading"].startswith("At ")
    assert later["left"]["heading"] == "The last 15 minutes"
    assert later["moved"]["plots"][0]["values"] == [str(newest - 13)]
    assert f", requests/s {newest - 13}, 5xx or lost 5.00 %, latency max " in later["moved"]["pointed"]
    assert later["home"]["plots"][0]["values"] == ["–"]
    assert later["end"] == later["left"]


def test_it_bears_hostile_names_many_apps_and_a_phone(tmp_path):
    with Exporter() as exporter:
        done = subprocess.run(
            ["node", "status_page.js", exporter.url + "/", "made", tmp_path],
            cwd=BROWSER, stdout=subprocess.PIPE, text=True, timeout=240, check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        seen, plots, later = map(json.loads, done.stdout.splitlines())
        assert seen["troubles"] == []
        assert seen["title"] == "✕ gunicorn_exporter"
        assert seen["injected"] == 0
        assert not seen["wide"]  # Nothing sticks out of a phone's screen.
        assert seen["notices"] == [HOSTILE]
        assert seen["apps"][0]["name"] == "down"
        assert seen["apps"][0]["hints"] == [HOSTILE]
        assert seen["apps"][1]["name"] == HOSTILE + "x" * 300
        assert seen["apps"][1]["why"] == "1 of 4 workers working; 8 requests wait for 10.0.0.5:5432, the oldest for 12 s"
        assert seen["apps"][1]["upstreams"] == [
            "10.0.0.5:5432: 24 connections, 8 waiting, the oldest 12.50 s",
            "[::1]:6379: 1 connection",
        ]
        assert len(seen["apps"]) == 60
        assert "43 apps are not shown" in seen["more"]
        assert card(seen, "app7")["numbers"]["requests/s"] == "10.0"
        assert card(seen, "app7")["numbers"]["5xx or lost"] == "5.00 %"
        assert card(seen, "app3")["heading"] == "No history: it is kept for 200 apps."
        assert card(seen, "app3")["plots"] == []
        # Everything once, then what is new.
        assert seen["asked"] == [None, *range(1179, 1179 + len(seen["asked"]) - 1)] and 5 <= len(seen["asked"]) <= 15
        check_plots(card(seen, "app7"), 178 + len(seen["asked"]), plots)
        assert seen["legend"]
        crowd = card(seen, "crowd")
        assert crowd["squares"] == 96
        assert crowd["workers"][:7] == [
            ["pid 4711: under 1 s", "working age0"],
            ["pid 4712: 1 s", "working age1"],
            ["pid 4713: 5 s", "working age2"],
            ["pid 4714: 2 requests, the oldest 15 s", "working age3"],
            ["pid 4715: idle", "idle"],
            ["pid 4716: age not known", "working age0"],
            ["", "idle"],
        ]
        assert [words for words, _ in card(seen, "app7")["workers"]] == [""] * 4  # Who does what is not known.
        assert later["pointed"] == [
            "pid 4711: under 1 s",
            "pid 4712: 1 s",
            "pid 4713: 5 s",
            "pid 4714: 2 requests, the oldest 15 s",
            "pid 4713: 5 s",
            "pid 4715: idle",
        ]
        assert later["stops"][0] == "pause"
        assert later["filtered"] == ["down"]
        assert later["gone"]["stale"]
        assert later["gone"]["overall"] == "? not known"
        assert later["gone"]["notices"][0].startswith("The exporter does not answer")
