"""A driver on the terminal: which stores and which arguments it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbell.cli.context import Opened
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from bench.driver import ELSEWHERE
from tests import by_hand

SHOW = """
import json, os, sys
with open("seen.json", "w") as stream:
    json.dump({"arguments": sys.argv[1:], "lake": os.environ["AFTERBELL_LAKE_CATALOG"]}, stream)
"""


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Stores of a market that nobody asks."""
    env = ELSEWHERE | {
        "AFTERBELL_HOME": str(tmp_path),
        "AFTERBELL_LAKE_CATALOG": "jdbc:sqlite:market.db",
        "AFTERBELL_LAKE_WAREHOUSE": "file:market",
    }
    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path, env=set_up.env)
    return Opened(folders, Platform(), Runtime.from_env(env), env)


def run(script: Path, opened: Opened) -> dict[str, object]:
    script.parent.mkdir(exist_ok=True)
    script.write_text(SHOW)
    assert by_hand.run(script, ["--session", "2026-06-30"], opened) == 0
    return json.loads((opened.folders.home / "seen.json").read_text())


def test_a_step_has_its_arguments_and_the_lake_of_the_market(monkeypatch, tmp_path, opened):
    monkeypatch.setattr(by_hand, "ROOT", tmp_path)
    assert run(tmp_path / "spark_jobs" / "score.py", opened) == {
        "arguments": ["--session", "2026-06-30"],
        "lake": "jdbc:sqlite:market.db",
    }


def test_a_scenario_has_a_new_lake_and_the_place_of_its_answer(tmp_path, opened):
    assert run(tmp_path / "scenario.py", opened) == {
        "arguments": [str(tmp_path / "answer.json")],
        "lake": f"jdbc:sqlite:{tmp_path}/catalog.db",
    }


@pytest.mark.parametrize("words", [[], ["--pdb"], ["nowhere.py"], ["--pdb", "nowhere.py"]])
def test_what_is_no_script_is_refused_before_anything_starts(words, capsys):
    assert by_hand.main(words) == 2
    assert "give a file such as spark_jobs/features.py" in capsys.readouterr().err
