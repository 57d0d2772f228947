"""An exporter and gunicorns on a machine of their own (namespaces.py)."""

import http.client

import psutil
from namespaces import OnNode
from support import Exporter, Gunicorn


class NodeExporter(OnNode, Exporter):
    """Sees the node's processes only. `url` is what the test's network asks."""

    def __init__(self, node, **options):
        super().__init__(**options)
        self.node = node

    def prepare(self):
        super().prepare()
        self.command += [f"--web.listen-address={self.node.address}:{self.port}"]
        self.command.remove(f"--web.listen-address=127.0.0.1:{self.port}")

    @property
    def url(self):
        return f"http://{self.target}"

    @property
    def target(self):
        return f"{self.node.address}:{self.port}"


class NodeGunicorn(OnNode, Gunicorn):
    """Listens on the node's address."""

    def __init__(self, node, before=(), **options):
        super().__init__(**options)
        self.node = node
        self.before = before

    def prepare(self):
        super().prepare()
        self.command[self.command.index("--bind") + 1] = f"{self.node.address}:{self.port}"

    def worker_pids(self):
        return [child.pid for child in psutil.Process(self.inner_pid()).children()]

    def connect(self):
        return http.client.HTTPConnection(self.node.address, self.port, timeout=60)
