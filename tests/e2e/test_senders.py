"""Gunicorns with neither tag nor prefix, several at a time: each line is counted for the app that sent it.

Over UDP the source port names the sender, over the unix socket the kernel does. A TCP connection names nobody.
"""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from support import Exporter, Gunicorn, make_requests, unique_name, wait_until

TRANSPORTS = ["udp", "udp6", "unix"]


class Sender(Gunicorn):
    """Sends to `exporter` over `transport`; see apps/statsd_elsewhere.py."""

    def __init__(self, exporter, transport, args=(), **options):
        target = {
            "udp": f"udp://127.0.0.1:{exporter.statsd_port}",
            "udp6": f"udp://[::1]:{exporter.statsd_port}",
            "unix": f"unix://{exporter.directory}/statsd.sock",
            "tcp": f"tcp://127.0.0.1:{exporter.statsd_port}",
        }[transport]
        if transport == "udp":
            super().__init__(statsd=exporter, args=args, **options)
        else:
            logger = ["--logger-class", "statsd_elsewhere.Statsd"]
            super().__init__(args=[*logger, *args], env={"STATSD_TARGET": target}, **options)


class AnyTransport(Exporter):
    def prepare(self):
        super().prepare()
        self.command += [f"--statsd.listen-udp=[::1]:{self.statsd_port}", f"--statsd.listen-unixgram={self.directory}/statsd.sock"]
        self.command += [f"--statsd.listen-tcp=127.0.0.1:{self.statsd_port}"]


def at_once(*tasks):
    """Runs them side by side."""
    errors = []

    def run(task):
        try:
            task()
        except BaseException as error:  # pylint: disable=broad-except; raised again below.
            errors.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def requests(gunicorn, count):
    return lambda: make_requests(gunicorn, ["/", "/status/404"], count, clients=2)


def assert_counted(exporter, wanted):
    """`wanted` is {app: requests}; nobody else has any, half of them are 404."""

    def all_have_come():
        # Of a request, the status is the last line that gunicorn sends.
        scrape = exporter.scrape()
        return scrape if scrape.total("gunicorn_request_status_total") >= sum(wanted.values()) else None

    scrape = wait_until(all_have_come, f"{sum(wanted.values())} requests are counted")
    counted = scrape.by("app", "gunicorn_requests_total")
    assert {app: value for app, value in counted.items() if value} == wanted
    for app, count in wanted.items():
        assert scrape.value("gunicorn_request_status_total", app=app, code=200) == count / 2
        assert scrape.value("gunicorn_request_status_total", app=app, code=404) == count / 2
        assert scrape.value("gunicorn_request_duration_seconds_count", app=app) == count
    # Not one line, of no kind, was anybody else's.
    assert not scrape.series("gunicorn_exporter_statsd_last_packet_timestamp_seconds", app="unknown")
    heard = set(scrape.by("app", "gunicorn_exporter_statsd_last_packet_timestamp_seconds"))
    assert heard == set(wanted)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_two_gunicorns_at_once_and_their_restarts(transport):
    with AnyTransport() as exporter, contextlib.ExitStack() as stack:
        one, two = Sender(exporter, transport, workers=2), Sender(exporter, transport, workers=3)
        at_once(lambda: stack.enter_context(one), lambda: stack.enter_context(two))
        # The first line of each, sent before any scan of the process table had seen its master.
        wait_until(
            lambda: exporter.scrape().by("app", "gunicorn_arbiter_workers") == {one.name: 2, two.name: 3},
            "both masters' own counts are there, and nobody else's",
        )
        at_once(requests(one, 200), requests(two, 300))
        assert_counted(exporter, {one.name: 200, two.name: 300})

        # New pids of one, while the other goes on.
        before = {one.master_pid, *one.worker_pids()}
        at_once(lambda: (one.stop(), one.start()), requests(two, 300))
        assert not before & {one.master_pid, *one.worker_pids()}
        at_once(requests(one, 100), requests(two, 100))
        assert_counted(exporter, {one.name: 300, two.name: 700})


