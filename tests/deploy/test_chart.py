"""deploy/kubernetes/helm: what people set in charts like this one is taken, and does what it says."""

import shutil

import pytest
import yaml
from charts import CHART, by_kind, check_objects, helm_template
from dashboards import DASHBOARDS
from npm import kubernetes_tools, run, run_any

DIGEST = "sha256:" + "0123456789abcdef" * 4


def pod_of(objects):
    return by_kind(objects, "DaemonSet")["spec"]["template"]["spec"]


def container_of(objects):
    return next(each for each in pod_of(objects)["containers"] if each["name"] == "exporter")


def metadata_of(kind):
    return lambda objects: by_kind(objects, kind)["metadata"]


def monitor_of(objects):
    return by_kind(objects, "PodMonitor")["spec"]["podMetricsEndpoints"][0]


def probe_of(objects):
    return container_of(objects)["livenessProbe"]["httpGet"]


def namespaces(objects):
    return {item["metadata"]["namespace"] for item in objects}


def count_of(kind):
    return lambda objects: sum(item["kind"] == kind for item in objects)


def labels_of_all(objects):
    return {item["metadata"]["labels"].get("team") for item in objects} | {
        by_kind(objects, "DaemonSet")["spec"]["template"]["metadata"]["labels"].get("team")
    }


