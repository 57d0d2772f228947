"""The end-to-end tests' rules hold here too: their logs of what failed, and no process left behind."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("e2e_conftest", Path(__file__).parent.parent / "e2e/conftest.py")
_e2e_conftest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e_conftest)


def pytest_configure(config):
    config.pluginmanager.register(_e2e_conftest)
