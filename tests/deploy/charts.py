"""The objects that the chart makes, and whether they fit their types."""

import json

import yaml
from npm import HERE, kubernetes_tools, npm_packages, run, run_any

KUBERNETES = HERE.parent.parent / "deploy/kubernetes"
CHART = KUBERNETES / "helm/gunicorn-exporter"


def helm_template(tmp_path, values):
    _, helm = kubernetes_tools()
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    command = [helm, "template", "gunicorn-exporter", CHART, "--namespace=monitoring", "--values", tmp_path / "values.yaml"]
    return [item for item in yaml.safe_load_all(run(command)) if item]


def check_objects(tmp_path, objects):
    """(exit code, what is wrong with them)."""
    (tmp_path / "objects.json").write_text(json.dumps(objects))
    return run_any(["node", npm_packages("types") / "check-objects.mjs", tmp_path / "objects.json"])


def by_kind(objects, kind):
    [found] = [item for item in objects if item["kind"] == kind]
    return found
