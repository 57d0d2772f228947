"""Holds the source tree to the rules of the house, and the rules to examples that break them."""

from pathlib import Path

import pytest
import rules

ROOT = Path(__file__).resolve().parents[2]
FILES = rules.tracked_files(ROOT)


def test_the_top_level_holds_what_it_should_and_nothing_else():
    assert rules.top_level_errors(FILES) == []


def test_includes_obey_the_direction_of_dependency():
    assert rules.include_errors(ROOT, FILES) == []


def test_files_are_short():
    assert rules.length_errors(ROOT, FILES) == []


def test_cmake_lists_every_source():
    assert rules.unlisted_errors(ROOT, FILES) == []


@pytest.mark.parametrize("folder", ["e2e", "deploy"])
def test_ctest_runs_every_file_of_tests(folder):
    listed = (ROOT / "tests" / folder / "CMakeLists.txt").read_text()
    names = [path.stem.removeprefix("test_") for path in (ROOT / "tests" / folder).glob("test_*.py")]
    assert names
    assert [name for name in names if f"add_pytest({folder} {name}" not in listed] == []


def test_a_type_has_one_home():
    assert rules.type_name_errors(ROOT, FILES) == []


def make_tree(root, texts):
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return sorted(texts)


@pytest.mark.parametrize(
    ("path", "included"),
    [
        ("config/a.cc", "collectors/b.h"),
        ("config/a.cc", "exporter/b.h"),
        ("collectors/a.cc", "exporter/b.h"),
        ("exporter/a.cc", "tests/b.h"),
        ("collectors/process/a.cc", "collectors/statsd/b.h"),
        ("collectors/statsd/a.h", "collectors/logs/b.h"),
        ("collectors/logs/a.cc", "collectors/process/b.h"),
        ("collectors/series/a.h", "collectors/statsd/b.h"),
    ],
)
def test_an_include_against_the_direction_is_found(tmp_path, path, included):
    files = make_tree(tmp_path, {path: f'#include "{included}"\n', included: ""})
    assert len(rules.include_errors(tmp_path, files)) == 1


@pytest.mark.parametrize(
    ("path", "included"),
    [
        ("config/a.cc", "config/b.h"),
        ("collectors/statsd/a.cc", "collectors/b.h"),
        ("collectors/b.cc", "collectors/process/b.h"),
        ("collectors/logs/a.cc", "collectors/series/b.h"),
        ("exporter/a.cc", "collectors/process/b.h"),
        ("tests/unit/a.cc", "exporter/b.h"),
    ],
)
def test_an_include_with_the_direction_is_not(tmp_path, path, included):
    files = make_tree(tmp_path, {path: f'#include "{included}"\n', included: ""})
    assert rules.include_errors(tmp_path, files) == []


def test_an_include_that_is_not_from_the_root_is_found(tmp_path):
    files = make_tree(tmp_path, {"config/a.cc": '#include "b.h"\n#include <vector>\n', "config/b.h": ""})
    assert rules.include_errors(tmp_path, files) == [
        'config/a.cc: includes "b.h", which is no file of the repository; write it from the root'
    ]


def test_an_include_of_a_generated_header_is_allowed_where_it_is_made(tmp_path):
    texts = {"exporter/a.cc": '#include "version.h"\n', "exporter/version.h.in": "", "config/a.cc": ""}
    assert rules.include_errors(tmp_path, make_tree(tmp_path, texts)) == []
    texts["config/a.cc"] = '#include "exporter/version.h"\n'
    assert len(rules.include_errors(tmp_path, make_tree(tmp_path, texts))) == 1


def test_a_stranger_and_a_gap_at_the_top_level_are_found():
    files = [f"{entry}/x" if "." not in entry else entry for entry in rules.TOP_LEVEL] + [".gitignore"]
    assert rules.top_level_errors([*files, "CMakePresets.json"]) == []
    assert rules.top_level_errors([*files, "Makefile"]) == ["Makefile: has no place at the top level"]
    without = [path for path in files if path != "README.md"]
    assert rules.top_level_errors(without) == ["README.md: is missing at the top level"]


def test_a_long_file_and_a_long_main_are_found(tmp_path):
    texts = {
        "exporter/main.cc": "x\n" * 41,
        "exporter/a.cc": "x\n" * 401,
        "exporter/b.cc": "x\n" * 400,
        "exporter/page.js": "x\n" * 401,
    }
    assert rules.length_errors(tmp_path, make_tree(tmp_path, texts)) == [
        "exporter/a.cc: has 401 lines; at most 400",
        "exporter/main.cc: has 41 lines; at most 40",
        "exporter/page.js: has 401 lines; at most 400",
    ]


def test_a_source_that_cmake_does_not_list_is_found(tmp_path):
    texts = {
        "config/CMakeLists.txt": "add_library(x a.cc sub/c.cc)",
        "config/a.cc": "",
        "config/aa.cc": "",
        "config/sub/c.cc": "",
    }
    assert rules.unlisted_errors(tmp_path, make_tree(tmp_path, texts)) == ["config/aa.cc: is in no CMakeLists.txt"]


def test_a_type_of_two_homes_is_found(tmp_path):
    files = make_tree(tmp_path, {"config/a.h": "struct A {\n};\n", "exporter/b.h": "class A final {\n};\nclass C;\n"})
    assert rules.type_name_errors(tmp_path, files) == ["A: is defined in config/a.h and exporter/b.h"]
