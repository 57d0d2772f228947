"""A release, made twice of what is committed, in two places by two kinds of people: the same bytes, and each part of use.

Long: it compiles the program twice and makes two images. RELEASES=FOLDER:FOLDER looks at two that are made already.
"""

import gzip
import hashlib
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.exporter import ROOT

# (where the sources lie, what the caller's environment adds)
CALLERS = (
    ("sources", {}),
    ("some/other/folder", {"TZ": "Asia/Tokyo", "LANG": "C", "LC_ALL": "C", "CXXFLAGS": "-O0", "LDFLAGS": "-Wl,-z,lazy"}),
)


def output_of(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, text=True, stdout=subprocess.PIPE, **options).stdout


@pytest.fixture(scope="module", name="releases")
def make_releases(tmp_path_factory):
    if "RELEASES" in os.environ:
        return [Path(folder) for folder in os.environ["RELEASES"].split(":")]
    git = ["git", "-c", f"safe.directory={ROOT}/.git", "-C", ROOT]
    commit = output_of(*git, "rev-parse", "HEAD").strip()
    releases = []
    for number, (place, environment) in enumerate(CALLERS):
        work = tmp_path_factory.mktemp("release")
        (work / place).parent.mkdir(parents=True, exist_ok=True)
        output_of(*git, "clone", "--quiet", f"file://{ROOT}", work / place)
        # Of the same one, whatever is committed meanwhile.
        output_of("git", "-C", work / place, "checkout", "--quiet", commit)
        releases.append(work / "made")
        umask = ["sh", "-c", 'umask "$1"; shift; exec "$@"', "umask", ("022", "077")[number]]
        output_of(*umask, work / place / "deploy/release", releases[-1], env={**os.environ, **environment})
    return releases


@pytest.fixture(name="release")
def first(releases):
    return releases[0]


def one(release, pattern):
    [path] = release.glob(pattern)
    return path


def sums(release):
    return dict(reversed(line.split("  ")) for line in (release / "SHA256SUMS").read_text().splitlines())


def test_both_are_the_same(releases):
    before, after = map(sums, releases)
    assert len(before) == 4
    assert before == after


