"""The programs that the other tests stand on: what they promise to leave and to count, without the exporter."""

import socket

import psutil
from support import Gunicorn, Prometheus, free_port, make_requests, parse_scrape, wait_until


def test_a_gunicorn_answers_and_is_gone_afterwards():
    with Gunicorn(workers=2) as gunicorn:
        assert gunicorn.get("/").status == 200
        assert gunicorn.get("/status/503").status == 503
        assert gunicorn.get("/exception").status == 500
        processes = [psutil.Process(pid) for pid in (gunicorn.master_pid, *gunicorn.worker_pids())]
        assert len(processes) == 3
        assert psutil.Process(gunicorn.master_pid).cmdline()[0].startswith(f"gunicorn: master [{gunicorn.name}]")
    # One that had to be killed may be dying yet, and is this process's to reap.
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def test_a_gunicorn_without_setproctitle_has_no_title():
    with Gunicorn(workers=1, setproctitle=False, bind="unix") as gunicorn:
        assert gunicorn.get("/").status == 200
        assert psutil.Process(gunicorn.master_pid).cmdline()[1] == "/usr/bin/gunicorn"


def test_a_gunicorn_sends_statsd_to_the_port_it_is_given():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        with Gunicorn(workers=1, statsd=receiver.getsockname()[1], dogstatsd_tags="app:x") as gunicorn:
            gunicorn.get("/")
            received = {receiver.recv(8192) for _ in range(4)}
        assert b"gunicorn.workers:1|g|#app:x" in received
        assert b"gunicorn.requests:1|c|@1.0|#app:x" in received


def test_the_load_counts_every_answer():
    with Gunicorn(workers=1, worker_class="gthread", threads=4, args=["--keep-alive", "30"]) as gunicorn:
        assert make_requests(gunicorn, ["/", "/status/404"], 100) == {200: 50, 404: 50}


def test_prometheus_scrapes_itself():
    with Prometheus() as prometheus:
        prometheus.targets = [f"127.0.0.1:{prometheus.port}"]
        prometheus.stop()
        prometheus.start()
        wait_until(lambda: prometheus.value("up") == 1, "Prometheus has scraped itself")


def test_a_scrape_finds_its_series_by_label():
    scrape = parse_scrape('# TYPE a_total counter\na_total{x="1"} 2\na_total{x="2"} 3\n')
    assert scrape.value("a_total", x=1) == 2
    assert scrape.total("a_total") == 5
    assert scrape.get("a_total", x=3) is None


def test_free_ports_are_free():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        pass
