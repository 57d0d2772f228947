"""Past one machine: three nodes, scraped by an agent that writes to a second Prometheus, whose figures are the fleet's."""

import contextlib
import math
import time

import pytest
import yaml
from namespaces import Node, may_make_namespaces, network_of_its_own
from nodes import NodeExporter, NodeGunicorn
from npm import HERE
from support import Prometheus, make_requests, wait_until

RULES = HERE.parent.parent / "deploy/prometheus"
APPS = ("shop", "api")
# Each node has a load of its own: how many requests of each kind.
LOADS = [
    {"/": 300, "/sleep?seconds=0.02": 60},
    {"/": 120, "/sleep?seconds=0.06": 60, "/status/500": 12},
    {"/": 60, "/sleep?seconds=0.15": 30, "/sleep?seconds=0.4": 6},
]
QUANTILE = 0.95
CLUSTER = "test"


class Agent(Prometheus):
    """deploy/prometheus/agent-remote-write.yml as it is, but for the targets, the interval and where it writes to."""

    def __init__(self, exporters, receiver):
        super().__init__()
        self.exporters = exporters
        self.receiver = receiver

    def prepare(self):
        config = yaml.safe_load((RULES / "agent-remote-write.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "external_labels": {"cluster": CLUSTER}}
        config["scrape_configs"][0]["static_configs"] = [{"targets": [exporter.target for exporter in self.exporters]}]
        config["remote_write"][0]["url"] = f"{self.receiver.url}/api/v1/write"
        self.config = config
        super().prepare()
        self.command = [word for word in self.command if not str(word).startswith("--storage.tsdb")]
        self.command += ["--enable-feature=agent", f"--storage.agent.path={self.directory}/agent"]


class Federating(Prometheus):
    """deploy/prometheus/scrape-federate.yml as it is, but for the target and the interval."""

    def __init__(self, below):
        super().__init__()
        self.below = below

    def prepare(self):
        config = yaml.safe_load((RULES / "scrape-federate.yml").read_text())
        config["global"]["scrape_interval"] = "1s"
        config["scrape_configs"][0]["static_configs"] = [{"targets": [f"127.0.0.1:{self.below.port}"]}]
        self.config = config
        super().prepare()


def exact_quantile(logs, quantile):
    """Of the durations that gunicorn itself wrote into its access logs, in seconds."""
    durations = sorted(int(line) / 1e6 for log in logs for line in log.read_text().split())
    return durations[math.ceil(quantile * len(durations)) - 1]


def bucket_of(seconds, bounds):
    """The place of a duration among the bounds of the histogram."""
    return next(index for index, bound in enumerate(bounds) if seconds <= bound)


@pytest.mark.skipif(not may_make_namespaces(), reason="needs root, to make network namespaces")
def test_the_fleets_figures_are_those_of_all_its_requests(tmp_path):
    with network_of_its_own(), contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(Node(number)) for number in (1, 2, 3)]
        exporters = [stack.enter_context(NodeExporter(node)) for node in nodes]
        rules = {"rule_files": [str(RULES / "gunicorn.recording.yml")], "scrape_configs": []}
        above = stack.enter_context(Prometheus(config=rules, flags=["--web.enable-remote-write-receiver"]))
        stack.enter_context(Agent(exporters, above))
        gunicorns = {}
        for number, (node, exporter) in enumerate(zip(nodes, exporters, strict=True)):
            for app in APPS:
                log = tmp_path / f"{app}-{number}.log"
                arguments = ["--access-logfile", log, "--access-logformat", "%(D)s"]
                gunicorn = NodeGunicorn(node, name=app, statsd=exporter, dogstatsd_tags=f"app:{app}", args=arguments)
                gunicorns[number, app] = stack.enter_context(gunicorn)
        # Counters are scraped at 0 before the first request.
        wait_until(lambda: above.value("count(gunicorn_requests_total)") == 6, "every app of every node is known above")

        made = {app: 0 for app in APPS}
        for (number, app), gunicorn in gunicorns.items():
            # The second app has a third of the first one's load.
            paths = [path for path, count in LOADS[number].items() for _ in range(count // (1 if app == "shop" else 3))]
            codes = make_requests(gunicorn, paths, len(paths), clients=4)
            made[app] += sum(codes.values())
        for app in APPS:
            wait_until(
                lambda app=app: above.value(f'sum(gunicorn_requests_total{{app="{app}"}})') == made[app],
                f"all {made[app]} requests of {app} have arrived above",
            )
        now = time.time()
        # When later samples of each series have come, what is asked of that moment does not change any more.
        written = 'min(timestamp({__name__=~"gunicorn_requests_total|gunicorn_request_duration_seconds_bucket"}))'
        wait_until(lambda: above.value(written) > now, "all that was scraped until now is written")

        # Whatever the nodes' rates are, the fleet's is their sum: in one query, and in the rule, once it has run after
        # the last write came in.
        for app in APPS:
            rates = above.api("query", query=f'rate(gunicorn_requests_total{{app="{app}"}}[5m])', time=now)["result"]
            assert {rate["metric"]["node"] for rate in rates} == {node.address for node in nodes}
            assert {rate["metric"]["cluster"] for rate in rates} == {CLUSTER}
            total = sum(float(rate["value"][1]) for rate in rates)
            [fleet] = above.api("query", query=f'sum(rate(gunicorn_requests_total{{app="{app}"}}[5m]))', time=now)["result"]
            assert float(fleet["value"][1]) == pytest.approx(total, rel=1e-9)
            wait_until(
                lambda app=app, total=total: above.value(f'app:gunicorn_requests:rate5m{{app="{app}"}}')
                == pytest.approx(total, rel=0.05),
                f"the rule for {app} gives {total}",
            )

        for app in APPS:
            buckets = above.query(f'sum by (le) (gunicorn_request_duration_seconds_bucket{{app="{app}"}})')
            bounds = sorted(float(labels["le"]) for labels, _ in buckets)
            merged = above.value(
                f"histogram_quantile({QUANTILE}, sum by (le) (gunicorn_request_duration_seconds_bucket{{app=\"{app}\"}}))"
            )
            exact = exact_quantile([tmp_path / f"{app}-{number}.log" for number in range(3)], QUANTILE)
            print(f"{app}: {made[app]} requests, p95 exact {exact:.4f} s, from merged histograms {merged:.4f} s")
            assert abs(bucket_of(merged, bounds) - bucket_of(exact, bounds)) <= 1
            # The mean of the nodes' own p95, which people take instead, is not the fleet's.
            own = above.query(f'histogram_quantile({QUANTILE}, gunicorn_request_duration_seconds_bucket{{app="{app}"}})')
            assert len(own) == 3

        with Federating(above) as top:
            query = f'app:gunicorn_requests:rate5m{{app="shop",cluster="{CLUSTER}"}}'
            assert wait_until(lambda: top.value(query), "the rules' series are federated") > 0
            assert top.query("gunicorn_requests_total") == []
