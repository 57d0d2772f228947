"""A folder that looks like /proc, for --path.procfs: titles that no real process of the test could take."""

import os
from pathlib import Path


class FakeProc:
    """`root` is an empty folder."""

    def __init__(self, root):
        self.root = Path(root)
        (self.root / "stat").write_text("cpu 1 2 3\nbtime 1700000000\nprocesses 5\n")

    def add(self, pid, ppid, title):
        """A process whose title is these bytes, padded as setproctitle does it; it is there at once, whole."""
        folder = self.root / f"{pid}.new"
        folder.mkdir()
        comm = title[:15]
        (folder / "cmdline").write_bytes(title + bytes(40))
        (folder / "comm").write_bytes(comm + b"\n")
        (folder / "fd").mkdir()
        (folder / "net").mkdir()
        (folder / "net/tcp").touch()  # A network namespace of its own, without a socket.
        numbers = b" %d 1 1 0 -1 4194368 0 0 0 0 5 5 0 0 20 0 1 0 %d 1000000 100 0 0 0\n" % (ppid, 1000 + pid)
        (folder / "stat").write_bytes(b"%d (" % pid + comm + b") S" + numbers)
        folder.rename(self.root / str(pid))

    def add_app(self, pid, name):
        """A master and its worker, with the pid after."""
        self.add(pid, 1, b"gunicorn: master [" + name + b"]")
        self.add(pid + 1, pid, b"gunicorn: worker [" + name + b"]")

    def block(self, pid):
        """A process that whoever reads of it waits for; returns what lets them go on."""
        folder = self.root / str(pid)
        folder.mkdir()
        pipe = folder / "stat"
        os.mkfifo(pipe)
        return Blockade(pipe, folder)


class Blockade:
    def __init__(self, pipe, folder):
        self.pipe = pipe
        self.folder = folder

    def lift(self):
        """Nobody waits any longer, and nobody will."""
        away = self.pipe.with_name("lifted")
        self.pipe.rename(away)
        # Without a blocking open: who waits has the other end open already.
        try:
            os.close(os.open(away, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            pass  # Nobody waits.
        away.unlink()
        self.folder.rmdir()
