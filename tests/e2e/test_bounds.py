"""Clients that mean ill, or are only slow, beside a scraper that is neither."""

import select
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from support import Exporter, Gunicorn, send_udp, wait_until
from support.exporter import SANITISED
from support.fake_proc import FakeProc
from support.scrape import Scrape


def connect(exporter):
    return socket.create_connection(("127.0.0.1", exporter.port), timeout=30)


@contextmanager
def fifty_clients_that_send_a_byte_a_second(exporter):
    stop = threading.Event()
    request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + b"a" * 1000

    def drip(clients):
        for at in range(len(request)):
            for client in clients:
                try:
                    client.send(request[at : at + 1])
                except OSError:
                    pass  # The exporter has had enough of it.
            if stop.wait(1):
                return

    with ExitStack() as stack:
        clients = [stack.enter_context(connect(exporter)) for _ in range(50)]
        thread = threading.Thread(target=drip, args=(clients,))
        thread.start()
        try:
            yield clients
        finally:
            stop.set()
            thread.join()


def seconds_of_a_scrape(exporter):
    begin = time.monotonic()
    assert exporter.get("/metrics").status == 200
    return time.monotonic() - begin


def test_slow_clients_delay_no_scrape():
    with Exporter() as exporter:
        quiet = sorted(seconds_of_a_scrape(exporter) for _ in range(9))[4]
        with fifty_clients_that_send_a_byte_a_second(exporter) as clients:
            times = sorted(seconds_of_a_scrape(exporter) for _ in range(9))
            # Waiting for one of them would take the ten seconds that it is given for its request.
            assert SANITISED or times[4] < max(20 * quiet, 5), (quiet, times)
            # And they do not stay.
            wait_until(lambda: all(client.recv(1) == b"" for client in clients), "the exporter has closed them all")


def test_more_connections_than_it_keeps_shut_nobody_out():
    with Exporter() as exporter, ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(connect(exporter))
        assert exporter.get("/metrics").status == 200
        assert exporter.get("/-/healthy").status == 200


def test_requests_that_are_too_much():
    with Exporter() as exporter:
        for request, status in (
            (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", b"431"),
            (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"431"),
            (b"POST /-/reload HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", b"413"),
            (b"POST /-/reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
            (b"\x16\x03\x01\x00\x00\r\n\r\n", b"400"),
        ):
            with connect(exporter) as client:
                client.sendall(request)
                assert client.recv(4096).split()[1] == status, request[:40]
        assert exporter.get("/metrics").status == 200


def test_pipelined_requests_are_answered_in_order():
    with Exporter() as exporter, connect(exporter) as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\n\r\n" * 20 + b"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 20
        assert answer.rindex(b"HTTP/1.1 404") > answer.rindex(b"HTTP/1.1 200")


def test_a_scrape_in_no_time_is_still_an_answer():
    with Exporter() as exporter:
        answer = exporter.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.000001"})
        assert answer.status == 200
        assert Scrape(answer.text).series("gunicorn_exporter_collector_success")


def test_the_end_does_not_wait_for_idle_connections():
    with Exporter() as exporter, connect(exporter) as client:
        client.sendall(b"GET /-/healthy HTTP/1.1\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        begin = time.monotonic()
        exporter.stop()
        assert time.monotonic() - begin < 20
        assert client.recv(1) == b""


def test_a_sample_costs_at_most_a_hundredth_of_its_interval():
    # Far less than a sample can be had for.
    config = "process:\n  sample_interval: 1ms\n"
    with Exporter(config=config) as exporter, Gunicorn(workers=4) as gunicorn:
        wait_until(lambda: exporter.value("gunicorn_connections", app=gunicorn.name) == 0, "the app is sampled")
        for _ in range(20):
            scrape = exporter.scrape()
            interval = scrape.value("gunicorn_exporter_process_sample_interval_seconds")
            assert interval > 0.001
            assert scrape.value("gunicorn_exporter_process_sample_cpu_seconds") <= 0.01 * interval


# ---- a process table that hangs

SCRAPE_OF_2_SECONDS = {"X-Prometheus-Scrape-Timeout-Seconds": "2"}


@pytest.fixture(name="proc")
def make_proc(tmp_path):
    proc = FakeProc(tmp_path)
    proc.add_app(10, b"shop")
    return proc


def scrape_in_two_seconds(exporter):
    answer = exporter.get("/metrics", headers=SCRAPE_OF_2_SECONDS)
    assert answer.status == 200
    return Scrape(answer.text)


def success_of(scrape):
    return scrape.by("collector", "gunicorn_exporter_collector_success")


def wait_for_the_hang(exporter):
    wait_until(lambda: success_of(scrape_in_two_seconds(exporter))["process"] == 0, "the process collector is late")


def test_a_late_collector_is_left_out_and_the_rest_is_served(proc):
    with Exporter(flags=[f"--path.procfs={proc.root}"]) as exporter:
        assert exporter.value("gunicorn_is_running", app="shop") == 1
        blockade = proc.block(99)
        wait_for_the_hang(exporter)
        send_udp(exporter.statsd_port, "gunicorn.requests:3|c|#app:tagged")
        wait_until(lambda: scrape_in_two_seconds(exporter).get("gunicorn_requests_total", app="tagged") == 3, "lines count")
        scrape = scrape_in_two_seconds(exporter)
        assert success_of(scrape) == {"process": 0, "statsd": 1, "logs": 1}
        assert not scrape.series("gunicorn_is_running")
        assert scrape.value("process_open_fds") > 0
        blockade.lift()
        wait_until(lambda: success_of(exporter.scrape())["process"] == 1, "the process collector is back")
        assert exporter.value("gunicorn_is_running", app="shop") == 1


def test_lines_of_unknown_senders_do_not_wait_for_a_process_table_that_hangs(proc):
    with Exporter(flags=[f"--path.procfs={proc.root}"]) as exporter:
        proc.block(99)
        wait_for_the_hang(exporter)
        for _ in range(5):
            # Each from another port, so that each is somebody to look up.
            send_udp(exporter.statsd_port, "gunicorn.requests:1|c")
        send_udp(exporter.statsd_port, "gunicorn.requests:1|c|#app:tagged")
        wait_until(lambda: scrape_in_two_seconds(exporter).get("gunicorn_requests_total", app="tagged") == 1, "lines count")
        # The only app that is known.
        assert scrape_in_two_seconds(exporter).value("gunicorn_requests_total", app="shop") == 5


def test_a_process_table_that_hangs_keeps_no_other_endpoint(proc):
    with Exporter(flags=[f"--path.procfs={proc.root}"]) as exporter, ExitStack() as stack:
        assert exporter.get("/health").status == 200
        blockade = proc.block(99)
        wait_for_the_hang(exporter)
        # More of each than there are threads, or scrapes at a time.
        for _ in range(60):
            for path in (b"/health", b"/health/shop", b"/api/v1/status"):
                client = stack.enter_context(connect(exporter))
                client.send(b"GET " + path + b" HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 2\r\n\r\n")
        assert exporter.get("/-/healthy", timeout=20).status == 200
        assert exporter.get("/-/ready", timeout=20).status == 200
        health = exporter.get("/health")
        assert health.status == 503
        assert "does not answer" in health.json()["message"]
        # What was known last.
        (app,) = health.json()["apps"]
        assert app["app"] == "shop"
        status = wait_until(
            lambda: (found := exporter.get("/api/v1/status", headers=SCRAPE_OF_2_SECONDS)).status == 200 and found,
            "the status page's JSON is answered",
        ).json()
        assert status["status"] == "critical"
        assert "does not answer" in status["hints"][0]
        blockade.lift()
        wait_until(lambda: exporter.get("/health").status == 200, "the process table is read again")


def test_reload_and_end_do_not_wait_for_a_process_table_that_hangs(proc):
    config = "instances:\n  - proc_name: shop\n"
    with Exporter(config=config, flags=[f"--path.procfs={proc.root}"]) as exporter:
        proc.block(99)
        wait_for_the_hang(exporter)
        exporter.send_signal(signal.SIGHUP)
        wait_until(lambda: "config_reload_failed" in exporter.log(), "the reload has failed")
        assert scrape_in_two_seconds(exporter).value("gunicorn_exporter_config_last_reload_successful") == 0
        exporter.send_signal(signal.SIGTERM)
        assert exporter.wait() == 0


@pytest.mark.parametrize("limit", [1, 3])
def test_scrapes_beyond_the_limit_are_refused_at_once(proc, limit):
    with Exporter(flags=[f"--path.procfs={proc.root}", f"--web.max-requests={limit}"]) as exporter, ExitStack() as stack:
        blockade = proc.block(99)
        wait_for_the_hang(exporter)

        def hold():
            client = stack.enter_context(connect(exporter))
            client.send(b"GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 600\r\nConnection: close\r\n\r\n")
            return client

        held = [hold() for _ in range(limit)]

        def refusal():
            for at, client in enumerate(held):
                if select.select([client], [], [], 0)[0]:  # Refused: the scrape below was taken up before it.
                    held[at] = hold()
            answer = exporter.get("/metrics", headers=SCRAPE_OF_2_SECONDS)
            return answer.status == 503 and answer

        # A thread has taken each of them up once another one is refused.
        refused = wait_until(refusal, "a scrape is refused")
        assert f"({limit})" in refused.text
        for _ in range(20):
            assert exporter.get("/metrics").status == 503
            assert exporter.get("/api/v1/status").status == 503
            assert exporter.request("HEAD", "/metrics").status == 503
            assert exporter.get("/-/healthy").status == 200
            assert exporter.get("/-/ready").status == 200
            assert exporter.get("/").status == 200
        blockade.lift()
        # Those that waited are answered whole, and there is room again.
        for client in held:
            answer = b""
            while piece := client.recv(65536):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        wait_until(lambda: exporter.get("/metrics").status == 200, "scrapes are answered again")
        refusals = exporter.value("gunicorn_exporter_http_requests_total", handler="/metrics", code=503)
        assert refusals >= 41


def test_probes_are_answered_beside_two_hundred_slow_scrapes(proc):
    flags = [f"--path.procfs={proc.root}", "--web.max-requests=0"]
    request = b"GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: 600\r\nConnection: close\r\n\r\n"
    with Exporter(flags=flags) as exporter, ExitStack() as stack:
        blockade = proc.block(99)
        wait_for_the_hang(exporter)
        clients = [stack.enter_context(connect(exporter)) for _ in range(200)]
        for client in clients:
            client.sendall(request)
        for _ in range(20):
            assert exporter.get("/-/healthy").status == 200
            assert exporter.get("/-/ready").status == 200
        # All of them still wait.
        assert not select.select(clients, [], [], 0)[0]
        blockade.lift()
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 200"
