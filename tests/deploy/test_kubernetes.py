"""deploy/kubernetes: the overlays and the chart build, their objects fit their types, and the exporter stays confined."""

import copy
import os

import pytest
import yaml
from charts import CHART, KUBERNETES, by_kind, check_objects, helm_template
from npm import HERE, kubernetes_tools, run

OVERLAYS = ["base", "overlays/minimal", "overlays/full", "overlays/unix-socket", "sidecar"]
COMPONENTS = ["dashboards", "host-network", "host-port", "service-monitor"]
CHART_VALUES = {
    "default": {},
    "full": {"privileges": "full", "config": {"process": {"pod_labels": True}}, "podAnnotations": {"a": "b"}},
    "unix-socket": {"statsd": {"udp": False, "unixSocket": {"enabled": True}}, "extraArgs": ["--log.level=debug"]},
    "bare": {
        "networkPolicy": {"enabled": False},
        "podMonitor": {"enabled": False},
        "prometheusRule": {"enabled": False},
        "priorityClassName": "system-node-critical",
        "imagePullSecrets": [{"name": "pull"}],
    },
}


def kustomized(overlay):
    kubectl, _ = kubernetes_tools()
    return list(yaml.safe_load_all(run([kubectl, "kustomize", KUBERNETES / overlay])))


def with_components(tmp_path, *components):
    """The overlay `minimal` with those."""
    paths = [KUBERNETES / "overlays/minimal", *(KUBERNETES / "components" / name for name in components)]
    base, *added = (os.path.relpath(path, tmp_path.resolve()) for path in paths)
    overlay = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [base]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({**overlay, "components": added}))
    return kustomized(tmp_path.resolve())


def test_every_object_fits_its_type(tmp_path):
    objects = [item for overlay in OVERLAYS for item in kustomized(overlay)]
    objects += with_components(tmp_path, *COMPONENTS)
    objects += [item for values in CHART_VALUES.values() for item in helm_template(tmp_path, values)]
    code, text = check_objects(tmp_path, objects)
    assert code == 0, text
    assert f"{len(objects)} objects, 0 mistakes" in text


MISTAKES = {
    "a misspelt field of the pod": ("DaemonSet", lambda d: d["spec"]["template"]["spec"].update(hostPid=True)),
    "a misspelt capability list": (
        "DaemonSet",
        lambda d: d["spec"]["template"]["spec"]["containers"][0]["securityContext"].update(capabilites={}),
    ),
    "a container without a name": ("DaemonSet", lambda d: d["spec"]["template"]["spec"]["containers"][0].pop("name")),
    "a misspelt field of the monitor": ("PodMonitor", lambda d: d["spec"]["podMetricsEndpoints"][0].update(intervall="15s")),
    "an interval that is none": ("PodMonitor", lambda d: d["spec"]["podMetricsEndpoints"][0].update(interval="15 s")),
    "a rule without an expression": ("PrometheusRule", lambda d: d["spec"]["groups"][0]["rules"][0].pop("expr")),
    "a misplaced port": ("NetworkPolicy", lambda d: d["spec"].update(ports=[{"port": 1}])),
    "a misspelt Service field": ("Service", lambda d: d["spec"].update(internalTrafficPolicies="Local")),
}


def test_the_check_refuses_mistakes(tmp_path):
    good = kustomized("overlays/full")
    spoilt = []
    for number, (kind, spoil) in enumerate(MISTAKES.values()):
        spoilt.append(copy.deepcopy([item for item in good if item["kind"] == kind][-1]))
        spoilt[-1]["metadata"]["name"] = f"mistake{number}"
        spoil(spoilt[-1])
    code, text = check_objects(tmp_path, spoilt)
    assert code == 1
    for number, (name, (kind, _)) in enumerate(MISTAKES.items()):
        assert f"{kind} mistake{number}: " in text, f"{name} was accepted: {text}"


@pytest.mark.parametrize("overlay", OVERLAYS[:4])
def test_an_overlay_has_every_object(overlay):
    kinds = {item["kind"] for item in kustomized(overlay)}
    expected = {"Namespace", "DaemonSet", "ServiceAccount", "Service", "ConfigMap", "PodMonitor", "PrometheusRule", "NetworkPolicy"}
    assert kinds == expected


