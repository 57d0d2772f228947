"""A gunicorn in a network namespace of its own, and its clients there."""

import contextlib
import os
import signal
import subprocess

from support.gunicorn import Gunicorn

PORT = 8000
ADDRESS = f"0.0.0.0:{PORT}"
# Each line on its stdin is a path; with a "+" before it the answer is waited for, and the connection is kept.
CLIENT = """
import http.client, sys
kept = []
for line in sys.stdin:
    path = line.strip()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request("GET", path.lstrip("+"))
    if path.startswith("+"):
        connection.getresponse().read()
    kept.append(connection)
    print("done", flush=True)
""".replace("PORT", str(PORT))


class ElsewhereGunicorn(Gunicorn):
    def __init__(self, **options):
        super().__init__(bind=ADDRESS, **options)

    def prepare(self):
        super().prepare()
        self.command = ["unshare", "--net", *self.command]

    def is_ready(self):
        return len(self.worker_pids()) == self.workers

    def end_held_requests(self):
        for pid in self.worker_pids():
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def client_beside(gunicorn):
    inside = ["nsenter", "--net", f"--target={gunicorn.pid}"]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    command = [*inside, "/usr/bin/python3", "-c", CLIENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:

        def ask(path):
            client.stdin.write(path + "\n")
            client.stdin.flush()
            assert client.stdout.readline() == "done\n", f"the client ended at {path}"

        try:
            yield ask
        finally:
            client.kill()
