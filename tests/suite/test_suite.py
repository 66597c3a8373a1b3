"""What `make test`, `make check` and `make test-failed` stand on."""

from __future__ import annotations

import json
import sys

import pytest

from tests.suite import durations, notebooks
from tests.suite.__main__ import run_and_summarize
from tests.suite.rooms import ROOT, Target, UnknownTestError, find_target, selection
from tests.suite.side_by_side import Command, run_all


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("tests/cluster/test_rest.py", Target("tests/cluster/test_rest.py", "spark", folder=False)),
        ("tests/dags/test_policy.py::t[a b]", Target("tests/dags/test_policy.py::t[a b]", "airflow", folder=False)),
        ("./tests/airflow/", Target("tests/airflow", "airflow", folder=True)),
        (" tests/airflow_home.py ", Target("tests/airflow_home.py", "spark", folder=False)),
        ("tests", Target("tests", "spark", folder=True)),
    ],
)  # fmt: skip
def test_a_test_is_run_in_the_environment_of_its_folder(text, target):
    assert find_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "tests/nowhere.py", "tests/../README.md", "/etc/passwd", "../x", "--help", "tests/dags::name", "$(id)"]
)
def test_what_is_no_test_is_refused_with_a_good_value(text):
    with pytest.raises(UnknownTestError, match="name its file" if "::" in text else "T=tests/cluster"):
        find_target(text)


def test_every_test_belongs_to_one_selection_and_those_in_containers_to_none():
    ignored = {word.removeprefix("--ignore=") for word in selection("spark") if word.startswith("--ignore=")}
    assert ignored == {*selection("airflow"), "tests/compose"}
    assert selection("spark")[-1] == "tests"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_commands_run_side_by_side_and_all_of_them_whatever_fails(tmp_path, capsys):
    # Each waits for what the other one does: one after the other neither would end.
    wait = (
        "import sys, time, pathlib\n"
        "mine, other = map(pathlib.Path, sys.argv[1:])\n"
        "mine.touch()\n"
        "while not other.exists(): time.sleep(.01)\n"
        "print('met')"
    )
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    ended = run_all([
        [Command("one", [*python(wait), a, b]), Command("bad", python("print('why'); exit(3)"), quiet=True)],
        [Command("two", [*python(wait), b, a]), Command("good", python("print('unsaid')"), quiet=True)],
    ])  # fmt: skip
    assert {(each.name, each.status, each.failed) for each in ended} == {
        ("one", 0, False), ("two", 0, False), ("bad", 3, True), ("good", 0, False),
    }  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert {"one  | met", "two  | met", "bad  | why"} <= set(lines)
    assert not any("unsaid" in line for line in lines)


def test_failures_are_repeated_at_the_end_of_a_run(capsys):
    text = "print('....'); print('FAILED tests/a/test_1.py::test_it - boom'); exit(1)"
    assert run_and_summarize([[Command("spark", python(text))]], lambda: print("a table")) == 1
    *_, table, failure, status, summary = capsys.readouterr().out.splitlines()
    assert (table, failure) == ("a table", "spark: FAILED tests/a/test_1.py::test_it - boom")
    assert status.split()[:2] == ["FAILED", "spark"]
    assert summary.startswith("FAILED: spark")


def test_nothing_collected_is_no_failure_where_it_is_said_so():
    (ended,) = run_all([[Command("failed", python("exit(5)"), good=(0, 5))]])
    assert not ended.failed


def test_a_room_that_grew_by_a_fifth_is_named_and_a_new_one_too():
    table = {"tests/a/test_1.py": 30.0, "tests/a/test_2.py": 30.0, "tests/b/test_1.py": 10.0, "tests/c/test_1.py": 1.0}
    measured = {"tests/a/test_1.py": 50.0, "tests/a/test_2.py": 23.0, "tests/b/test_1.py": 11.0,
                "tests/c/test_1.py": 3.0, "tests/d/test_1.py": 2.0}  # fmt: skip
    head, *lines = durations.comparison(measured, table)
    assert [line.split() for line in lines] == [
        ["tests/a", "73.0", "60.0", "grew", "by", "22", "%"],
        ["tests/b", "11.0", "10.0"],
        ["tests/c", "3.0", "1.0"],
        ["tests/d", "2.0", "new"],
    ]
    assert head.split() == ["room", "seconds", "table"]


def test_the_table_is_read_as_it_was_written(tmp_path):
    durations.write_table({"tests/b.py": 2.25, "tests/a.py": 1.0}, tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "tests/a.py\t1.0\ntests/b.py\t2.2\n"
    assert durations.read_table(tmp_path / "t.tsv") == {"tests/a.py": 1.0, "tests/b.py": 2.2}
    assert durations.read_table(tmp_path / "absent") == {}


def test_the_table_names_files_that_are_there():
    assert [file for file in durations.read_table() if not (ROOT / file).exists()] == []


def test_code_cells_of_a_notebook_become_one_module():
    cells = [
        {"cell_type": "markdown", "source": ["# from afterbell import nothing\n"]},
        {"cell_type": "code", "source": ["from pyiceberg.expressions import EqualTo\n", "x = EqualTo('a', 1)"]},
        {"cell_type": "code", "source": ["display(x)"]},
    ]
    module = notebooks.module_of(json.dumps({"cells": cells}))
    assert module.endswith("EqualTo: Any = ice.EqualTo\nx = EqualTo('a', 1)\ndisplay(x)\n")
    assert "nothing" not in module


def test_every_notebook_becomes_a_module_that_compiles(tmp_path):
    paths = notebooks.write_modules(tmp_path)
    assert [path.name for path in paths] == [
        "notebook_01_bars_as_of_a_date.py", "notebook_02_explore_features.py", "notebook_03_open_a_release.py",
    ]  # fmt: skip
    for path in paths:
        compile(path.read_text(), str(path), "exec")