# Of the values: where to look, and what is there then (None: exactly the value itself).
A_SECRET = {"name": "web", "key": "password"}
SETTINGS = [
    ({"enabled": False}, len, 0),
    ({"namespaceOverride": "watching"}, namespaces, {"watching"}),
    ({"commonLabels": {"team": "sre"}}, labels_of_all, {"sre"}),
    ({"image": {"registry": "images.example:5000"}}, lambda o: container_of(o)["image"], "images.example:5000/gunicorn-exporter:0.2.0"),
    ({"global": {"imageRegistry": "g.example"}}, lambda o: container_of(o)["image"], "g.example/gunicorn-exporter:0.2.0"),
    ({"image": {"digest": DIGEST}}, lambda o: container_of(o)["image"], f"gunicorn-exporter@{DIGEST}"),
    ({"imagePullSecrets": [{"name": "pull"}]}, lambda o: pod_of(o)["imagePullSecrets"], [{"name": "pull"}]),
    ({"global": {"imagePullSecrets": [{"name": "all"}]}}, lambda o: pod_of(o)["imagePullSecrets"], [{"name": "all"}]),
    ({"podSecurityContext": {"runAsNonRoot": False, "runAsUser": 7}}, lambda o: pod_of(o)["securityContext"]["runAsNonRoot"], False),
    ({"podSecurityContext": {"fsGroup": 7}}, lambda o: pod_of(o)["securityContext"]["runAsUser"], 65534),
    ({"securityContext": {"readOnlyRootFilesystem": False}}, lambda o: container_of(o)["securityContext"]["readOnlyRootFilesystem"], False),
    ({"extraEnv": [{"name": "A", "value": "b"}]}, lambda o: container_of(o)["env"], [{"name": "A", "value": "b"}]),
    ({"extraEnvFrom": [{"secretRef": {"name": "s"}}]}, lambda o: container_of(o)["envFrom"], [{"secretRef": {"name": "s"}}]),
    ({"extraVolumes": [{"name": "logs", "hostPath": {"path": "/var/log"}}]}, lambda o: pod_of(o)["volumes"][2]["name"], "logs"),
    ({"extraVolumeMounts": [{"name": "config", "mountPath": "/x"}]}, lambda o: container_of(o)["volumeMounts"][2]["mountPath"], "/x"),
    ({"extraContainers": [{"name": "proxy", "image": "p"}]}, lambda o: [c["name"] for c in pod_of(o)["containers"]], ["exporter", "proxy"]),
    ({"initContainers": [{"name": "wait", "image": "p"}]}, lambda o: pod_of(o)["initContainers"][0]["name"], "wait"),
    ({"hostNetwork": True}, lambda o: (pod_of(o)["hostNetwork"], pod_of(o)["dnsPolicy"]), (True, "ClusterFirstWithHostNet")),
    ({"dnsConfig": {"options": [{"name": "ndots", "value": "1"}]}}, lambda o: pod_of(o)["dnsConfig"]["options"][0]["name"], "ndots"),
    ({"statsd": {"hostPort": 8125}}, lambda o: container_of(o)["ports"][1]["hostPort"], 8125),
    ({"statsd": {"service": {"type": "NodePort"}}}, lambda o: [i["spec"].get("type") for i in o if i["kind"] == "Service"], [None, "NodePort"]),
    ({"port": 9000}, lambda o: (container_of(o)["args"][1], container_of(o)["ports"][0]["containerPort"]), ("--web.listen-address=:9000", 9000)),
    ({"service": {"type": "LoadBalancer"}}, lambda o: [i["spec"].get("clusterIP") for i in o if i["kind"] == "Service"], [None, None]),
    ({"service": {"enabled": False}}, count_of("Service"), 1),
    ({"probes": {"scheme": "HTTPS", "port": 18126}}, probe_of, {"path": "/-/healthy", "port": 18126, "scheme": "HTTPS"}),
    ({"livenessProbe": {"timeoutSeconds": 3}}, lambda o: container_of(o)["livenessProbe"]["timeoutSeconds"], 3),
    ({"startupProbe": {"failureThreshold": 30}}, lambda o: container_of(o)["startupProbe"]["httpGet"]["path"], "/-/ready"),
    ({"affinity": None}, lambda o: "affinity" in pod_of(o), False),
    ({"priorityClassName": "system-node-critical"}, lambda o: pod_of(o)["priorityClassName"], "system-node-critical"),
    ({"runtimeClassName": "runc"}, lambda o: pod_of(o)["runtimeClassName"], "runc"),
    ({"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}, lambda o: by_kind(o, "DaemonSet")["spec"]["updateStrategy"], {"type": "OnDelete"}),
    ({"minReadySeconds": 5}, lambda o: by_kind(o, "DaemonSet")["spec"]["minReadySeconds"], 5),
    ({"annotations": {"a": "b"}}, lambda o: metadata_of("DaemonSet")(o)["annotations"], {"a": "b"}),
    ({"podLabels": {"a": "b"}}, lambda o: by_kind(o, "DaemonSet")["spec"]["template"]["metadata"]["labels"]["a"], "b"),
    ({"serviceAccount": {"create": False, "name": "mine"}}, lambda o: pod_of(o)["serviceAccountName"], "mine"),
    ({"serviceAccount": {"annotations": {"a": "b"}}}, lambda o: metadata_of("ServiceAccount")(o)["annotations"], {"a": "b"}),
    ({"networkPolicy": {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]}]}}, lambda o: len(by_kind(o, "NetworkPolicy")["spec"]["egress"]), 1),
    ({"podMonitor": {"namespace": "monitoring2"}}, lambda o: by_kind(o, "PodMonitor")["spec"]["namespaceSelector"], {"matchNames": ["monitoring"]}),
    ({"podMonitor": {"interval": "1m30s", "scrapeTimeout": "20s"}}, lambda o: (monitor_of(o)["interval"], monitor_of(o)["scrapeTimeout"]), ("1m30s", "20s")),
    ({"podMonitor": {"scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}}, lambda o: monitor_of(o)["tlsConfig"], {"insecureSkipVerify": True}),
    ({"podMonitor": {"basicAuth": {"username": A_SECRET, "password": A_SECRET}}}, lambda o: monitor_of(o)["basicAuth"]["password"], A_SECRET),
    ({"podMonitor": {"relabelings": [{"targetLabel": "cluster", "replacement": "c"}]}}, lambda o: monitor_of(o)["relabelings"][-1]["targetLabel"], "cluster"),
    ({"podMonitor": {"metricRelabelings": [{"action": "labeldrop", "regex": "x"}]}}, lambda o: len(monitor_of(o)["metricRelabelings"]), 1),
    ({"podMonitor": {"annotations": {"a": "b"}, "labels": {"release": "p"}}}, lambda o: metadata_of("PodMonitor")(o)["labels"]["release"], "p"),
    ({"podMonitor": {"enabled": False}, "serviceMonitor": {"enabled": True}}, count_of("ServiceMonitor"), 1),
    ({"prometheusRule": {"namespace": "monitoring2"}}, lambda o: metadata_of("PrometheusRule")(o)["namespace"], "monitoring2"),
    ({"dashboards": {"enabled": True}}, count_of("ConfigMap"), 1 + len(DASHBOARDS)),
    ({"extraObjects": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-x"}}]}, lambda o: metadata_of("Secret")(o)["name"], "gunicorn-exporter-x"),
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    directory = tmp_path_factory.mktemp("values")
    return [helm_template(directory, values) for values, _, _ in SETTINGS]


@pytest.mark.parametrize("index", range(len(SETTINGS)), ids=lambda index: yaml.safe_dump(SETTINGS[index][0], default_flow_style=True)[:60])
def test_a_value_does_what_it_says(rendered, index):
    _, look, expected = SETTINGS[index]
    assert look(rendered[index]) == expected


def test_every_object_fits_its_type_whatever_is_set(tmp_path, rendered):
    objects = [item for each in rendered for item in each if item["kind"] != "Secret"]
    code, text = check_objects(tmp_path, objects)
    assert code == 0, text


@pytest.mark.parametrize(
    "setting",
    ["privilege=full", "privileges=all", "statsd.unixSocket.hostPath=run", "image.tags=1", "image.digest=sha256:1"]
    + ["podMonitor.interval=15", "podMonitor.interval=1s30m", "port=0", "probes.scheme=https", "prometheusRule.disabled={GunicornFast}"]
    + ["serviceMonitor.enabled=true,service.enabled=false"],
)
def test_a_setting_that_is_none_is_refused(setting):
    _, helm = kubernetes_tools()
    code, text = run_any([helm, "template", "gunicorn-exporter", CHART, "--set", setting])
    assert code != 0, text


def rules_of(objects):
    return [rule for group in by_kind(objects, "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]


def test_single_rules_can_be_left_out_and_runbooks_pointed_to(tmp_path):
    everything = rules_of(helm_template(tmp_path, {}))
    values = {"disabled": ["GunicornSlow"], "runbookUrl": "https://wiki.example/gunicorn", "alertLabels": {"team": "sre", "severity": "page"}}
    rules = rules_of(helm_template(tmp_path, {"prometheusRule": values}))
    names = [[rule.get("alert") or rule["record"] for rule in each] for each in (everything, rules)]
    assert set(names[0]) - set(names[1]) == {"GunicornSlow"}
    for rule in rules:
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"https://wiki.example/gunicorn#alert-{rule['alert'].lower()}"
            assert rule["labels"] == {"team": "sre", "severity": "page"}


@pytest.mark.parametrize(("enabled", "objects"), [(True, True), (False, False)])
def test_an_umbrella_chart_may_leave_it_out(tmp_path, enabled, objects):
    _, helm = kubernetes_tools()
    dependency = {"name": "gunicorn-exporter", "version": "0.2.0", "condition": "gunicorn-exporter.enabled"}
    chart = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"gunicorn-exporter": {"enabled": enabled}}))
    shutil.copytree(CHART, tmp_path / "charts/gunicorn-exporter")
    text = run([helm, "template", "all", tmp_path])
    assert bool([item for item in yaml.safe_load_all(text) if item]) is objects


def notes(tmp_path, *settings):
    """helm shows them only to who installs; here they are a template like the others."""
    _, helm = kubernetes_tools()
    shutil.copytree(CHART, tmp_path / "chart")
    file = tmp_path / "chart/templates/NOTES.txt"
    text = file.read_text()
    file.unlink()
    file.with_name("notes.yaml").write_text('{{ define "notes" }}' + text + '{{ end }}kind: Notes\ntext: {{ include "notes" . | toJson }}\n')
    shown = run([helm, "template", "gunicorn-exporter", tmp_path / "chart", "--show-only", "templates/notes.yaml", *settings])
    return yaml.safe_load(shown)["text"]


@pytest.mark.parametrize(
    ("privileges", "told"),
    [("minimal", "unknown   idle and working where one pod runs several apps"), ("full", "several apps in one pod; unix-socket binds")],
)
def test_the_notes_say_what_is_exact_and_what_is_not(tmp_path, privileges, told):
    text = notes(tmp_path, "--set", f"privileges={privileges}")
    assert told in text and "gunicorn-exporter-statsd.default.svc:8125" in text
