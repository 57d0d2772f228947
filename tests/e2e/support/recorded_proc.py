"""A recorded process table, for --path.procfs, that can be made to hang."""

import os
import shutil
from pathlib import Path

from support.wait import wait_until

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures/proc/gunicorn-26.1/sync/five-more-sent"
PROCESS_OK = {"name": "gunicorn_exporter_collector_success", "collector": "process"}


class RecordedProc:
    """A copy of a recorded process table, in which a file can be made to hang who opens it."""

    def __init__(self, root):
        self.root = root
        root.mkdir(exist_ok=True)
        for process in FIXTURE.iterdir():
            shutil.copytree(process, root / process.name)

    def hang(self):
        (self.root / "99999").mkdir()
        os.mkfifo(self.root / "99999" / "stat")  # Whoever opens it waits for a writer.

    def let_go(self):
        # Whoever waits has it open; nobody else is to open it, and to wait for a writer that has been.
        lifted = (self.root / "99999" / "stat").rename(self.root / "99999" / "lifted")
        with lifted.open("w") as stat:
            stat.write("sh\n")
        shutil.rmtree(self.root / "99999")


def scrape_in_two_seconds(exporter):
    """As Prometheus asks that gives up after two."""
    return exporter.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "2"})


def hang(tree, exporter):
    tree.hang()
    wait_until(
        lambda: 'collector_success{collector="process"} 0' in scrape_in_two_seconds(exporter).text,
        "the table hangs",
    )
