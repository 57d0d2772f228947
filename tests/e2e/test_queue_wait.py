"""How long clients wait to be accepted: what the rule says, against what the clients measured themselves."""

import threading
import time

from support import Exporter, Gunicorn, Prometheus, unique_name, wait_until
from support.exporter import ROOT

RULES = ROOT / "deploy/prometheus/gunicorn.recording.yml"
SERVICE_SECONDS = 0.1
CLIENTS = 6
LOAD_SECONDS = 60


def waits_of_clients(gunicorn):
    """How long each request waited before the worker took it: all that its answer took, without the application's sleep."""
    waits = []
    until = time.monotonic() + LOAD_SECONDS

    def ask():
        while (begin := time.monotonic()) < until:
            assert gunicorn.get(f"/sleep?seconds={SERVICE_SECONDS}").status == 200
            waits.append(time.monotonic() - begin - SERVICE_SECONDS)

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return waits


def test_the_rule_says_what_the_clients_saw():
    name = unique_name("shop")
    rules = {"rule_files": [str(RULES)]}
    with Exporter(f"instances:\n  - proc_name: {name}\n") as exporter:
        with Gunicorn(name=name, workers=1, statsd=exporter) as gunicorn, Prometheus([exporter], config=rules) as prometheus:
            rule = f'app:gunicorn_listen_queue_wait_seconds:avg5m{{app="{name}"}}'
            requests = f'gunicorn_requests_total{{app="{name}"}}'
            wait_until(lambda: prometheus.value(requests) == 0, "it is scraped before the first request")
            waits = waits_of_clients(gunicorn)
            wait_until(lambda: prometheus.value(requests) == len(waits), "all requests are scraped")
            seen = sum(waits) / len(waits)
            assert seen > 4 * SERVICE_SECONDS, "each waits for five others"
            wait_until(lambda: abs(prometheus.value(rule) / seen - 1) < 0.2, f"the rule says {seen:.3f} s")
