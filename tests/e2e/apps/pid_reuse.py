"""The first process of a pid namespace: a gunicorn by its titles, whose worker goes and leaves its pid to another.

Reads steps from stdin, answers each with the worker's pid:

    worker          a worker that burns 0.2 s of CPU time, then sleeps
    reuse worker    ends it, and makes another that does the same under the same pid
    reuse other     ends it, and starts another program under the same pid
"""

import os
import signal
import sys

from setproctitle import setproctitle

APP = sys.argv[1]


BURN = """
import time
while time.process_time() < 0.2:
    pass
time.sleep(600)
"""


def make(title, pid=None):
    """A child, under that pid where one is given: the kernel counts on from ns_last_pid, proc(5)."""
    if pid is not None:
        with open("/proc/sys/kernel/ns_last_pid", "w", encoding="ascii") as last:
            last.write(str(pid - 1))
    child = os.fork()
    if child == 0:
        if title is None:
            os.execv(sys.executable, [sys.executable, "-c", BURN])
        setproctitle(title)
        exec(BURN)
        os._exit(0)
    assert pid in (None, child), f"asked for pid {pid}, got {child}"
    return child


def main():
    setproctitle(f"gunicorn: master [{APP}]")
    worker = None
    for line in sys.stdin:
        words = line.split()
        pid = None
        if words[0] == "reuse":
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)
            pid = worker
        title = None if words[-1] == "other" else f"gunicorn: worker [{APP}]"
        worker = make(title, pid)
        print(worker, flush=True)


if __name__ == "__main__":
    main()
