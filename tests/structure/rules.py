"""The rules of the house, as functions from a source tree to the list of what breaks them."""

import re
import subprocess

TOP_LEVEL = {"CMakeLists.txt", "README.md", "collectors", "config", "deploy", "exporter", "grafana", "tests"}
TOP_LEVEL_BY_CMAKE = {"CMakePresets.json"}

# What each folder may include of the project; everything may include its own folder.
MAY_INCLUDE = {
    "config": {"config"},
    "collectors": {"collectors", "config"},
    "exporter": {"exporter", "collectors", "config"},
    "tests": {"tests", "exporter", "collectors", "config"},
}
# These do not know each other; what joins them stands above them or is given in by exporter/.
APART = ["collectors/process", "collectors/statsd", "collectors/logs"]
# Used by these, and uses none of them.
BELOW_THEM = "collectors/series"

MAIN_LINES = 40
FILE_LINES = 400
CODE = (".cc", ".h")
SCRIPTS = (".py", ".js", ".mjs", ".jsx", ".css", ".html")
TYPE = re.compile(r"^(?:class|struct|enum(?: class)?) (\w+)[^;]*?\{", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def tracked_files(root):
    """Paths from the root of all files that are in git or would be: ignored ones are left out."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={root}", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    return sorted(path for path in listed.split("\0") if path and (root / path).is_file())


def top_level_errors(files):
    entries = {path.split("/")[0] for path in files}
    visible = {entry for entry in entries if not entry.startswith(".")} - TOP_LEVEL_BY_CMAKE
    return [f"{entry}: has no place at the top level" for entry in sorted(visible - TOP_LEVEL)] + [
        f"{entry}: is missing at the top level" for entry in sorted(TOP_LEVEL - visible)
    ]


def include_errors(root, files):
    errors = []
    known = set(files)
    for path in files:
        if path.endswith(CODE) and path.split("/")[0] in MAY_INCLUDE:
            for included in INCLUDE.findall((root / path).read_text()):
                error = _include_error(path, included, known)
                if error:
                    errors.append(f'{path}: includes "{included}", {error}')
    return errors


def _include_error(path, included, known):
    if included not in known:
        if _is_generated(path, included, known):
            return None
        return "which is no file of the repository; write it from the root"
    folder, target = path.split("/")[0], included.split("/")[0]
    if target not in MAY_INCLUDE[folder]:
        return f"which {folder} must not use"
    room = next((room for room in [*APART, BELOW_THEM] if path.startswith(room + "/")), None)
    other = next((other for other in APART if other != room and included.startswith(other + "/")), None)
    if room and other:
        return f"but {room} and {other} stand apart" if room != BELOW_THEM else f"but {room} stands below {other}"
    return None


def _is_generated(path, included, known):
    """CMake makes version.h of version.h.in and metrics.pb.h of metrics.proto, for the folder that they stand in."""
    folder = path.split("/")[0]
    stem = included if "/" in included else f"{folder}/{included}"
    made_of = stem.removesuffix(".pb.h") + ".proto" if stem.endswith(".pb.h") else stem + ".in"
    return made_of in known and stem.split("/")[0] in MAY_INCLUDE[folder]


def length_errors(root, files):
    errors = []
    for path in files:
        if path.endswith((*CODE, *SCRIPTS)):
            lines = len((root / path).read_text().splitlines())
            limit = MAIN_LINES if path == "exporter/main.cc" else FILE_LINES
            if lines > limit:
                errors.append(f"{path}: has {lines} lines; at most {limit}")
    return errors


def type_name_errors(root, files):
    """One namespace: two types of one name in two headers would break the one definition rule without a word."""
    homes = {}
    for path in files:
        if path.endswith(".h") and path.split("/")[0] in MAY_INCLUDE:
            for name in TYPE.findall((root / path).read_text()):
                homes.setdefault(name, []).append(path)
    return [f"{name}: is defined in {' and '.join(paths)}" for name, paths in homes.items() if len(set(paths)) > 1]


def unlisted_errors(root, files):
    """CMake lists its sources by name; one that it does not list is never compiled."""
    lists = {path: (root / path).read_text() for path in files if path.endswith("CMakeLists.txt")}
    errors = []
    for path in files:
        if not path.endswith(CODE) or path.split("/")[0] not in MAY_INCLUDE:
            continue
        # A header of the tests is support, and its users compile it.
        if path.startswith("tests/") and path.endswith(".h"):
            continue
        if not any(_lists(text, listing, path) for listing, text in lists.items()):
            errors.append(f"{path}: is in no CMakeLists.txt")
    return errors


def _lists(text, listing, path):
    if f"${{PROJECT_SOURCE_DIR}}/{path}" in text:
        return True
    folder = listing.removesuffix("CMakeLists.txt")
    if not path.startswith(folder):
        return False
    return re.search(rf"(?<![\w./-]){re.escape(path.removeprefix(folder))}(?![\w./-])", text) is not None
