"""What anybody may send to the HTTP port, and who only holds it open."""

import base64
import collections
import crypt
import http.client
import random
import socket
import ssl
import threading
from contextlib import ExitStack, closing

import pytest
from support import wait_until
from support.certificates import Certificates
from support.http import http_request, request_on
from support.watched import KNOWN, Watched, allow_descriptors, seed

SECRET = "root:"  # Of /etc/passwd.

# path on the wire -> status. None of them may be 200 or 5xx, but where it says so.
PATHS = (
    (b"/../../../../etc/passwd", 404),
    (b"/metrics/../../etc/passwd", 404),
    (b"/%2e%2e/%2e%2e/etc/passwd", 404),
    (b"/..%2f..%2fetc%2fpasswd", 404),
    (b"//etc/passwd", 404),
    (b"/metrics/", 404),
    (b"//metrics", 404),
    (b"/METRICS", 404),
    (b"/metrics%00", 404),
    (b"/metrics?name[]=x&%zz=%", 200),
    (b"/health/", 404),
    (b"/health/..%2f..%2fetc%2fpasswd", 404),
    (b"/health/../../../etc/passwd", 404),
    (b"/health/%2fetc%2fpasswd", 404),
    (b"/health/%", 400),
    (b"/health/%4", 400),
    (b"/health/%zz", 400),
    (b"/health/%+1", 400),
    (b"/health/%-1", 400),
    (b"/health/%0x41", 400),
    (b"/health/%25", 404),
    (b"/health/%2541", 404),
    (b"/health/%00", 404),
    (b"/health/%ff%fe", 404),
    (b"/health/%c0%ae%c0%ae%c0%af", 404),
    (b"/health/%0d%0aX-Injected:%20yes", 404),
    (b"/health/\xff\xfe", 404),
    (b"/health/%3cscript%3ealert(1)%3c%2fscript%3e", 404),
    (b"/health/" + b"%41" * 2000, 404),
    (b"/health/" + b"a" * 8000, 404),
    (b"/health/" + b"a" * 9000, 414),
    (b"/-/healthy/../quit", 404),
    (b"/-/../metrics", 404),
)


