"""The dashboards of grafana/, and their panels' queries as Grafana would make them."""

import json
import re

from npm import HERE

DASHBOARDS = sorted((HERE.parent.parent / "grafana/dashboards").glob("*.json"))


def load(path):
    return json.loads(path.read_text())


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board):
    """Every PromQL text of the dashboard, those of its variables and annotations among them."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for annotation in board["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            [inner] = re.findall(r"^label_values\((.*), \w+\)$", variable["query"]["query"])
            yield f"variable {variable['name']}", inner


def interpolate(text, values, rate_interval="10s"):
    """The query with the variables' values in it, as Grafana writes them."""
    text = text.replace("$__rate_interval", rate_interval)
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    assert not re.search(r"\$(?![0-9\"])", text), text
    return text


def legend(target, labels):
    text = re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), target["legendFormat"]).strip()
    return text or json.dumps(labels)


def panel_results(prometheus, panel, values, start, end, step=1):
    """[{refId, series: [{name, labels, values}]}] of a panel, samples that are not numbers left out."""
    results = []
    for target in panel["targets"]:
        query = interpolate(target["expr"], values)
        if target["instant"]:
            found = prometheus.api("query", query=query, time=end)["result"]
            found = [{"metric": item["metric"], "values": [item["value"]]} for item in found]
        else:
            found = prometheus.api("query_range", query=query, start=start, end=end, step=step)["result"]
        series = []
        for item in found:
            samples = [sample for sample in item["values"] if sample[1] != "NaN"]
            if samples:
                labels = {key: value for key, value in item["metric"].items() if key != "__name__"}
                series.append({"name": legend(target, labels), "labels": labels, "values": samples})
        results.append({"refId": target["refId"], "series": series})
    return results