@pytest.mark.parametrize("transport", ["udp", "unix"])
def test_a_line_of_a_worker_that_has_ended_since_is_its_apps(transport):
    args = ["--max-requests", "1"]
    with AnyTransport() as exporter, contextlib.ExitStack() as stack:
        one, two = [stack.enter_context(Sender(exporter, transport, args=args)) for _ in range(2)]
        at_once(requests(one, 20), requests(two, 20))
        assert_counted(exporter, {one.name: 20, two.name: 20})


def holds_a_request(gunicorn):
    # By the workers' own descriptors: the exporter might look only when it is answered.
    connections = [held for pid in gunicorn.worker_pids() for held in psutil.Process(pid).connections(kind="tcp")]
    return any(held.status == psutil.CONN_ESTABLISHED and held.laddr.port == gunicorn.port for held in connections)


@pytest.mark.parametrize("transport", ["udp", "unix"])
def test_what_a_gunicorn_sends_while_it_ends_is_its_own(transport):
    with AnyTransport() as exporter, contextlib.ExitStack() as stack:
        # Its worker may take its time to answer on a busy machine.
        args = ["--graceful-timeout", "60"]
        one, two = [stack.enter_context(Sender(exporter, transport, args=args)) for _ in range(2)]
        at_once(requests(one, 20), requests(two, 20))
        slow = threading.Thread(target=one.get, args=("/sleep?seconds=3",))
        slow.start()
        wait_until(lambda: holds_a_request(one), "a request is held")
        assert one.stop() == 0  # It answers first.
        slow.join()
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=one.name) == 21, "the last one is counted")
        assert not exporter.scrape().series("gunicorn_requests_total", app="unknown")


def test_twenty_gunicorns_that_start_at_once_are_each_their_own():
    """Half of them send a prefix of their own that names nobody here, half have no title, half send over UDP."""
    with AnyTransport() as exporter, contextlib.ExitStack() as stack, ThreadPoolExecutor(20) as pool:
        gunicorns = [
            Sender(
                exporter, transport, workers=1, setproctitle=number % 4 < 2,
                statsd_prefix=unique_name("galaxy") if number % 2 else None,
            )
            for transport in ("udp", "unix") for number in range(10)
        ]  # fmt: skip

        def start_and_ask(gunicorn):
            stack.enter_context(gunicorn)
            make_requests(gunicorn, ["/", "/status/404"], 4)

        list(pool.map(start_and_ask, gunicorns))
        assert_counted(exporter, {gunicorn.name: 4 for gunicorn in gunicorns})
        # Sent once, before the first request.
        workers = exporter.scrape().by("app", "gunicorn_arbiter_workers")
        assert workers == {gunicorn.name: 1 for gunicorn in gunicorns}


def test_tcp_names_no_sender():
    rest = unique_name("rest")
    with AnyTransport(config=f"statsd:\n  default_app: {rest}\n") as exporter, contextlib.ExitStack() as stack:
        gunicorns = [stack.enter_context(Sender(exporter, "tcp")) for _ in range(2)]
        wait_until(
            lambda: all(exporter.value("gunicorn_is_running", app=gunicorn.name) == 1 for gunicorn in gunicorns),
            "both are known",
        )
        at_once(*[requests(gunicorn, 50) for gunicorn in gunicorns])
        wait_until(lambda: exporter.value("gunicorn_requests_total", app=rest) == 100, "both are counted as the rest")
        for gunicorn in gunicorns:
            assert exporter.value("gunicorn_requests_total", app=gunicorn.name) == 0


def test_a_tag_or_a_prefix_names_the_sender_over_tcp():
    with AnyTransport() as exporter, contextlib.ExitStack() as stack:
        name = unique_name("shop")
        one = stack.enter_context(Sender(exporter, "tcp", name=name, dogstatsd_tags=f"app:{name}"))
        name = unique_name("team.shop")
        two = stack.enter_context(Sender(exporter, "tcp", name=name, statsd_prefix=name))
        at_once(requests(one, 60), requests(two, 40))
        assert_counted(exporter, {one.name: 60, two.name: 40})
