"""Which workers work, and how many requests are in hand, where the exchange of bytes alone would mislead.

The application writes down which requests it has in hand; the exporter says the same at each of twenty looks, over as many samples.
"""

import signal
import socket
import ssl
import struct
import tempfile

import psutil
import pytest
from support import FAST_SAMPLES, wait_until, wait_until_steady
from support.certificates import Certificates
from support.in_hand import WritingGunicorn, assert_idle, assert_told, running, send_request, shown, wait_until_told, written

SYNC = {"worker_class": "sync"}
GTHREAD = {"worker_class": "gthread", "threads": 4}
GEVENT = {"worker_class": "gevent"}
EVENTLET = {"worker_class": "eventlet"}
TORNADO = {"worker_class": "tornado", "app": "working_demo:on_tornado()"}
UVICORN = {"worker_class": "uvicorn.workers.UvicornWorker", "app": "working_demo:asgi"}


def classes(*options):
    return pytest.mark.parametrize("options", options, ids=[one["worker_class"].split(".")[0] for one in options])


def read_answer(sock):
    answer = b""
    while not answer.endswith(b"ok"):
        received = sock.recv(65536)
        assert received, answer
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@classes(SYNC, GTHREAD, GEVENT, EVENTLET, TORNADO, UVICORN)
def test_a_worker_whose_client_has_stopped_reading_works(options):
    with running(**options) as (gunicorn, exporter, stack):
        sock = gunicorn.ask(stack, "/download")
        assert sock.recv(1)
        assert_told(exporter, gunicorn, 1)
        sock.close()
        wait_until_told(exporter, gunicorn, 0, 0)


@classes(GEVENT, EVENTLET, TORNADO, UVICORN)
def test_streamed_answers_and_events_are_in_hand(options):
    with running(**options) as (gunicorn, exporter, stack):
        lines = gunicorn.ask(stack, "/stream?pause=0.05")
        gunicorn.ask(stack, "/stream?pause=0.05&as=events")
        assert_told(exporter, gunicorn, 2)
        lines.close()
        wait_until_told(exporter, gunicorn, 1, 1)


@classes(GEVENT, UVICORN)
def test_requests_whose_bodies_are_withheld_are_in_hand(options):
    with running(**options) as (gunicorn, exporter, stack):
        kept_alive = gunicorn.ask(stack, "/")
        read_answer(kept_alive)
        wait_until_told(exporter, gunicorn, 0, 1)
        uploads = [kept_alive, gunicorn.open(stack)]
        for sock in uploads:
            sock.sendall(b"POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert_told(exporter, gunicorn, 2)
        for sock in uploads:
            sock.sendall(b"body")
            read_answer(sock)
        wait_until_told(exporter, gunicorn, 0, 2)


@classes(SYNC, GTHREAD)
def test_workers_whose_clients_have_gone_work_on(options):
    with running(workers=4, **options) as (gunicorn, exporter, stack):
        half_closed, closed, was_reset = [gunicorn.ask(stack, "/sleep?seconds=60") for _ in range(3)]
        wait_until_told(exporter, gunicorn, 3, 3)
        half_closed.shutdown(socket.SHUT_WR)
        closed.close()
        reset(was_reset)
        assert_told(exporter, gunicorn, 3)


def test_a_connection_that_has_sent_nothing_keeps_no_sync_worker_busy():
    with running(**SYNC) as (gunicorn, exporter, stack):
        gunicorn.open(stack)
        assert_idle(exporter, gunicorn, 1)


def test_connections_parked_after_slow_answers_keep_no_worker_busy():
    with running(**GEVENT) as (gunicorn, exporter, stack):
        parked = [gunicorn.ask(stack, "/sleep?seconds=0.5") for _ in range(6)]
        for sock in parked:
            read_answer(sock)
        assert_idle(exporter, gunicorn, 6)


def test_a_handshake_without_a_request_keeps_no_worker_busy(tmp_path):
    authority = Certificates(tmp_path)
    certificate, key = authority.sign("server", "IP:127.0.0.1")
    with running(args=["--certfile", certificate, "--keyfile", key], **GTHREAD) as (gunicorn, exporter, stack):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=authority.authority)
            context.minimum_version = context.maximum_version = version
            secured = context.wrap_socket(gunicorn.open(stack), server_hostname="127.0.0.1")
            stack.callback(secured.close)
        assert_idle(exporter, gunicorn, 2)
        send_request(secured, "/sleep?seconds=60")
        wait_until_told(exporter, gunicorn, 1, 2)


@classes(SYNC, GTHREAD)
def test_the_first_look_sees_a_request_in_hand(options):
    with running(**options) as (gunicorn, exporter, stack):
        # It is stopped while another gunicorn starts and takes a request: its first look at that one sees both.
        exporter.send_signal(signal.SIGSTOP)
        with tempfile.TemporaryDirectory() as folder, WritingGunicorn(folder, **options) as late:
            late.ask(stack, "/sleep?seconds=60")
            wait_until(lambda: len(late.in_hand()) == 1, "a request is in hand")
            exporter.send_signal(signal.SIGCONT)
            first = wait_until(lambda: shown(exporter, late), "it is seen")
            assert first == written(late)
            late.kill()


@classes(SYNC, GTHREAD)
def test_a_thread_in_the_background_is_no_request(options):
    def seconds_of_cpu(gunicorn):
        times = [psutil.Process(pid).cpu_times() for pid in gunicorn.worker_pids()]
        return min(one.user + one.system for one in times)

    # An APM's takes as much.
    with running(env={"BACKGROUND": "0.035"}, **options) as (gunicorn, exporter, stack):
        before = seconds_of_cpu(gunicorn)
        assert_idle(exporter, gunicorn, 0)
        wait_until(lambda: seconds_of_cpu(gunicorn) > before + 0.1, "the threads in the background burn")
        gunicorn.ask(stack, "/sleep?seconds=60")
        wait_until_told(exporter, gunicorn, 1, 1)


@classes(SYNC, GTHREAD)
def test_each_worker_tells_its_own_requests(options):
    with running(config=FAST_SAMPLES + "  per_worker: true\n", workers=2, **options) as (gunicorn, exporter, stack):
        gunicorn.ask(stack, "/sleep?seconds=600")
        wait_until(gunicorn.in_hand, "a worker has the request")
        [busy] = gunicorn.in_hand()
        [other] = [pid for pid in gunicorn.worker_pids() if pid != busy]

        def by_pid(name):
            return exporter.scrape().by("pid", name, app=gunicorn.name)

        expected = {str(busy): 1, str(other): 0}
        wait_until_steady(lambda: by_pid("gunicorn_worker_requests_in_progress") == expected, "it alone has a request")
        ages = by_pid("gunicorn_worker_oldest_request_age_seconds")
        assert ages[str(busy)] > 0 and ages[str(other)] == 0
        wait_until(lambda: by_pid("gunicorn_worker_oldest_request_age_seconds")[str(busy)] > 2, "the request grows old")
        [app] = [app for app in exporter.get("/api/v1/status").json()["apps"] if app["app"] == gunicorn.name]
        listed = {worker.pop("pid"): worker for worker in app["worker_list"]}
        assert listed[busy].pop("oldest_request_seconds") > 2
        assert listed == {
            busy: {"state": "working", "requests_in_progress": 1},
            other: {"state": "idle", "requests_in_progress": 0, "oldest_request_seconds": 0},
        }
