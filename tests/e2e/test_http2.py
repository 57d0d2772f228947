"""HTTP/2 connections of a threaded worker: what their clients send after the answer is no request."""

import contextlib
import ssl
import sys

import pytest
from support.certificates import Certificates
from support.gunicorn import APPS
from support.in_hand import assert_idle, assert_told, running, wait_until_told

sys.path.append(str(APPS))
# pylint: disable=wrong-import-position
from http2_frames import ACK, DATA, PING, PREFACE, SETTINGS, frame, read_frame, request, window_update  # noqa: E402


class Client:
    """A connection; frames are sent as they are given, and those that come are read up to an answer's end."""

    def __init__(self, authority, gunicorn, stack):
        context = ssl.create_default_context(cafile=authority.authority)
        context.set_alpn_protocols(["h2"])
        self.sock = context.wrap_socket(gunicorn.open(stack), server_hostname="127.0.0.1")
        assert self.sock.selected_alpn_protocol() == "h2"
        stack.callback(self.sock.close)
        self.file = stack.enter_context(self.sock.makefile("rb"))

    def send(self, *frames):
        self.sock.sendall(b"".join(frames))

    def read_until(self, wanted, flags=0):
        while received := read_frame(self.file):
            if received[0] == wanted and received[1] & flags == flags:
                return received[3]
        raise AssertionError(f"the connection ended without a frame {wanted}")


@pytest.fixture(name="authority")
def fixture_authority(tmp_path):
    return Certificates(tmp_path)


@pytest.fixture(name="worker", params=["Worker", "TimedWorker"])
def fixture_worker(request):
    return f"http2_worker.{request.param}"


@contextlib.contextmanager
def http2_gunicorn(authority, worker):
    certificate, key = authority.sign("server", "IP:127.0.0.1")
    args = ["--certfile", certificate, "--keyfile", key]
    with running(worker_class=worker, threads=4, args=args) as started:
        yield started


def test_a_parked_connection_keeps_no_worker_busy(authority, worker):
    with http2_gunicorn(authority, worker) as (gunicorn, exporter, stack):
        client = Client(authority, gunicorn, stack)
        # As curl and browsers begin; the acknowledgement comes after the answer.
        client.send(PREFACE, frame(SETTINGS), window_update(0), request(1, "/"))
        assert client.read_until(DATA) == b"ok"
        client.send(frame(SETTINGS, ACK))
        assert_idle(exporter, gunicorn, 1)
        client.send(window_update(0))
        assert_idle(exporter, gunicorn, 1)
        client.send(frame(PING, 0, 0, b"12345678"))
        assert client.read_until(PING, ACK) == b"12345678"
        assert_idle(exporter, gunicorn, 1)


def test_a_request_in_hand_keeps_its_worker_busy(authority, worker):
    with http2_gunicorn(authority, worker) as (gunicorn, exporter, stack):
        first, second = [Client(authority, gunicorn, stack) for _ in range(2)]
        first.send(PREFACE, frame(SETTINGS), request(1, "/sleep?seconds=60"), frame(SETTINGS, ACK))
        second.send(PREFACE, frame(SETTINGS), request(1, "/"))
        assert second.read_until(DATA) == b"ok"
        second.send(frame(SETTINGS, ACK), window_update(0))
        wait_until_told(exporter, gunicorn, 1, 2)
        assert_told(exporter, gunicorn, 1)
        second.send(request(3, "/sleep?seconds=60"), window_update(3))
        assert_told(exporter, gunicorn, 2)