def ask(port, request, context=None):
    """(status, all of the answer) of these bytes; status 0 where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        client = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        answer = b""
        try:
            client.sendall(request)
            socket.socket.shutdown(client, socket.SHUT_WR)  # Of the socket alone: TLS' own would forget its state.
            while piece := client.recv(65536):
                answer += piece
        except OSError:
            pass  # It had enough, and closed; what TLS says against it is one too.
        return (int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0), answer


def get(port, target):
    return ask(port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def test_odd_paths():
    with Watched() as exporter:
        for path, status in PATHS:
            found, answer = get(exporter.port, path)
            assert found == status, (path[:60], answer[:200])
            head, _, body = answer.partition(b"\r\n\r\n")
            assert SECRET.encode() not in answer
            assert b"X-Injected" not in head
            # What was asked for comes back as text or JSON, never as a page.
            if found != 200 and body:
                assert b"text/html" not in head
                body.decode()
        exporter.check()


def test_odd_requests():
    requests = (
        (b"GET http://other/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (200, 400, 404)),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (400, 404, 405)),
        (b"TRACE /metrics HTTP/1.1\r\nHost: x\r\nCookie: secret\r\nConnection: close\r\n\r\n", (400, 405)),
        (b"BREW /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", (405,)),
        (b"CONNECT other:80 HTTP/1.1\r\nHost: x\r\n\r\n", (400, 404, 405)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 404, 405, 505)),
        (b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", (400, 505)),
        (b"GET /metrics\r\n\r\n", (400,)),
        (b"\r\n\r\n\r\n\r\n", (0,)),
        (b"GET /metrics HTTP/1.1\nHost: x\n\n", (400,)),
        (b"GET /metrics HTTP/1.1\r\nX: a\0b\r\n\r\n", (400,)),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", (400,)),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n", (400,)),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", (400,)),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", (400, 413)),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n", (413,)),
        (b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", (411,)),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", (431,)),
        (b"GET /metrics HTTP/1.1\r\nAccept: " + b"a/b;q=0.5," * 800 + b"\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nAccept-Encoding: " + b"gzip;q=1," * 800 + b"\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nRange: bytes=" + b"0-1," * 2000 + b"\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nrange: bytes=" + b"0-1," * 2000 + b"0-1\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: -1e999\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: nan\r\nConnection: close\r\n\r\n", (200,)),
        (b"GET /metrics HTTP/1.1\r\nAuthorization: Basic " + b"=" * 8000 + b"\r\nConnection: close\r\n\r\n", (200,)),
    )
    with Watched() as exporter:
        for request, statuses in requests:
            status, answer = ask(exporter.port, request)
            assert status in statuses, (request[:80], answer[:200])
            assert b"Cookie" not in answer
        exporter.check()


def refused(exporter, code):
    return exporter.value("gunicorn_exporter_http_requests_total", handler="refused", code=code)


def test_what_is_no_request_is_counted_and_logged():
    requests = (
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
    )
    with Watched() as exporter:
        for request, code in requests:
            assert ask(exporter.port, request)[0] == code
            wait_until(lambda code=code: refused(exporter, code) == 1, f"a {code} is counted")
        wait_until(lambda: "event=http_request_refused client=127.0.0.1:" in exporter.log(), "the first is logged")
        assert 'reason="400 Bad Request"' in exporter.log()


def test_a_request_that_does_not_end_is_counted():
    with Watched() as exporter:
        with socket.create_connection(("127.0.0.1", exporter.port), timeout=60) as client:
            client.send(b"GET / HTTP/1.1\r\n")
            assert client.recv(1) == b""
        wait_until(lambda: refused(exporter, 408) == 1, "a 408 is counted")
        wait_until(lambda: "the request did not end in time" in exporter.log(), "it is logged")


def test_requests_as_others_write_them():
    """A header as long as the head may be, an absolute target, percent-encoded paths."""
    with Watched() as exporter:
        for target, status in (
            (b"HTTP://h/metrics", 200),
            (b"http://h:18125/%6detrics?x=1", 200),
            (b"/%2D/healthy", 200),
            (b"/%2d%2fhealthy", 404),
            (b"/heal%74h/" + KNOWN.encode(), 503),
        ):
            assert get(exporter.port, target)[0] == status, target
        for size in (9000, 16_000):
            header = b"X: " + b"a" * size
            status, _ = ask(exporter.port, b"GET /metrics HTTP/1.1\r\n" + header + b"\r\nConnection: close\r\n\r\n")
            assert status == 200, size
        exporter.check()


def test_a_body_that_waits_to_be_asked_for():
    with Watched() as exporter, socket.create_connection(("127.0.0.1", exporter.port), timeout=60) as client:
        client.sendall(
            b"POST /-/reload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
        )
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        assert client.recv(4096).startswith(b"HTTP/1.1 403 ")


def mutations(source, good, count):
    """Random bytes, and a good beginning with random bytes in it."""
    for number in range(count):
        if number % 2:
            yield source.randbytes(source.choice((1, 5, 100, 20_000)))
            continue
        bytes_ = bytearray(good)
        for _ in range(source.randint(1, 8)):
            bytes_[source.randrange(len(bytes_))] = source.randrange(256)
        yield bytes(bytes_[: source.randint(1, len(bytes_))])


def test_random_bytes():
    good = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nContent-Length: 4\r\n\r\nbody"
    with Watched() as exporter:
        source = random.Random(seed())
        for request in mutations(source, good, 1000):
            status, answer = ask(exporter.port, request)
            assert status < 500 or status == 505, (request, answer[:200])
        exporter.check()


def test_two_thousand_idle_connections():
    allow_descriptors(8192)
    with Watched() as exporter:
        descriptors = exporter.open_fds()
        with ExitStack() as idle:
            for number in range(2000):
                client = idle.enter_context(socket.create_connection(("127.0.0.1", exporter.port), timeout=60))
                if number % 2:
                    client.send(b"GET /metrics HTTP/1.1\r\nX: ")
            exporter.check()
            assert exporter.open_fds() < descriptors + 300
        wait_until(lambda: exporter.open_fds() <= descriptors + 10, "the descriptors are given back")
        exporter.check()


def test_five_hundred_clients_that_read_nothing():
    """Each asks for a page of some hundred KiB, again and again, and takes none of it."""
    allow_descriptors(8192)
    apps = "".join(f"  - proc_name: padding_{number:04d}\n" for number in range(250))
    config = f"instances:\n  - proc_name: known_app\n{apps}"
    with Watched(config=config) as exporter, ExitStack() as stack:
        for _ in range(500):
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.settimeout(60)
            client.connect(("127.0.0.1", exporter.port))
            client.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        # Each keeps a scrape busy once, and then is stuck.
        wait_until(lambda: all(exporter.get("/metrics").status == 200 for _ in range(10)), "scrapes are answered again")
        # So much as 40 scrapes at a time take (--web.max-requests), of half a megabyte each.
        exporter.check(most_resident_bytes=384 * 2**20)


def test_a_flood_of_wrong_passwords_delays_no_probe():
    # A quarter of a second each: all of them would take most of a minute.
    hashed = crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**12))
    with Watched(web_config=f"basic_auth_users:\n  prometheus: {hashed}\n") as exporter, ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", exporter.port), timeout=60))
            client.send(b"GET /metrics HTTP/1.1\r\nAuthorization: Basic cHJvbWV0aGV1czo%04d\r\n\r\n" % number)
        for _ in range(20):
            assert exporter.get("/-/healthy", timeout=10).status == 200
            assert exporter.get("/-/ready", timeout=10).status == 200


def test_wrong_passwords_from_one_address_keep_nobody_else_out():
    # Half a second each.
    hashed = crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2**13))
    users = "".join(f"  user{number}: {hashed}\n" for number in range(5))
    ended = threading.Event()
    answers = collections.Counter()

    def guess(exporter):
        while not ended.is_set():
            answers[exporter.get("/metrics", user=("user0", "wrong")).status] += 1

    def first_scrape(exporter, user):
        """A client of another address whose password was never given before: a right one is remembered."""
        source = ("127.0.0.2", 0)
        connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=60, source_address=source)
        with closing(connection):
            token = base64.b64encode(f"{user}:secret".encode()).decode()
            return request_on(connection, "GET", "/-/nothing", headers={"Authorization": f"Basic {token}"}).status

    with Watched(web_config=f"basic_auth_users:\n{users}") as exporter:
        threads = [threading.Thread(target=guess, args=(exporter,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: answers[503] > 16 and answers[401], "the guesses are refused")
            assert [first_scrape(exporter, f"user{number}") for number in range(5)] == [404] * 5
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    assert set(answers) == {401, 503}


# ---- TLS


class WatchedTls(Watched):
    """Asked over TLS; the attackers speak what they like."""

    def __init__(self, directory):
        self.certificates = Certificates(directory)
        certificate, key = self.certificates.sign("server", "DNS:localhost,IP:127.0.0.1")
        web_config = f"tls_server_config:\n  cert_file: {certificate}\n  key_file: {key}\n"
        super().__init__(web_config=web_config, scheme="https")
        self.context = ssl.create_default_context(cafile=str(self.certificates.authority))


@pytest.fixture(scope="module", name="directory")
def make_directory(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


def client_hello():
    """The first bytes of a real client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_garbage_for_tls(directory):
    with WatchedTls(directory) as exporter:
        source = random.Random(seed())
        descriptors = exporter.open_fds()
        for packet in mutations(source, client_hello(), 500):
            status, answer = ask(exporter.port, packet)
            assert status in (0, 400), answer[:200]  # 400: who seems to speak plain HTTP is told so.
        # Plain HTTP.
        assert http_request(f"http://127.0.0.1:{exporter.port}/metrics").status == 400
        # Garbage and a sudden end after a good handshake.
        for number in range(50):
            with socket.create_connection(("127.0.0.1", exporter.port), timeout=60) as plain:
                wrapped = exporter.context.wrap_socket(plain, server_hostname="localhost")
                if number % 2:
                    wrapped.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", exporter.port), timeout=60) as plain:
                wrapped = exporter.context.wrap_socket(plain, server_hostname="localhost")
                descriptor = wrapped.detach()
                with socket.socket(fileno=descriptor) as raw:
                    raw.send(source.randbytes(1000))
        # The same requests as in plain.
        for request in mutations(source, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 50):
            status, answer = ask(exporter.port, request, exporter.context)
            assert status < 500 or status == 505, answer[:200]
        exporter.check()
        wait_until(lambda: exporter.open_fds() <= descriptors + 10, "the descriptors are given back")


