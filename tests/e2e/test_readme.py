"""The README's tables against what the program really emits, answers and takes."""

import re
import shutil
import subprocess

from support import Exporter, Gunicorn, free_port, parse_scrape, run_exporter, send_udp, wait_until
from support.exporter import ROOT

README = (ROOT / "README.md").read_text()
FIXTURES = ROOT / "tests/fixtures"
# Of every series of an app.
COMMON_LABELS = {"app"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


def tables(first_column):
    """The rows of every table whose first heading is that, as lists of cells."""
    rows, inside = [], False
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_column:
            inside = True
        elif inside and not set(cells[0]) <= set("-"):
            rows.append(cells)
    return rows


def documented():
    """{name: (type, labels)} of the README."""
    return {
        row[0].strip("`"): (row[1], set(re.findall(r"`([^`]+)`", row[2])) - COMMON_LABELS)
        for row in tables("series")
    }


def emitted(scrapes):
    """The same of some scrapes; labels are those of all series of a family together."""
    found = {}
    for text in scrapes:
        samples = parse_scrape(text).samples
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
            names = {name + suffix for suffix in SUFFIXES.get(kind, ("",))}
            labels = {label for sample in samples if sample.name in names for label in sample.labels}
            _, known = found.setdefault(name, (kind, set()))
            known |= labels - COMMON_LABELS
    return found


CONFIG = """
process:
  per_worker: true
logs:
  - type: file
    path: {log}
    service: my_app
"""


def optional_parts():
    return [f"--statsd.listen-tcp=127.0.0.1:{free_port()}", f"--statsd.relay-address=127.0.0.1:{free_port()}"]


def scrape_of_a_living_app(tmp_path):
    log = tmp_path / "error.log"
    log.touch()
    with (
        Exporter(CONFIG.format(log=log), flags=optional_parts()) as exporter,
        Gunicorn(name="my_app", statsd=exporter, args=["--error-logfile", log, "--capture-output"]) as gunicorn,
    ):
        gunicorn.get("/")
        send_udp(exporter.statsd_port, "my_app.gunicorn.backlog:3|h", "broken", "other:1|c")

        def complete():
            scrape = exporter.scrape()
            return (
                scrape.get("gunicorn_workers", app="my_app", state="idle") is not None
                and scrape.get("gunicorn_requests_total", app="my_app") == 1
                and scrape.get("gunicorn_arbiter_workers", app="my_app") is not None
                and scrape.get("gunicorn_backlog_connections_count", app="my_app") == 1
                and scrape.get("gunicorn_listen_queue_length", app="my_app") is not None
                and scrape.get("gunicorn_worker_events_total", app="my_app", event="boot") is not None
            )

        wait_until(complete, "every collector knows my_app")
        return exporter.get("/metrics").text


def scrape_of_a_dirty_arbiter(tmp_path):
    """Debian's gunicorn has none: a recorded process table, with a file that cannot be read."""
    table = tmp_path / "proc"
    shutil.copytree(FIXTURES / "proc/gunicorn-26.1/dirty/idle", table)
    (table / "8888/cgroup").mkdir()
    with Exporter(flags=[f"--path.procfs={table}"]) as exporter:
        return exporter.get("/metrics").text


def test_the_tables_of_series_are_what_is_emitted(tmp_path):
    assert emitted([scrape_of_a_living_app(tmp_path), scrape_of_a_dirty_arbiter(tmp_path)]) == documented()


def test_the_table_of_flags_is_the_help():
    text = run_exporter("--help").stdout
    in_help = {flag for flag in re.findall(r"--[a-z]+\.[a-z.-]+", text)}
    in_readme = {row[0].strip("`").replace("[no-]", "") for row in tables("flag")}
    assert {flag.replace("--no-", "--") for flag in in_help} == in_readme


def test_every_file_that_is_linked_exists():
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_commands_in_shell_blocks_exist():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    scripts = set(re.findall(r"^((?:deploy|tests)/[\w./-]+)", blocks, re.MULTILINE))
    assert {"deploy/quickstart", "tests/run"} <= scripts
    for script in scripts:
        subprocess.run(["bash", "-n", ROOT / script], check=True)
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} cannot be run"
