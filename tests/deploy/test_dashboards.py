"""grafana/: the dashboards fit Grafana's types, and every panel shows something of a real gunicorn under load."""

import copy
import json
import re

import pytest
import yaml
from dashboards import DASHBOARDS, expressions, interpolate, load, panels
from living import living_prometheus
from npm import npm_packages, run_any
from pods import MEMORY_LIMIT, may_make_cgroups

SECONDS = 30


def check(*files):
    return run_any(["node", npm_packages("types") / "check-dashboards.mjs", *files])


def test_the_dashboards_fit_grafanas_types():
    assert check(*DASHBOARDS) == (0, f"{len(DASHBOARDS)} dashboards fit their types\n")


MISTAKES = {
    "a misspelt key of the dashboard": lambda board: board.update(refesh="30s"),
    "a misspelt key of a panel": lambda board: panels(board)[0].update(titel="x"),
    "an unknown kind of panel": lambda board: panels(board)[0].update(type="timeserie"),
    "a misspelt option": lambda board: panels(board)[0]["options"].update(colourMode="value"),
    "a misspelt field setting": lambda board: panels(board)[0]["fieldConfig"]["defaults"].update(units="s"),
    "a value that an option has not": lambda board: panels(board)[0]["options"].update(graphMode="areas"),
    "a query without an expression": lambda board: panels(board)[0]["targets"][0].pop("expr"),
    "a misspelt key of a query": lambda board: panels(board)[0]["targets"][0].update(legend="x"),
    "a misspelt key of a variable": lambda board: board["templating"]["list"][1].update(includeall=True),
}


def test_the_check_refuses_mistakes(tmp_path):
    for number, spoil in enumerate(MISTAKES.values()):
        board = copy.deepcopy(load(DASHBOARDS[0]))
        spoil(board)
        (tmp_path / f"{number}.json").write_text(json.dumps(board))
    code, text = check(*tmp_path.iterdir())
    assert code == 1
    for number, name in enumerate(MISTAKES):
        assert re.search(rf"/{number}\.json\.ts\(.*error TS", text), f"{name} was accepted: {text}"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_its_variables_and_its_panels_their_places(path):
    board = load(path)
    assert board["uid"] == path.stem
    assert [variable["name"] for variable in board["templating"]["list"]] == ["datasource", "cluster", "node", "app"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells)), "two panels share a place"
    assert len(cells) == 24 * (1 + max(y for _, y in cells)), "a place is empty, or a panel too wide"
    titles = [(panel["type"], panel["title"]) for panel in panels(board)]
    assert len(titles) == len(set(titles))
    texts = json.dumps(board["panels"])
    for name in ("cluster", "node", "app"):
        assert f"${name}" in texts, f"{name} is not used"
    for panel in panels(board):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert len(panel["description"]) > 25, f"{panel['title']} says neither what it shows nor what to do"


def test_every_dashboard_answers_a_question_and_leads_to_the_others():
    boards = {path.stem: load(path) for path in DASHBOARDS}
    questions = {uid: board["description"] for uid, board in boards.items()}
    assert len(set(questions.values())) == len(boards)
    assert all(re.fullmatch(r"[A-Z][^.?]*\?", question) for question in questions.values())
    for uid, board in boards.items():
        others = {f"/d/{other}": question for other, question in questions.items() if other != uid}
        assert {link["url"]: link["title"] for link in board["links"]} == others
        assert all(link["type"] == "link" and link["includeVars"] and link["keepTime"] for link in board["links"])
        # Those of a table's cells say which app.
        for target, values in re.findall(r'"url": "/d/([a-z-]+)\?([^"]*)"', json.dumps(board["panels"])):
            assert target in boards
            for kept in ("${datasource:queryparam}", "${cluster:queryparam}", "${node:queryparam}", "var-app=", "${__url_time_range}"):
                assert kept in values


def test_no_panel_stands_in_two_dashboards():
    queries = {}
    for path in DASHBOARDS:
        for panel in panels(load(path)):
            if panel["type"] != "stat":
                queries.setdefault(tuple(target["expr"] for target in panel["targets"]), []).append((path.stem, panel["title"]))
    assert [places for places in queries.values() if len(places) > 1] == []


