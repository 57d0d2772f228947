"""The topology of deploy/kubernetes, run for real: the exporter in the host's process table, two gunicorns in pods.

A pod here is a process table, a network and a cgroup with Kubernetes' names. No
gunicorn has a prefix or a tag: what names its lines is the address they come from.
"""

import contextlib

import pytest
from namespaces import Node, may_make_namespaces, network_of_its_own, run
from nodes import NodeGunicorn
from pods import Pod, PodGunicorn, may_make_cgroups
from support import Exporter, Gunicorn, UnprivilegedExporter, make_requests, unique_name, wait_until

CONFIG = """
discovery:
  enabled: true
process:
  pod_labels: true
"""
needs_namespaces = pytest.mark.skipif(not may_make_namespaces(), reason="needs root, to make namespaces")
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
            whole = all(
                # A request's status is the last line that gunicorn sends of it.
                scrape.total("gunicorn_request_status_total", app=name) == count
                # Read in the pod's network, not in the exporter's.
                and scrape.series("gunicorn_listen_queue_length", app=name)
                and scrape.total("gunicorn_workers", app=name) == 2
                for name, count in requests.items()
            )
            return scrape if whole else None

        scrape = wait_until(counted, "all requests are counted for their own app, and its listen queue is read")
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


class ConfinedExporter(UnprivilegedExporter):
    """As the DaemonSet's container: a cgroup and a view of the cgroups of its own, and the node's mounted beside it."""

    def __init__(self, pod, **options):
        super().__init__(**options)
        self.pod = pod

    def prepare(self):
        super().prepare()
        node = self.directory / "cgroups"
        node.mkdir(exist_ok=True)
        mount = f"mount --rbind /sys/fs/cgroup {node} && mount -t tmpfs none /sys/fs/cgroup"
        confine = ["unshare", "--cgroup", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
        self.command = [*self.pod.enter_command(), *confine, *self.command, f"--path.cgroupfs={node}"]


@needs_root
def test_the_nodes_cgroups_tell_a_confined_exporter_limits_and_whose_a_socket_is(tmp_path):
    (tmp_path / "error.log").touch()
    with (
        Pod() as own,
        Pod(limited=True) as pod,
        ConfinedExporter(own, config=CONFIG) as exporter,
        PodGunicorn(pod, tmp_path / "error.log", workers=2) as gunicorn,
    ):
        states = {"idle": 2, "working": 0, "unknown": 0}
        wait_until(lambda: exporter.scrape().by("state", "gunicorn_workers", app=gunicorn.name) == states, "both are idle")
        assert exporter.scrape().value("gunicorn_cpu_limit_cores", app=gunicorn.name) == 0.5


# Sends one line to the address and port that it is given, over IPv4 or IPv6.
LINE_FROM_THE_NODE = """
import socket, sys
family, kind, protocol, _, address = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_DGRAM)[0]
socket.socket(family, kind).sendto(b"gunicorn.requests:1|c", address)
"""


@needs_namespaces
def test_a_gunicorn_in_a_network_of_its_own_and_one_in_the_exporters():
    with network_of_its_own(), contextlib.ExitStack() as stack:
        node = stack.enter_context(Node(1))
        run("ip", "address", "add", "fd99::1/64", "dev", node.cable, "nodad")
        run("nsenter", "--target", node.first_pid, "--net", "ip", "address", "add", "fd99::2/64", "dev", "eth0", "nodad")
        exporter = stack.enter_context(HostExporter(CONFIG))
        exporter.stop()
        exporter.flags.append(f"--statsd.listen-udp=[fd99::1]:{exporter.statsd_port}")
        exporter.start()
        remote = stack.enter_context(ServiceGunicorn(node, exporter, workers=2))
        local = stack.enter_context(Gunicorn(statsd=exporter, workers=2))
        wait_until(
            lambda: exporter.scrape().by("app", "gunicorn_arbiter_workers") == {remote.name: 2, local.name: 2},
            "the first line of each is its own",
        )
        make_requests(remote, ["/"], 60, clients=2)
        make_requests(local, ["/"], 40, clients=2)
        # Of a process that is no gunicorn: its address is the network's of the one gunicorn there.
        for address in (node.gateway, "fd99::1"):
            run(*node.enter_command(), "/usr/bin/python3", "-c", LINE_FROM_THE_NODE, address, exporter.statsd_port)
        wanted = {remote.name: 62, local.name: 40}

        def counters():
            return {app: value for app, value in exporter.scrape().by("app", "gunicorn_requests_total").items() if value}

        wait_until(lambda: sum(counters().values()) >= sum(wanted.values()), f"{wanted} are counted")
        assert counters() == wanted
        remote.stop()
        remote.start()
        make_requests(remote, ["/"], 10, clients=2)
        wait_until(lambda: counters() == {remote.name: 72, local.name: 40}, "a restart changes nothing")