def test_refused_handshakes_are_counted_and_logged(directory):
    with WatchedTls(directory) as exporter:
        assert http_request(f"http://127.0.0.1:{exporter.port}/metrics").status == 400
        wait_until(lambda: refused(exporter, 0) == 1, "it is counted")
        wait_until(lambda: "event=tls_handshake_refused client=127.0.0.1:" in exporter.log(), "it is logged")
        assert 'reason="http request"' in exporter.log()
        old = ssl.create_default_context(cafile=str(exporter.certificates.authority))
        old.set_alpn_protocols(["h2"])
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", exporter.port), timeout=60) as plain:
            old.wrap_socket(plain, server_hostname="localhost")
        wait_until(lambda: refused(exporter, 0) == 2, "it is counted, too")
        # Who connects and says nothing has refused nothing.
        socket.create_connection(("127.0.0.1", exporter.port), timeout=60).close()
        exporter.check()
        assert refused(exporter, 0) == 2


def test_half_open_handshakes(directory):
    hello = client_hello()
    allow_descriptors(8192)
    with WatchedTls(directory) as exporter, ExitStack() as stack:
        for number in range(1000):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", exporter.port), timeout=60))
            # Nothing, a part, or all of the first message; never the second.
            client.send((b"", hello[:5], hello[: len(hello) // 2], hello)[number % 4])
        exporter.check()
