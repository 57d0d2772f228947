"""`gunicorn_exporter check`: the agents' status page of one pass, and its exit codes."""

import os
import re
import signal
import subprocess

from support import Gunicorn, run_exporter, unique_name


def check(path, text, *flags):
    path.write_text(text)
    return run_exporter("check", f"--config.file={path}", *flags)


def test_one_app_that_runs_and_one_that_does_not(tmp_path):
    here, absent = unique_name("here"), unique_name("absent")
    with Gunicorn(name=here, workers=3):
        run = check(tmp_path / "c.yml", f"instances:\n  - proc_name: {here}\n  - proc_name: {absent}\n")
    assert run.code == 2, run
    # Another test may run one without a name meanwhile, which check tells whoever asks.
    lines = [line for line in run.stdout.splitlines() if line and "a gunicorn runs here that has no name" not in line]
    assert lines[:2] == ["Checks", "======"]
    assert re.fullmatch(r"  gunicorn \(\d+\.\d+\.\d+\)", lines[2])
    assert lines[3] == "  " + "-" * (len(lines[2]) - 2)
    assert re.fullmatch(rf"    - instance #0 \[OK\]: {here}: 1 master, [0-3] idle and [0-3] working workers", lines[4])
    idle, working = map(int, re.findall(r"(\d) (?:idle|working)", lines[4]))
    assert idle + working == 3
    # It goes on where another test runs a gunicorn without a title meanwhile.
    assert lines[5].partition(" (found without a process title")[0] == (
        f"    - instance #1 [ERROR]: 'Found no master process with name: gunicorn: master [{absent}]'"
    )
    assert lines[6] == "    - Collected 2 metrics, 0 events & 2 service checks"
    assert len(lines) == 7


def test_all_that_run_are_zero(tmp_path):
    with Gunicorn(workers=1) as gunicorn:
        run = check(tmp_path / "c.yml", f"instances:\n  - proc_name: {gunicorn.name}\n")
    assert run.code == 0, run
    assert f"[OK]: {gunicorn.name}: 1 master" in run.stdout


def test_a_master_without_a_worker_is_critical(tmp_path):
    with Gunicorn(workers=1) as gunicorn:
        gunicorn.send_signal(signal.SIGSTOP)  # So that it does not replace the worker.
        os.kill(gunicorn.worker_pids()[0], signal.SIGKILL)
        gunicorn.wait_for_workers(0)
        run = check(tmp_path / "c.yml", f"instances:\n  - proc_name: {gunicorn.name}\n")
        gunicorn.send_signal(signal.SIGCONT)
    assert run.code == 2, run
    assert "instance #0 [" in run.stdout
    assert "[OK]" not in run.stdout


def test_discovery_lists_what_runs(tmp_path):
    with Gunicorn(workers=1) as gunicorn:
        run = check(tmp_path / "c.yml", "")
    assert f"[OK]: {gunicorn.name}: 1 master" in run.stdout


def test_nothing_to_check_cannot_tell(tmp_path):
    procfs = tmp_path / "proc"
    procfs.mkdir()
    run = check(tmp_path / "c.yml", "", f"--path.procfs={procfs}")
    assert run.code == 3, run
    assert "the process table holds no process at all" in run.stdout


def test_no_process_table_cannot_tell(tmp_path):
    text = "instances:\n  - proc_name: shop\n"
    run = check(tmp_path / "c.yml", text, f"--path.procfs={tmp_path}/missing")
    assert run.code == 3, run


def test_a_bad_configuration_is_one(tmp_path):
    run = check(tmp_path / "c.yml", "instance:\n")
    assert run.code == 1, run
    assert f"{tmp_path}/c.yml:1: instance" in run.stderr
    assert run.stdout == ""


def test_a_gunicorn_without_a_title_is_told_about_setproctitle(tmp_path):
    with Gunicorn(workers=1, setproctitle=False) as gunicorn:
        run = check(tmp_path / "c.yml", f"instances:\n  - proc_name: {gunicorn.name}\n")
    assert gunicorn.name in run.stdout
    assert "setproctitle" in run.stdout


def test_an_untitled_gunicorn_of_another_name_is_told_beside_who_is_missing(tmp_path):
    absent = unique_name("absent")
    with Gunicorn(workers=1, setproctitle=False) as gunicorn:
        run = check(tmp_path / "c.yml", f"instances:\n  - proc_name: {absent}\n")
    assert run.code == 2, run
    (line,) = [line for line in run.stdout.splitlines() if "instance #" in line]
    assert f"'Found no master process with name: gunicorn: master [{absent}]' (" in line
    assert gunicorn.name in line
    assert "setproctitle" in line


def test_it_binds_no_port(tmp_path):
    """It may run beside the exporter that holds the ports."""
    with Gunicorn(workers=1) as gunicorn:
        text = f"instances:\n  - proc_name: {gunicorn.name}\n"
        address = f"127.0.0.1:{gunicorn.port}"
        run = check(tmp_path / "c.yml", text, f"--web.listen-address={address}", f"--statsd.listen-tcp={address}")
    assert run.code == 0, run


def test_a_gunicorn_that_is_too_old_for_the_unix_socket_is_told(tmp_path):
    """Debian 12's. It would not start with it, so that nothing else could say why no line comes."""
    shown = subprocess.run(["/usr/bin/gunicorn", "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout
    [version] = re.findall(r"version ([\d.]+)", shown)
    told = f"gunicorn {version} does not start with a unix socket as --statsd-host, which takes 21 or later"
    with Gunicorn(workers=1) as gunicorn:
        text = f"instances:\n  - proc_name: {gunicorn.name}\n"
        run = check(tmp_path / "c.yml", text, f"--statsd.listen-unixgram={tmp_path}/statsd.sock")
    assert f"[OK]: {gunicorn.name}: 1 master" in run.stdout
    assert (told in run.stdout) == (int(version.split(".")[0]) < 21), run.stdout
