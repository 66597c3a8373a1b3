"""A matrix is made once, mapped by many, never half, and taken away when nobody needs it."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix_cache import KEPT, made_from, matrix_folder, matrix_key, prune
from tests.training.conftest import make_spec

SESSION = date(2020, 3, 31)
SNAPSHOTS = TrainingSnapshots(1, 2, {"one": 3}, {"one": "h"})


def put(text):
    return lambda folder: (folder / "index.json").write_text(text, encoding="utf-8")


def refuse(folder):
    raise AssertionError(f"{folder} was made again")


def aged(folder: Path, seconds: int) -> None:
    at = folder.stat().st_mtime - seconds
    os.utime(folder, (at, at))


def names(root):
    return sorted(path.name for path in root.iterdir())


def test_the_second_who_asks_finds_what_the_first_made(tmp_path):
    with matrix_folder(tmp_path, "k", put("one")) as first:
        pass
    with matrix_folder(tmp_path, "k", refuse) as second:
        assert second == first == tmp_path / "k"
        assert (second / "index.json").read_text(encoding="utf-8") == "one"
    assert names(tmp_path) == ["k"]


def test_a_failure_leaves_nothing(tmp_path):
    def half(folder):
        (folder / "features.npy").write_bytes(b"half")
        raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="the disk is full"), matrix_folder(tmp_path, "k", half):
        pass
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_never_used_and_goes(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from afterbell.training.matrix_cache import matrix_folder\n"
        "def die(folder):\n    (folder / 'index.json').write_text('half'); os._exit(9)\n"
        "with matrix_folder(Path(sys.argv[1]), 'k', die): pass\n"
    )
    path = os.pathsep.join(sys.path)
    assert (
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], env={"PYTHONPATH": path}, check=False).returncode
        == 9
    )
    assert [name.startswith(".making-") for name in names(tmp_path)] == [True]
    with matrix_folder(tmp_path, "k", put("whole")) as found:
        assert (found / "index.json").read_text(encoding="utf-8") == "whole"
    assert names(tmp_path) == ["k"]


def test_whoever_comes_second_while_the_same_is_made_uses_the_first_ones(tmp_path):
    def overtaken(folder):
        with matrix_folder(tmp_path, "k", put("theirs")):
            put("ours")(folder)

    with matrix_folder(tmp_path, "k", overtaken) as found:
        assert (found / "index.json").read_text(encoding="utf-8") == "theirs"
    assert names(tmp_path) == ["k"]


def test_only_the_last_used_stay(tmp_path):
    for number in range(KEPT + 3):
        with matrix_folder(tmp_path, f"k{number}", put("x")):
            pass
        aged(tmp_path / f"k{number}", 1000 - number)
    with matrix_folder(tmp_path, f"k{KEPT}", refuse):
        pass
    assert prune(tmp_path, 1) == [f"k{KEPT + 2}", f"k{KEPT + 1}"]
    assert names(tmp_path) == [f"k{KEPT}"]


def test_what_somebody_uses_stays_however_old_it_is(tmp_path):
    with matrix_folder(tmp_path, "old", put("x")) as used:
        aged(used, 10_000)
        assert prune(tmp_path, 0) == []
        assert names(tmp_path) == ["old"]
    assert prune(tmp_path, 0) == ["old"]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "change",
    [
        {"horizons": [1, 5]},
        {"target": "zscore"},
        {"universe": make_spec().universe.model_dump() | {"window": 6}},
    ],
    ids=["horizons", "target", "universe"],
)
def test_what_changes_the_rows_changes_the_key(change):
    keys = {matrix_key(made_from(SESSION, "XNYS", SNAPSHOTS, spec)) for spec in (make_spec(), make_spec(**change))}
    assert len(keys) == 2


@pytest.mark.parametrize(
    "snapshots",
    [
        TrainingSnapshots(9, 2, {"one": 3}, {"one": "h"}),
        TrainingSnapshots(1, 9, {"one": 3}, {"one": "h"}),
        TrainingSnapshots(1, 2, {"one": 9}, {"one": "h"}),
        TrainingSnapshots(1, 2, {"one": 3}, {"one": "other"}),
    ],
    ids=["bars", "actions", "features", "definition"],
)
def test_other_snapshots_or_definitions_are_another_matrix(snapshots):
    keys = {matrix_key(made_from(SESSION, "XNYS", each, make_spec())) for each in (SNAPSHOTS, snapshots)}
    assert len(keys) == 2


def test_another_session_is_another_matrix_and_another_family_is_not():
    families = {"ridge": {"penalty": 3.0}}
    specs = (make_spec(), make_spec(families=families, seed=99))
    assert len({matrix_key(made_from(SESSION, "XNYS", SNAPSHOTS, spec)) for spec in specs}) == 1
    days = (SESSION, SESSION.replace(day=2))
    assert len({matrix_key(made_from(day, "XNYS", SNAPSHOTS, make_spec())) for day in days}) == 2