def test_the_checksums_are_those_of_all_files(release):
    assert set(sums(release)) == {path.name for path in release.iterdir()} - {"SHA256SUMS"}
    output_of("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=release)


def test_lintian_finds_nothing(release):
    words = ["lintian", "--allow-root", "--fail-on", "error,warning"]
    assert output_of(*words, one(release, "*.deb"), timeout=600) == ""


def test_the_tarball_has_the_packages_program_and_all_that_the_readme_links_to(release, tmp_path):
    with tarfile.open(one(release, "*.tar.gz")) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == sorted(member.name for member in members)
        assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
        assert len({member.mtime for member in members}) == 1
        archive.extractall(tmp_path)
    [folder] = tmp_path.iterdir()
    version = output_of(folder / "gunicorn_exporter", "--version")
    assert folder.name == f"gunicorn-exporter-{re.findall(r'version ([0-9.]+) ', version)[0]}"
    output_of("dpkg-deb", "--extract", one(release, "*.deb"), tmp_path / "package")
    packaged = tmp_path / "package/usr/bin/gunicorn_exporter"
    assert packaged.read_bytes() == (folder / "gunicorn_exporter").read_bytes()
    assert str(ROOT).encode() not in packaged.read_bytes()
    links = re.findall(r"\]\(([^):#]+)\)", (folder / "README.md").read_text())
    assert len(links) > 10
    assert [link for link in links if not (folder / link).exists()] == []
    for part in ("deploy/systemd/gunicorn-exporter.socket", "deploy/prometheus/gunicorn.alerts.yml", "grafana/dashboards"):
        assert (folder / part).exists(), part


@pytest.fixture(name="image")
def unpack_image(release, tmp_path):
    """(its configuration, its root filesystem)"""
    with tarfile.open(one(release, "*.image.tar")) as archive:
        [manifest] = json.load(archive.extractfile("manifest.json"))
        text = archive.extractfile(manifest["Config"]).read()
        [layer] = manifest["Layers"]
        archive.extract(layer, tmp_path)
    assert manifest["Config"] == f"{hashlib.sha256(text).hexdigest()}.json"
    config = json.loads(text)
    [digest] = config["rootfs"]["diff_ids"]
    with gzip.open(tmp_path / layer) as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == digest.removeprefix("sha256:")
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(tmp_path / layer) as archive:
        archive.extractall(root)
    return config, root


@pytest.mark.skipif(os.geteuid() != 0, reason="changes its root")
def test_the_image_holds_the_program_and_all_that_it_needs(release, image):
    config, root = image
    assert config["config"]["User"] == "65534:65534"
    assert set(config["config"]["ExposedPorts"]) == {"18125/tcp", "8125/udp"}
    as_nobody = ["chroot", "--userspec=65534:65534", root, *config["config"]["Entrypoint"]]
    assert output_of(*as_nobody, "--version") == output_of("chroot", root, "/usr/bin/gunicorn_exporter", "--version")
    assert not (root / "etc/gunicorn-exporter").exists()
    assert list((root / "dev").iterdir()) == []


def test_the_bill_of_materials_names_what_is_in_it(release, image):
    bill = json.loads(one(release, "*.spdx.json").read_text())
    packages = {package["SPDXID"]: package for package in bill["packages"]}
    assert len(packages) == len(bill["packages"])
    related = [(each["spdxElementId"], each["relationshipType"], each["relatedSpdxElement"]) for each in bill["relationships"]]
    described = [other for _, kind, other in related if kind == "DESCRIBES"]
    checksums = {packages[name]["packageFileName"]: packages[name]["checksums"][0]["checksumValue"] for name in described}
    assert checksums == {name: digest for name, digest in sums(release).items() if not name.endswith(".json")}
    assert {name for one_, _, other in related for name in (one_, other)} == {*packages, "SPDXRef-DOCUMENT"}

    def named(kind, file):
        """The Debian packages that are so related to that file, with their versions."""
        [own] = (name for name in described if packages[name]["packageFileName"].endswith(file))
        others = [{one_, other} - {own} for one_, each, other in related if each == kind and own in (one_, other)]
        return {(packages[name]["name"], packages[name]["versionInfo"]) for [name] in others}

    depends = output_of("dpkg-deb", "--field", one(release, "*.deb"), "Depends").strip()
    wanted = set(re.sub(r" \([^)]*\)", "", depends).split(", "))
    # What Debian calls by a name that another package provides.
    wanted = wanted - {"libspdlog1.10-fmt9"} | {"libspdlog1.10"}
    assert {name for name, _ in named("DEPENDS_ON", ".deb")} == wanted
    to_build = (ROOT / "deploy/packages.txt").read_text()
    assert {name for name, _ in named("BUILD_DEPENDENCY_OF", ".deb")} == set(re.findall(r"^(?:build|package) +(\S+)", to_build, re.MULTILINE))
    _, root = image
    form = "--showformat=${Package} ${Version}\n"
    installed = output_of("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show", form).splitlines()
    assert named("CONTAINS", ".image.tar") == {tuple(line.split()) for line in installed if not line.startswith("gunicorn-exporter ")}


def test_it_is_made_of_what_is_committed_alone(tmp_path):
    sources = tmp_path / "sources"
    output_of("git", "-c", f"safe.directory={ROOT}/.git", "clone", "--quiet", f"file://{ROOT}", sources)
    (sources / "README.md").write_text("changed\n")
    words = [sources / "deploy/release", tmp_path / "made"]
    done = subprocess.run(words, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.startswith("release: a release is made of what is committed, and this is not:\n M README.md")
    assert not (tmp_path / "made").exists()
