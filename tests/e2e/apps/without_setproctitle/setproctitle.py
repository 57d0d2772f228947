"""Stands before the real module on PYTHONPATH: a gunicorn on a machine without setproctitle."""

raise ImportError("setproctitle is hidden by the test")
