"""Every command of the parser, by kinds: its help at 80 columns, its JSON, and what it says to a wrong word."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from afterbell.cli import __main__ as program
from tests.cli.parser import commands, groups, options

COMMANDS = commands()
WITHOUT_JSON: dict[str, str] = {}
"""Commands that answer nothing, with the reason; there is none today."""


@pytest.fixture
def typed(monkeypatch, capsys):
    """Type words after ``afterbell``, on a terminal of 80 columns; gives status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")

    def type_words(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["afterbell", *words])
        with pytest.raises(SystemExit) as ended:
            program.main()
        found = capsys.readouterr()
        return int(ended.value.code or 0), found.out, found.err

    return type_words


def test_the_parser_has_the_commands_that_people_know() -> None:
    assert {"demo", "up", "down", "run", "bars", "release list", "backfill plan", "experiment run"} <= set(COMMANDS)
    assert {"backfill", "drops", "experiment", "listings", "release"} == set(groups())


@pytest.mark.parametrize("name", ["", *groups(), *COMMANDS])
def test_the_help_fits_80_columns(name, typed):
    status, out, err = typed(*name.split(), "--help")
    assert (status, err) == (0, "")
    assert "Usage: afterbell" in out
    assert [line for line in out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers_in_json_or_stands_in_the_list_of_those_that_do_not(name):
    assert ("--json" in options(COMMANDS[name])) != (name in WITHOUT_JSON)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_answered_with_what_to_do(name, typed):
    status, out, err = typed(*name.split(), "--nosuch")
    assert (status, out) == (2, "")
    assert "--nosuch" in err
    assert err.splitlines()[-1] == f"What to do: `./afterbell {name} --help` shows what it takes."


@pytest.mark.parametrize("name", COMMANDS)
def test_with_json_a_wrong_option_is_one_document_on_standard_output(name, typed):
    status, out, err = typed(*name.split(), "--json", "--nosuch")
    assert status == 2
    assert "--nosuch" in json.loads(out)["error"]["message"]
    assert err.splitlines()[-1] == f"What to do: {json.loads(out)['error']['what_to_do']}"


@pytest.mark.parametrize("words", [("nosuch",), *((group, "nosuch") for group in groups())])
def test_a_word_that_is_no_command_is_answered_with_what_to_do(words, typed):
    status, out, err = typed(*words)
    assert (status, out) == (2, "")
    assert "nosuch" in err
    assert err.splitlines()[-1] == f"What to do: `./afterbell {' '.join((*words[:-1], '--help'))}` shows what it takes."


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run",), "--session"),
        (("run", "--session", "yesterday"), "yesterday"),
        (("simulate", "--symbols", "1"), "--symbols"),
        (("listings", "release", "IBM", "2016-06-29"), "--reason"),
        (("completion", "tcsh"), "tcsh"),
    ],
)
def test_a_value_that_is_missing_or_wrong_is_named(words, says, typed):
    status, _, err = typed(*words)
    assert status == 2
    assert says in err.splitlines()[0]
    assert err.splitlines()[-1].startswith("What to do: `./afterbell ")


def test_without_any_word_the_help_is_printed_and_nothing_else(typed):
    status, out, err = typed()
    assert status == 2
    assert "Commands" in out
    assert err == ""


def test_a_fault_of_ours_keeps_its_traceback_and_says_what_to_do(typed, monkeypatch):
    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(program, "build_app", lambda _: broken)
    status, out, err = typed("doctor", "--json")
    assert status == 1
    assert "Traceback" in err
    assert json.loads(out)["error"]["type"] == "ZeroDivisionError"
    assert err.splitlines()[-1] == "What to do: Report this fault of Afterbell with the lines above."


def test_a_command_that_was_interrupted_says_that_it_can_be_typed_again(typed, monkeypatch):
    def interrupted(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "build_app", lambda _: interrupted)
    status, _, err = typed("doctor")
    assert status == 130
    assert err.splitlines()[-1] == "What to do: Type the command again: what was committed stays."


@pytest.mark.parametrize(("typed", "there"), [("release", ["release"]), ("up", ["up"]), ("rn", None), ("", None)])
def test_a_command_that_is_typed_imports_no_other(typed, there):
    asked = "import sys, typer; from afterbell.cli.__main__ import build_app; found = build_app(sys.argv[1]); "
    told = "print('polars' in sys.modules, *typer.main.get_command(found).commands)"
    answer = subprocess.run([sys.executable, "-c", asked + told, typed], capture_output=True, text=True, check=True)
    imported, *names = answer.stdout.split()
    assert (imported, names) == (("False", there) if there else ("True", sorted(names, key=names.index)))
    assert len(names) == (1 if there else 18)
