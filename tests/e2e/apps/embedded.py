"""A program that embeds gunicorn: embedded.py ADDRESS WORKERS. Nothing in its command line is gunicorn's."""

import sys

from demo import application
from gunicorn.app.base import BaseApplication


class Program(BaseApplication):
    def init(self, parser, opts, args):
        raise NotImplementedError

    def load_config(self):
        self.cfg.set("bind", sys.argv[1])
        self.cfg.set("workers", int(sys.argv[2]))

    def load(self):
        return application


Program().run()
