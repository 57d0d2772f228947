"""A Prometheus that watches an exporter and two gunicorns under load, with the rules of deploy/prometheus."""

import contextlib
import http.client
import http.server
import shutil
import threading
import time

from dashboards import panel_results, panels
from npm import HERE
from pods import Pod, PodGunicorn
from support import Exporter, Prometheus, make_requests, unique_name, wait_until
from support.upstreams import SlowService

RULES = HERE.parent.parent / "deploy/prometheus"
CONFIG = """
instances:
  - proc_name: {shop}
    tags: ["env:test"]
    threads: 1
  - proc_name: {api}
    threads: 1
process:
  pod_labels: true
logs:
  - {{type: file, path: {directory}/{shop}.log, service: {shop}}}
  - {{type: file, path: {directory}/{api}.log, service: {api}}}
"""
PATHS = ["/", "/sleep?seconds=0.03", "/", "/status/404", "/sleep?seconds=0.12", "/", "/status/503", "/spin?seconds=0.02"]
PATHS += ["/exception", "/log?level=warning", "/ask?port={port}&seconds=0.3", "/"]


class KubeStateMetrics(contextlib.AbstractContextManager):
    """What the dashboards take from kube-state-metrics, for some pods."""

    def __init__(self, pods):
        lines = [
            f'kube_pod_info{{uid="{pod.uid}",namespace="shop",pod="web-{number}",node="node-1"}} 1\n'
            for number, pod in enumerate(pods)
        ]
        text = "".join(lines).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name; http.server calls it so.
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Living:
    """What a test asks: `prometheus`, `exporter`, the apps' names, whom they ask, and from when to when there was load."""

    def __init__(self, prometheus, exporter, shop, api, services, start, end):
        self.prometheus = prometheus
        self.exporter = exporter
        self.shop = shop
        self.api = api
        self.service, self.slow_service = services
        self.start = start
        self.end = end

    def values(self, board):
        """What a person who just opens the dashboard has in its variables: all, or the first app."""
        [app] = [variable for variable in board["templating"]["list"] if variable["name"] == "app"]
        return {"cluster": ".*", "node": ".*", "app": ".*" if app["includeAll"] else self.shop}

    def shown(self, board):
        """{panel's id: what its queries gave}."""
        values = self.values(board)
        return {
            panel["id"]: panel_results(self.prometheus, panel, values, self.start, self.end) for panel in panels(board)
        }


def let_a_worker_time_out(gunicorn, service):
    connection = gunicorn.connect()
    try:
        connection.request("GET", f"/ask?port={service.port}&seconds=30")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


@contextlib.contextmanager
def living_prometheus(directory, seconds):
    shop, api = unique_name("shop"), unique_name("api")
    text = CONFIG.format(shop=shop, api=api, directory=directory)
    for name in (shop, api):
        (directory / f"{name}.log").touch()
    for rules in ("gunicorn.recording.yml", "gunicorn.alerts.yml"):
        shutil.copy(RULES / rules, directory)
    with contextlib.ExitStack() as stack:
        pods = [stack.enter_context(Pod(limited=True)) for _ in range(2)]
        service, slow_service = services = [stack.enter_context(SlowService()) for _ in range(2)]
        paths = [path.format(port=service.port) for path in PATHS]
        exporter = stack.enter_context(Exporter(text))
        gunicorns = [
            stack.enter_context(
                PodGunicorn(
                    pod,
                    directory / f"{name}.log",
                    name=name,
                    workers=3,
                    statsd=exporter,
                    dogstatsd_tags=f"app:{name}",
                    args=["--timeout", "4"],
                )
            )
            for pod, name in zip(pods, (shop, api), strict=True)
        ]
        kube_state_metrics = stack.enter_context(KubeStateMetrics(pods))
        labels = {"cluster": "test", "node": "node-1"}
        jobs = {
            "gunicorn": {"targets": [f"127.0.0.1:{exporter.port}"], "labels": labels},
            "kube-state-metrics": {"targets": [f"127.0.0.1:{kube_state_metrics.port}"]},
        }
        prometheus = stack.enter_context(
            Prometheus(
                config={
                    "rule_files": [f"{directory}/*.yml"],
                    "scrape_configs": [{"job_name": name, "static_configs": [job]} for name, job in jobs.items()],
                }
            )
        )
        wait_until(lambda: prometheus.value(f'up{{job="gunicorn",instance="127.0.0.1:{exporter.port}"}}') == 1, "a scrape")
        start = time.time()
        threads = [
            threading.Thread(target=make_requests, args=(gunicorn, paths, rate * seconds), kwargs={"per_second": rate})
            for gunicorn, rate in zip(gunicorns, (30, 12), strict=True)
        ]
        threads += [threading.Thread(target=let_a_worker_time_out, args=(gunicorn, slow_service)) for gunicorn in gunicorns]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        yield Living(prometheus, exporter, shop, api, services, start, time.time())
