"""The topology of deploy/kubernetes, run for real: the exporter in the host's process table, two gunicorns in pods.

A pod here is a process table, a network and a cgroup with Kubernetes' names. No
gunicorn has a prefix or a tag: what names its lines is the address they come from.
"""

import contextlib

import pytest
from namespaces import Node, may_make_namespaces, network_of_its_own
from nodes import NodeGunicorn
from pods import Pod, may_make_cgroups
from support import Exporter, unique_name, wait_until

CONFIG = """
discovery:
  enabled: true
process:
  pod_labels: true
"""
needs_root = pytest.mark.skipif(
    not (may_make_namespaces() and may_make_cgroups()), reason="needs root, to make namespaces and cgroups"
)


class HostExporter(Exporter):
    """Takes StatsD lines from the pods too."""

    def prepare(self):
        super().prepare()
        self.command += [f"--statsd.listen-udp=0.0.0.0:{self.statsd_port}"]
        self.command.remove(f"--statsd.listen-udp=127.0.0.1:{self.statsd_port}")


class ServiceGunicorn(NodeGunicorn):
    """Sends its lines to the exporter by its address, as to the Service of deploy/kubernetes."""

    def __init__(self, node, exporter, **options):
        super().__init__(node, **options)
        self.exporter = exporter

    def prepare(self):
        super().prepare()
        self.command[-1:-1] = ["--statsd-host", f"{self.node.gateway}:{self.exporter.statsd_port}"]


@needs_root
def test_an_exporter_in_the_hosts_process_table_names_the_pod_of_every_series():
    names = [unique_name("web"), unique_name("worker")]
    with network_of_its_own(), contextlib.ExitStack() as stack:
        pods = [stack.enter_context(Pod()) for _ in names]
        nodes = [stack.enter_context(Node(number)) for number in (1, 2)]
        exporter = stack.enter_context(HostExporter(CONFIG))
        gunicorns = [
            stack.enter_context(ServiceGunicorn(node, exporter, name=name, before=pod.enter_command()))
            for node, name, pod in zip(nodes, names, pods, strict=True)
        ]
        requests = {names[0]: 7, names[1]: 4}
        for gunicorn in gunicorns:
            for _ in range(requests[gunicorn.name]):
                gunicorn.get("/")

        def counted():
            scrape = exporter.scrape()
            return all(
                scrape.total("gunicorn_requests_total", app=name) == count
                # Read in the pod's network, not in the exporter's; and with the first sample of the workers.
                and scrape.series("gunicorn_listen_queue_length", app=name)
                for name, count in requests.items()
            )

        wait_until(counted, "all requests are counted for their own app, and its listen queue is read")
        scrape = exporter.scrape()
        for name, pod in zip(names, pods, strict=True):
            labels = {"app": name, "pod_uid": pod.uid, "container_id": pod.container_id}
            assert scrape.value("gunicorn_is_running", **labels) == 1
            assert scrape.value("gunicorn_masters", **labels) == 1
            assert sum(scrape.by("state", "gunicorn_workers", **labels).values()) == 2
            assert scrape.value("gunicorn_requests_total", **labels) == requests[name]
            assert scrape.value("gunicorn_request_status_total", code=200, **labels) == requests[name]
            assert scrape.value("gunicorn_app_info", **labels) == 1
            assert scrape.value("gunicorn_resident_memory_bytes", role="worker", **labels) > 0
            assert scrape.series("gunicorn_listen_queue_length", **labels)
            own = [sample for sample in scrape.samples if sample.labels.get("app") == name]
            without = {sample.name for sample in own if sample.labels.get("pod_uid") != pod.uid}
            # Of the exporter itself.
            assert without == {"gunicorn_exporter_statsd_last_packet_timestamp_seconds"}