def test_the_provisioning_files_are_what_grafana_reads():
    provisioning = DASHBOARDS[0].parent.parent / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert {"name", "type", "access", "url"} <= set(source) and source["type"] == "prometheus"
    [provider] = yaml.safe_load((provisioning / "dashboards/gunicorn.yml").read_text())["providers"]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")


def offered(living, label, selector):
    return {labels[label] for labels, _ in living.prometheus.query(selector)}


def largest(results, app):
    return max(float(value) for series in results["series"] if app in series["name"] for _, value in series["values"])


@pytest.mark.skipif(not may_make_cgroups(), reason="needs root and a writable cgroup tree")
def test_the_dashboards_show_gunicorns_under_load(tmp_path):
    """30 and 12 requests a second; one of twelve a 503, one a 500, one asks a service; two workers time out, asking another."""
    with living_prometheus(tmp_path, SECONDS) as living:
        boards = {path.stem: load(path) for path in DASHBOARDS}
        shown = {name: living.shown(board) for name, board in boards.items()}
        empty = [
            f"{name}: {panel['title']} {query['refId']}"
            for name, board in boards.items()
            for panel in panels(board)
            for query in shown[name][panel["id"]]
            if not query["series"]
        ]
        assert not empty

        assert offered(living, "cluster", "gunicorn_is_running") == {"test"}
        assert offered(living, "node", 'gunicorn_is_running{cluster=~"test"}') == {"node-1"}
        apps = offered(living, "app", 'gunicorn_is_running{cluster=~"test",node=~"node-1"}')
        assert apps == {living.shop, living.api}

        # Requests and errors stand in a figure and in a graph.
        graphs = [panel for panel in panels(boards["gunicorn-fleet"]) if panel["type"] == "timeseries"]
        fleet = {panel["title"]: shown["gunicorn-fleet"][panel["id"]] for panel in graphs}
        assert 20 < largest(fleet["Requests"][0], living.shop) < 40
        assert 8 < largest(fleet["Requests"][0], living.api) < 20
        assert 0.1 < largest(fleet["Error ratio"][0], living.shop) < 0.3
        assert 0.1 < largest(fleet["Latency p95 by app"][0], living.shop) < 2.5
        assert 0.2 < largest(fleet["Busy ratio"][0], living.shop) <= 1
        assert largest(fleet["Worker timeouts"][0], living.shop) > 0
        assert largest(fleet["Worker timeouts"][1], living.shop) > 0
        app, slow, workers = (
            {panel["title"]: shown[uid][panel["id"]] for panel in panels(boards[uid])}
            for uid in ("gunicorn-app", "gunicorn-slow", "gunicorn-workers")
        )
        assert largest(slow["What the app waits for"][0], living.service.peer) >= 1
        assert largest(slow["Oldest wait by peer"][0], living.slow_service.peer) > 2
        assert largest(slow["Oldest request"][0], "node-1") > 2
        assert largest(slow["Requests in progress against slots"][1], "node-1") == 3
        assert largest(workers["Lost requests"][0], "node-1") > 0
        assert largest(slow["CPU throttling"][0], "node-1") > 0
        assert largest(workers["Memory against its limit, and kills"][1], "node-1") == MEMORY_LIMIT
        assert largest(workers["Memory against its limit, and kills"][2], "node-1") == 0
        assert largest(fleet["Slots taken"][0], living.shop) <= 1
        assert [series["labels"]["pod"] for series in app["Pods"][0]["series"]] == ["web-0"]
        assert above(app["Latency"][:3], app["Latency"][3]) == []
        for board in boards.values():
            for annotation in board["annotations"]["list"]:
                if annotation["name"] == "Deploys":
                    assert living.prometheus.query(interpolate(annotation["expr"], living.values(board)))


def above(quantiles, slowest):
    """Moments at which a quantile stands above the slowest request."""
    [limits] = [dict(series["values"]) for series in slowest["series"]]
    return [
        (series["name"], at, value, limits[at])
        for quantile in quantiles
        for series in quantile["series"]
        for at, value in series["values"]
        if at in limits and float(value) > float(limits[at])
    ]


def test_every_panel_selects_by_the_variables():
    for path in DASHBOARDS:
        for title, text in expressions(load(path)):
            for selector in text.split("{")[1:]:
                assert "$" in selector.split("}")[0] or title.startswith("variable cluster"), f"{title}: {text}"