def test_every_component_adds_what_the_chart_has_as_a_value(tmp_path):
    assert sorted(path.name for path in (KUBERNETES / "components").iterdir()) == COMPONENTS
    objects = with_components(tmp_path, *COMPONENTS)
    values = {
        "hostNetwork": True,
        "statsd": {"hostPort": 8125},
        "serviceMonitor": {"enabled": True},
        "podMonitor": {"enabled": False},
        "dashboards": {"enabled": True},
    }
    charted = helm_template(tmp_path, values)
    assert sorted(item["kind"] for item in objects if item["kind"] != "Namespace") == sorted(item["kind"] for item in charted)
    pods = [by_kind(each, "DaemonSet")["spec"]["template"]["spec"] for each in (objects, charted)]
    for pod in pods:
        assert pod["hostNetwork"] and pod["dnsPolicy"] == "ClusterFirstWithHostNet"
        assert {"name": "statsd", "containerPort": 8125, "protocol": "UDP", "hostPort": 8125} in pod["containers"][0]["ports"]
    endpoints = [by_kind(each, "ServiceMonitor")["spec"]["endpoints"] for each in (objects, charted)]
    assert endpoints[0] == endpoints[1]
    dashboards = [
        sorted(value for item in each if item["kind"] == "ConfigMap" for key, value in item["data"].items() if key.endswith(".json"))
        for each in (objects, charted)
    ]
    assert dashboards[0] == dashboards[1] == sorted(path.read_text() for path in (HERE.parent.parent / "grafana/dashboards").iterdir())


def exporters_of(tmp_path):
    """{name: (the pod, its exporter, root, capabilities)} that the manifests and the chart are meant to give."""
    full = ["SYS_PTRACE", "DAC_READ_SEARCH"]
    expected = {
        "base": (False, []),
        "overlays/minimal": (False, []),
        "overlays/full": (True, full),
        "overlays/unix-socket": (True, []),
        "chart default": (False, []),
        "chart full": (True, full),
        "chart unix-socket": (True, []),
        "chart bare": (False, []),
    }
    for name, (root, capabilities) in expected.items():
        chart = name.startswith("chart ")
        objects = helm_template(tmp_path, CHART_VALUES[name[6:]]) if chart else kustomized(name)
        pod = by_kind(objects, "DaemonSet")["spec"]["template"]["spec"]
        [container] = pod["containers"]
        yield name, pod, container, root, capabilities


def test_the_exporter_has_no_more_rights_than_it_needs(tmp_path):
    for name, pod, container, root, capabilities in exporters_of(tmp_path):
        assert pod["hostPID"] is True, name
        assert not pod.get("hostNetwork") and not pod.get("hostIPC"), name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["securityContext"]["runAsNonRoot"] is not root, name
        assert (pod["securityContext"]["runAsUser"] == 0) is root, name
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False and rights["readOnlyRootFilesystem"] is True, name
        assert rights["capabilities"]["drop"] == ["ALL"], name
        assert rights["capabilities"].get("add", []) == capabilities, name
        assert all(mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] != "socket"), name
        assert pod["tolerations"] == [{"operator": "Exists"}], name
        assert set(container["resources"]["requests"]) == {"cpu", "memory"} and "memory" in container["resources"]["limits"]


def test_the_exporter_sees_the_nodes_cgroups(tmp_path):
    for name, pod, container, _, _ in exporters_of(tmp_path):
        [volume] = [each for each in pod["volumes"] if each["name"] == "cgroups"]
        assert volume["hostPath"]["path"] == "/sys/fs/cgroup", name
        [mount] = [each for each in container["volumeMounts"] if each["name"] == "cgroups"]
        assert f"--path.cgroupfs={mount['mountPath']}" in container["args"], name


def test_the_probes_do_not_depend_on_a_gunicorn(tmp_path):
    for name, _, container, _, _ in exporters_of(tmp_path):
        assert container["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": "metrics"}, name
        assert container["readinessProbe"]["httpGet"] == {"path": "/-/ready", "port": "metrics"}, name


def test_nothing_is_granted_to_the_service_account(tmp_path):
    for objects in [*map(kustomized, OVERLAYS), helm_template(tmp_path, {})]:
        assert not [item for item in objects if "Role" in item["kind"]]


def test_helm_lints_the_chart(tmp_path):
    _, helm = kubernetes_tools()
    for values in CHART_VALUES.values():
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
        run([helm, "lint", "--strict", CHART, "--values", tmp_path / "values.yaml"])


def test_the_chart_and_the_overlays_make_the_same_exporter(tmp_path):
    """But for names, labels and the annotation that restarts the pods."""
    for overlay, values in (("overlays/minimal", "default"), ("overlays/full", "full")):
        pods = []
        for objects in (kustomized(overlay), helm_template(tmp_path, CHART_VALUES[values])):
            pod = by_kind(objects, "DaemonSet")["spec"]["template"]["spec"]
            pod["volumes"][0]["configMap"].pop("name")
            pod["containers"][0].pop("imagePullPolicy", None)
            pods.append(pod)
        assert pods[0] == pods[1]
