"""What the end-to-end tests are written with: real programs as context managers.

    with Exporter() as exporter, Gunicorn(statsd=exporter) as gunicorn:
        gunicorn.get("/")
        wait_until(lambda: exporter.scrape().value("gunicorn_requests_total", app=gunicorn.name) == 1,
                   "the request is counted")

Every program runs on free ports, in a directory of its own, and is gone at the end of its `with`, whatever happens
in it. conftest.py fails a test that leaves a process behind and shows each program's log where a test failed.
"""

from support.exporter import FAST_SAMPLES, ActivatedExporter, Exporter, UnprivilegedExporter, run_exporter
from support.gunicorn import CgroupGunicorn, Gunicorn
from support.http import Response, UnixConnection, http_request
from support.load import make_requests
from support.ports import free_port
from support.process import ManagedProcess
from support.prometheus import Prometheus, promtool
from support.scrape import Scrape, parse_scrape
from support.statsd import send_tcp, send_udp, send_unixgram
from support.wait import unique_name, wait_until, wait_until_steady

__all__ = [
    "ActivatedExporter",
    "CgroupGunicorn",
    "Exporter",
    "FAST_SAMPLES",
    "Gunicorn",
    "ManagedProcess",
    "Prometheus",
    "Response",
    "Scrape",
    "UnixConnection",
    "UnprivilegedExporter",
    "free_port",
    "http_request",
    "make_requests",
    "parse_scrape",
    "promtool",
    "run_exporter",
    "send_tcp",
    "send_udp",
    "send_unixgram",
    "unique_name",
    "wait_until",
    "wait_until_steady",
]
