"""The script that runs a step without a session on the cluster: the modules it knows, and no others."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from afterbell.cluster.driver import EXIT_PERMANENT
from afterbell.cluster.packed import packed
from spark_jobs import library_step


@pytest.mark.parametrize("module", library_step.MODULES)
def test_every_module_is_there_to_be_run(module):
    found = importlib.util.find_spec(module)
    assert found is not None
    if found.submodule_search_locations:
        assert importlib.util.find_spec(f"{module}.__main__") is not None


@pytest.mark.parametrize(
    "words",
    [[], ["--module"], ["--module", "os"], ["--module", "afterbell.cli"], ["--module", "afterbell.release; x"],
     ["--session", "2026-06-30"]],
)  # fmt: skip
def test_another_module_is_refused_and_nothing_runs(words, monkeypatch, capsys):
    monkeypatch.setattr(library_step, "run_module", lambda *_, **__: pytest.fail("it ran"))
    for argv in (words, packed(words)):
        assert library_step.main(argv) == EXIT_PERMANENT
        assert "--module must name one of afterbell.backfill, " in capsys.readouterr().err


def test_the_step_gets_its_own_arguments(monkeypatch):
    seen = {}

    def run(module, **how):
        seen.update(module=module, argv=sys.argv[1:], how=how)

    monkeypatch.setattr(library_step, "run_module", run)
    monkeypatch.setattr(sys, "argv", ["library_step.py"])
    own = ["--session", "2026-06-30", "--attempt", "a"]
    assert library_step.main(packed(["--module", "afterbell.release", *own])) == 0
    assert (seen["module"], seen["argv"]) == ("afterbell.release", own)
    assert seen["how"]["run_name"] == "__main__"
