"""What anybody may send to the StatsD sockets, and who only holds them open."""

import random
import socket
import threading
from contextlib import ExitStack

import pytest
from support import send_tcp, send_udp, send_unixgram, wait_until
from support.watched import CONFIG, Watched, allow_descriptors, seed

LARGEST_UDP = 65507
LONGEST_PACKET = 65536

# Mutations of these come far into the parser; none of them names the known app.
LINES = (
    b"gunicorn.requests:1|c",
    b"gunicorn.request.status.200:1|c|@0.5|#app:mutant,env:prod",
    b"gunicorn.request.duration:1.5:2.5e3|ms|@0.1|#app:mutant|c:abc|T1700000000",
    b"some_prefix.gunicorn.log.error:1|c|e:it-1|card:low",
    b"gunicorn.workers:+3|g|#app:mutant",
    b"gunicorn.socket.backlog:17|h|#app:mutant",
    b"_e{5,4}:title|text|#app:mutant",
    b"_sc|gunicorn|0|#app:mutant",
    b":1|c|#app:mutant",
    b"gunicorn.requests:" + b"1" * 8200 + b"|c|#app:mutant",
)


def random_packets(random_source, count, longest):
    """Half of them of random bytes, half of lines with bytes changed, lost, doubled and put in."""
    for number in range(count):
        if number % 2 == 0:
            size = random_source.choice((1, 10, 100, 1432, 9000, longest, random_source.randint(0, longest)))
            yield random_source.randbytes(size)
            continue
        lines = []
        for _ in range(random_source.choice((1, 3, 30))):
            line = bytearray(random_source.choice(LINES))
            for _ in range(random_source.randint(0, 4)):
                at = random_source.randrange(len(line))
                line[at : at + random_source.randint(0, 2)] = random_source.choice(
                    (b"", b"|", b":", b"#", b"@", b"\0", b"\xff", b",", b"-", b"1e309", random_source.randbytes(3))
                )
                line = line or bytearray(b":")
            lines.append(bytes(line))
        yield b"\n".join(lines)[:longest]


def send_over_tcp(port, packet):
    try:
        send_tcp(port, packet)
    except (BrokenPipeError, ConnectionResetError):
        pass  # A line over 8 KiB closes the connection.


@pytest.mark.parametrize("unmatched", ["drop", "export"])
def test_random_packets_change_no_other_app(unmatched):
    with Watched(config=f"{CONFIG}statsd:\n  unmatched: {unmatched}\n") as exporter:
        source = random.Random(seed())
        exporter.check()
        for packet in random_packets(source, 2000, LARGEST_UDP):
            send_udp(exporter.statsd_port, packet)
        for number, packet in enumerate(random_packets(source, 2000, LONGEST_PACKET)):
            send_unixgram(exporter.socket_path, packet)
            if number % 20 == 0:
                exporter.send_requests(5)
        for packet in random_packets(source, 1000, LONGEST_PACKET):
            send_over_tcp(exporter.tcp_port, packet)
        scrape = exporter.check(lint=unmatched == "drop")
        errors = scrape.by("reason", "gunicorn_exporter_statsd_line_errors_total")
        for reason in ("malformed", "missing_name", "bad_type", "bad_value", "bad_encoding", "too_long"):
            assert errors[reason] > 0, errors
        assert scrape.value("gunicorn_exporter_statsd_series") <= 10000


def test_every_length_of_a_packet_up_to_the_longest():
    with Watched() as exporter:
        line = b"gunicorn.requests:1|c|#app:long\n"
        for size in (0, 1, len(line) - 1, len(line), 8191, 8192, 8193, 65535, 65536, 100_000):
            packet = (line * (size // len(line) + 1))[:size]
            send_unixgram(exporter.socket_path, packet)
            if size <= LARGEST_UDP:
                send_udp(exporter.statsd_port, packet)
            send_over_tcp(exporter.tcp_port, packet)
        exporter.check()
        # Whole lines of what arrives: the kernel cuts at 64 KiB, and a stream has no end there.
        whole = sum(min(size, 65536) // len(line) for size in (31, 32, 8191, 8192, 8193, 65535, 65536, 100_000))
        # Those of a new sender wait until it is looked up.
        wait_until(lambda: exporter.value("gunicorn_requests_total", app="long") >= whole, f"{whole} lines are counted")


def test_two_thousand_idle_connections():
    allow_descriptors(8192)
    with Watched() as exporter, ExitStack() as stack:
        early = stack.enter_context(socket.create_connection(("127.0.0.1", exporter.tcp_port)))
        descriptors = exporter.open_fds()
        with ExitStack() as idle:
            for _ in range(2000):
                idle.enter_context(socket.create_connection(("127.0.0.1", exporter.tcp_port)))
            wait_until(
                lambda: exporter.value("gunicorn_exporter_statsd_tcp_refused_connections_total") >= 900,
                "it has refused what is over its bound",
            )
            # Who was there before is still heard.
            early.sendall(b"gunicorn.requests:1|c|#app:early\n")
            wait_until(lambda: exporter.value("gunicorn_requests_total", app="early") == 1, "the early one is heard")
            exporter.check()
            assert exporter.open_fds() < descriptors + 1100
        wait_until(lambda: exporter.open_fds() <= descriptors + 10, "the descriptors are given back")
        # And there is room for new ones.
        send_tcp(exporter.tcp_port, "gunicorn.requests:1|c|#app:late\n")
        wait_until(lambda: exporter.get("/metrics").text.count('app="late"'), "a new connection is heard")
        exporter.check()


def test_connections_that_come_and_go_without_a_word():
    with Watched() as exporter:
        descriptors = exporter.open_fds()
        for number in range(2000):
            connection = socket.create_connection(("127.0.0.1", exporter.tcp_port))
            if number % 2:
                # Reset in place of closed.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.send(b"gunicorn.requ")
            connection.close()
        exporter.check()
        wait_until(lambda: exporter.open_fds() <= descriptors + 10, "the descriptors are given back")


def test_a_stream_that_never_ends_a_line_is_closed():
    with Watched() as exporter, socket.create_connection(("127.0.0.1", exporter.tcp_port)) as client:
        client.settimeout(60)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                client.sendall(b"a" * 65536)
        assert exporter.check().value("gunicorn_exporter_statsd_line_errors_total", reason="too_long") == 1


def test_a_flood_on_one_socket_starves_no_other():
    with Watched() as exporter:
        stop = threading.Event()

        def flood():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.connect(("127.0.0.1", exporter.statsd_port))
                packet = b"\n".join([b"gunicorn.requests:1|c|#app:flood"] * 40)
                while not stop.is_set():
                    sender.send(packet)

        threads = [threading.Thread(target=flood) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            # The unix socket is lossless, whatever stands in the other queue.
            for _ in range(50):
                exporter.send_requests(20)
            exporter.check()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        exporter.check()
