"""The tables of the README and its reference pages, against what the program really emits and takes."""

import re
import shutil
import socket
import subprocess

from support import CgroupGunicorn, Exporter, free_port, parse_scrape, run_exporter, send_udp, wait_until
from support.cgroups import LIMITS, QUOTAS
from support.exporter import ROOT
from support.pages import README, anchors, documented_series, table_rows

FIXTURES = ROOT / "tests/fixtures"
# Of every series of an app.
COMMON_LABELS = {"app"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


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
instances:
  - proc_name: my_app
    threads: 1
process:
  per_worker: true
logs:
  - type: file
    path: {log}
    service: my_app
"""


ARGS = ["--capture-output", "--timeout", "30"]  # An untitled gunicorn tells its timeout.


def optional_parts():
    return [f"--statsd.listen-tcp=127.0.0.1:{free_port()}", f"--statsd.relay-address=127.0.0.1:{free_port()}"]


def scrape_of_a_living_app(tmp_path, cgroup):
    log = tmp_path / "error.log"
    log.touch()
    with (
        Exporter(CONFIG.format(log=log), flags=optional_parts()) as exporter,
        CgroupGunicorn(cgroup, name="my_app", statsd=exporter, args=ARGS + ["--error-logfile", log], setproctitle=False) as gunicorn,
        socket.create_server(("127.0.0.1", 0)) as upstream,
    ):
        gunicorn.get(f"/open?port={upstream.getsockname()[1]}")
        send_udp(exporter.statsd_port, "my_app.gunicorn.backlog:3|h", "broken", "other:1|c")

        def complete():
            scrape = exporter.scrape()
            return (
                scrape.get("gunicorn_workers", app="my_app", state="idle") is not None
                and scrape.get("gunicorn_requests_total", app="my_app") == 1
                and scrape.get("gunicorn_arbiter_workers", app="my_app") is not None
                and scrape.get("gunicorn_backlog_connections_count", app="my_app") == 1
                and scrape.get("gunicorn_listen_queue_length", app="my_app") is not None
                and scrape.get("gunicorn_upstream_connections", app="my_app") == 1
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


def test_the_tables_of_series_are_what_is_emitted(tmp_path, make_cgroup):  # noqa: F811
    cgroup = make_cgroup({"cpu": QUOTAS, "memory": LIMITS})
    assert emitted([scrape_of_a_living_app(tmp_path, cgroup), scrape_of_a_dirty_arbiter(tmp_path)]) == {
        name: (kind, labels - COMMON_LABELS) for name, (kind, labels) in documented_series().items()
    }


def test_the_table_of_flags_is_the_help():
    text = run_exporter("--help").stdout
    in_help = {flag for flag in re.findall(r"--[a-z]+\.[a-z.-]+", text)}
    in_table = {row[0].strip("`").replace("[no-]", "") for row in table_rows("flag")}
    assert {flag.replace("--no-", "--") for flag in in_help} == in_table


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 250


def broken_links(page):
    for link in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{page.relative_to(ROOT)}: {link}"


def test_every_page_that_is_linked_exists():
    pages = [README, *(ROOT / "deploy").rglob("*.md")]
    assert [link for page in pages for link in broken_links(page)] == []
    # Every page can be reached from the README, in two steps at most.
    linked = {(README.parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+)", README.read_text())}
    linked |= {(page.parent / link).resolve() for page in list(linked) if page.suffix == ".md" for link in re.findall(r"\]\(([^)#:]+)", page.read_text())}
    assert set(pages) - linked == {README}


def test_the_commands_in_shell_blocks_exist():
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL))
    scripts = set(re.findall(r"^((?:deploy|tests)/[\w./-]+)", blocks, re.MULTILINE))
    assert {"deploy/quickstart", "tests/run"} <= scripts
    for script in scripts:
        text = (ROOT / script).read_text()
        if text.startswith("#!/usr/bin/python3\n"):
            compile(text, script, "exec")
        else:
            subprocess.run(["bash", "-n", ROOT / script], check=True)
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} cannot be run"
