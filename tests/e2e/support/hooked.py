"""A gunicorn with hooks of a framework's kind."""

from support.gunicorn import Gunicorn


class HookedGunicorn(Gunicorn):
    """`hooks` is the text of a configuration file of gunicorn's own."""

    def __init__(self, hooks, **options):
        super().__init__(**options)
        self.hooks = hooks

    def prepare(self):
        super().prepare()
        path = self.directory / "hooks.py"
        path.write_text(self.hooks)
        self.command[-1:-1] = ["--config", path]
