"""The StatsD load of the soak: many apps over UDP and a unix socket, paced, and known to the line.

    python3 load.py UDP_PORT UNIX_PATH LINES_A_SECOND

A packet is one line, as gunicorn's are. Sends until SIGTERM, then prints how many packets each app sent, in JSON.
What must come of them is known without being sent back: an app sends the lines of `cycle` in turn, for ever.
"""

import collections
import itertools
import json
import signal
import socket
import sys
import time
from dataclasses import dataclass

TICK_SECONDS = 0.005
# After a pause the rest comes at most this many times as fast: a burst of a second would overflow any buffer.
CATCH_UP = 4
# The name of an app that is heard for a minute only; {} is the minute.
PASSING = "soak_passing_{}"
PASSING_SECONDS = 60
CODES = [200] * 14 + [302, 404, 404, 429, 500, 503]


@dataclass
class App:
    name: str
    transport: str
    prefix: str = ""  # gunicorn's --statsd-prefix, with its dot.
    tags: str = ""


APPS = [
    App("soak_a", "udp", tags="app:soak_a"),
    App("soak_b", "udp", prefix="soak_b."),
    App("soak_c", "udp", tags="env:test,app:soak_c,bare"),
    App("soak_d", "unixgram", tags="app:soak_d"),
    App("soak_e", "unixgram", prefix="soak_e."),
    App("soak_f", "unixgram", tags="app:soak_f"),
    # Over the unix socket, whose lines are counted as a whole: its series may expire.
    App("passing", "unixgram", tags="app:" + PASSING),
]


def cycle():
    """Twenty requests, an error, a line that is refused, one that is ignored: (line, {what it counts as: how many})."""
    lines = []
    for number, code in enumerate(CODES):
        lines += [
            (f"gunicorn.request.duration:{number * 7 + 1}.25|ms", {"durations": 1}),
            ("gunicorn.requests:1|c|@1.0", {"requests": 1}),
            (f"gunicorn.request.status.{code}:1|c|@1.0", {f"status {code}": 1}),
        ]
    lines.append(("gunicorn.log.error:1|c|@0.5", {"errors": 2}))
    lines.append(("gunicorn.requests:many|c", {"refused": 1}))
    lines.append(("myapp.logins:1|c", {"ignored": 1}))
    return lines


def expected(packets):
    """What an app that sent that many packets has sent, by what it counts as."""
    rounds, rest = divmod(packets, len(cycle()))
    counts = collections.Counter()
    for number, (_, effect) in enumerate(cycle()):
        for key, value in effect.items():
            counts[key] += value * (rounds + (number < rest))
    return counts


def packets_of(app, name):
    tags = "|#" + app.tags.format(name) if app.tags else ""
    return [(app.prefix + line + tags).encode() for line, _ in cycle()]


class Sender:
    """Sends the packets of every app in turn; `sent` has how many, by app."""

    def __init__(self, udp_port, unix_path):
        sockets = {
            "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "unixgram": socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        }
        sockets["udp"].connect(("127.0.0.1", udp_port))
        sockets["unixgram"].connect(unix_path)
        self.sends = [sockets[app.transport].send for app in APPS]
        self.packets = [packets_of(app, 0) for app in APPS]
        self.sent = [0] * len(APPS)
        self.turn = itertools.cycle(range(len(APPS)))
        self.minute = 0

    def send(self, count):
        for _ in range(count):
            app = next(self.turn)
            packets = self.packets[app]
            self.sends[app](packets[self.sent[app] % len(packets)])
            self.sent[app] += 1

    def set_minute(self, minute):
        if minute != self.minute:
            self.minute = minute
            self.packets[-1] = packets_of(APPS[-1], minute)


def main():
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The terminal's: whoever started this one says when.
    sender = Sender(int(sys.argv[1]), sys.argv[2])
    rate = float(sys.argv[3])
    begin = time.monotonic()
    sent = 0
    while not stopped:
        elapsed = time.monotonic() - begin
        count = min(int(elapsed * rate) - sent, int(rate * TICK_SECONDS * CATCH_UP))
        sender.set_minute(int(elapsed / PASSING_SECONDS))
        sender.send(count)
        sent += count
        time.sleep(TICK_SECONDS)
    seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "sent": dict(zip([app.name for app in APPS], sender.sent))}))


if __name__ == "__main__":
    main()
