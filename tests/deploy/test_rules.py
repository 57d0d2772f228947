"""The rules and scrape configurations of deploy/prometheus, held to by promtool and by their tests."""

import pytest
import yaml
from npm import HERE, run_any
from support import promtool
from support.pages import anchors

ROOT = HERE.parent.parent
PROMETHEUS = ROOT / "deploy/prometheus"
# Where they stand is for who installs them to say: deploy/prometheus/README.md, and a value of the chart.
RUNBOOKS = "https://gunicorn-exporter.example/runbooks.md"
ALERTS = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "gunicorn.alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("name", ["gunicorn.recording.yml", "gunicorn.alerts.yml"])
def test_promtool_takes_the_rules(name):
    code, text = promtool("check", "rules", "--lint-fatal", PROMETHEUS / name)
    assert code == 0, text


@pytest.mark.parametrize("name", ["recording.test.yml", "alerts.test.yml", "rollouts.test.yml"])
def test_the_rules_say_what_their_tests_expect(name):
    code, text = promtool("test", "rules", HERE / "prometheus" / name)
    assert code == 0, text


def test_every_alert_is_tested_to_fire_and_not_to():
    tests = yaml.safe_load((HERE / "prometheus/alerts.test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    names = {alert["alert"] for alert in ALERTS}
    assert fires == names
    assert quiet == names


def test_every_alert_tells_what_it_is_and_where_its_runbook_stands():
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning"), alert["alert"]
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}, alert["alert"]
        assert alert["annotations"]["runbook_url"] == f"{RUNBOOKS}#alert-{alert['alert'].lower()}"


def test_every_alert_has_its_runbook():
    page = anchors(PROMETHEUS / "runbooks.md")
    assert {f"alert-{alert['alert'].lower()}" for alert in ALERTS} == {anchor for anchor in page if anchor.startswith("alert-")}


@pytest.mark.parametrize("name", ["scrape-static.yml", "scrape-federate.yml"])
def test_promtool_takes_the_configuration(name):
    code, text = promtool("check", "config", PROMETHEUS / name)
    assert code == 0, text


def test_promtool_takes_the_agents_configuration():
    code, text = promtool("check", "config", "--agent", PROMETHEUS / "agent-remote-write.yml")
    assert code == 0, text


def test_the_job_for_kubernetes_keeps_the_exporters_port_and_names_the_node(tmp_path):
    """Debian's Prometheus has no Kubernetes discovery: what that would find is given as static targets."""
    config = yaml.safe_load((PROMETHEUS / "scrape-kubernetes.yml").read_text())
    [job] = config["scrape_configs"]
    [discovery] = job.pop("kubernetes_sd_configs")
    assert discovery["role"] == "pod"
    pods = [("10.0.0.1:18125", "metrics", "Running"), ("10.0.0.1:8125", "statsd", "Running")]
    pods += [("10.0.0.9:18125", "metrics", "Failed")]
    job["static_configs"] = [
        {
            "targets": [address],
            "labels": {
                "__meta_kubernetes_pod_container_port_name": port,
                "__meta_kubernetes_pod_phase": phase,
                "__meta_kubernetes_pod_node_name": "worker-7",
            },
        }
        for address, port, phase in pods
    ]
    del config["rule_files"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    code, text = promtool("check", "service-discovery", "--timeout=5s", tmp_path / "prometheus.yml", "gunicorn")
    assert code == 0, text
    targets = yaml.safe_load(text[text.index("[") :])
    kept = [target["labels"] for target in targets if target.get("labels")]
    assert [(target["instance"], target["node"], target["job"]) for target in kept] == [("worker-7", "worker-7", "gunicorn")]


def test_the_rules_and_dashboards_in_kubernetes_objects_are_these():
    """deploy/kubernetes/update-rules has been run after the last change."""
    carried = yaml.safe_load((ROOT / "deploy/kubernetes/base/prometheusrule.yaml").read_text())["spec"]["groups"]
    own = [
        group
        for name in ("gunicorn.recording.yml", "gunicorn.alerts.yml")
        for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
    ]
    assert carried == own
    for name in ("gunicorn.recording.yml", "gunicorn.alerts.yml"):
        chart = ROOT / "deploy/kubernetes/helm/gunicorn-exporter/rules" / name
        assert run_any(["diff", PROMETHEUS / name, chart]) == (0, "")
    for folder in ("helm/gunicorn-exporter/dashboards", "components/dashboards"):
        own = list((ROOT / "grafana/dashboards").iterdir())
        assert {path.name for path in (ROOT / "deploy/kubernetes" / folder).glob("*.json")} == {path.name for path in own}
        for path in own:
            assert run_any(["diff", path, ROOT / "deploy/kubernetes" / folder / path.name]) == (0, "")
