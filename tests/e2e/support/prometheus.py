"""Debian's Prometheus and promtool."""

import subprocess
import urllib.parse

import yaml

from support.http import http_request
from support.ports import free_port
from support.process import ManagedProcess


class Prometheus(ManagedProcess):
    """Scrapes `targets` ("127.0.0.1:PORT" or an Exporter) every `interval`; `config` adds or replaces top-level keys."""

    def __init__(self, targets=(), interval="1s", config=None, flags=()):
        super().__init__("prometheus")
        self.targets = [getattr(target, "port", None) and f"127.0.0.1:{target.port}" or target for target in targets]
        self.interval = interval
        self.config = config or {}
        self.flags = list(flags)
        self.port = None

    def prepare(self):
        self.port = self.port or free_port()
        config = {
            "global": {"scrape_interval": self.interval, "evaluation_interval": self.interval},
            "scrape_configs": [{"job_name": "gunicorn", "static_configs": [{"targets": self.targets}]}],
            **self.config,
        }
        path = self.directory / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        self.command = ["/usr/bin/prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data"]
        self.command += [f"--web.listen-address=127.0.0.1:{self.port}", *self.flags]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self):
        return http_request(self.url + "/-/ready").status == 200

    def api(self, path, **parameters):
        answer = http_request(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}").json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """An instant query: [(labels, value)]."""
        return [(item["metric"], float(item["value"][1])) for item in self.api("query", query=expression)["result"]]

    def value(self, expression):
        """The one value of an instant query; LookupError where it is not exactly one."""
        found = self.query(expression)
        if len(found) != 1:
            raise LookupError(f"{expression} gave {found}")
        return found[0][1]

    def targets_up(self):
        """{instance: whether its last scrape went well}."""
        return {target["labels"]["instance"]: target["health"] == "up" for target in self.api("targets")["activeTargets"]}


def promtool(*arguments, stdin=""):
    """Runs promtool; returns (exit code, all that it printed)."""
    done = subprocess.run(
        ["/usr/bin/promtool", *map(str, arguments)],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout
