"""Clients that mean ill, or are only slow, beside a scraper that is neither."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager

from support import Exporter, Gunicorn, wait_until
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
            # Waiting for one of them would take most of their thousand seconds.
            assert times[4] < max(20 * quiet, 0.5), (quiet, times)
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
