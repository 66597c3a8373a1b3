"""What commands print: whole lines in a pipe, wrapped ones on a terminal, and what to do after every failure."""

from __future__ import annotations

import json
from inspect import getmembers, isclass

import pytest
import typer

from afterbell import errors
from afterbell.cli.output import advice, advising, by_figure, print_label, print_rows, print_text, report_errors

RELEASE = "2026-06-30-b126971a51ab"
CLASSES = [kind for _, kind in getmembers(errors, isclass) if issubclass(kind, errors.AfterbellError)]


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_a_line_in_a_pipe_is_as_long_as_its_text(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    print_text("word " * 40 + RELEASE)
    assert capsys.readouterr().out == "word " * 40 + RELEASE + "\n"


def test_markup_in_a_text_is_shown_as_it_is(capsys):
    print_text("symbol [bold]X[/] of [1] http://x")
    assert capsys.readouterr().out == "symbol [bold]X[/] of [1] http://x\n"


@pytest.mark.parametrize("raw", ["AAPL\x1b[2J\x1b]0;x\x07", "AAPL\r\x08\x9b31m"])
def test_what_a_terminal_would_obey_is_shown_and_not_sent(raw, capsys, narrow):
    print_text(raw)
    print_rows([{"raw": raw, "n": 1}])
    shown = capsys.readouterr().out
    assert not set(shown) & {"\x1b", "\x07", "\r", "\x08", "\x9b"}
    assert shown.count("AAPL?") == 2


def test_a_line_end_within_a_cell_leaves_the_row_on_one_line(capsys, narrow):
    print_rows([{"raw": "a,b\nc\td", "n": 1}, {"raw": "x", "n": 22}])
    assert capsys.readouterr().out.splitlines() == ["raw         n", "a,b c   d   1", "x          22"]


def test_a_label_and_its_text_hang_together_at_80_columns(capsys, narrow):
    print_label("champion", f"s3://afterbell-artifacts-of-the-house/champion.json -> {RELEASE}")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "champion   s3://afterbell-artifacts-of-the-house/champion.json ->"
    assert second == f"           {RELEASE}"


@pytest.mark.parametrize("columns", range(1, 12))
def test_ids_of_rows_are_whole_and_lines_fit_80_columns(columns, capsys, narrow):
    row = {f"column_{number}": f"{RELEASE}-{number}" for number in range(columns)}
    print_rows([row, row], title="releases")
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(sum(cell in line for line in lines) >= 2 for cell in row.values())


def test_rows_without_a_value_at_first_are_still_numbers(capsys, narrow):
    print_rows([{"n": None}, {"n": 1234567}])
    assert capsys.readouterr().out.splitlines() == ["      n", "      -", "1234567"]


def test_figures_of_horizons_are_rows_and_what_is_no_number_is_left_out():
    metrics = {"h1": {"ic": 0.5, "families": {"ridge": 1}}, "h5": {"ic": 0.25, "rows": 7}}
    assert by_figure(metrics) == [{"figure": "ic", "h1": 0.5, "h5": 0.25}, {"figure": "rows", "h1": None, "h5": 7}]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_last_line_of_every_kind_of_failure_says_what_to_do(kind, as_json, capsys):
    @report_errors
    def fail(*, as_json: bool) -> None:
        raise kind("s3://bucket/key: found 3, expected 4")

    with pytest.raises(typer.Exit) as ended:
        fail(as_json=as_json)
    found = capsys.readouterr()
    last = found.err.splitlines()[-1]
    assert last.startswith("What to do: ")
    assert len(last) > len("What to do: ") + 10
    assert f"{kind.__name__}: s3://bucket/key: found 3, expected 4" in found.err
    assert ended.value.exit_code == (3 if issubclass(kind, errors.RetryableError) else 2)
    if as_json:
        told = json.loads(found.out)["error"]
        assert told["type"] == kind.__name__
        assert last == f"What to do: {told['what_to_do']}"
    else:
        assert found.out == ""


def test_what_to_do_about_a_failed_step_is_that_of_the_error_in_its_message():
    step = errors.StepFailedError("ingest: MissingDropsError: no drop of 2026-07-02\n(task 'ingest'; the log: /x)")
    assert advice(step) == advice(errors.MissingDropsError("no drop"))
    assert advice(step) != advice(errors.StepFailedError("the driver vanished"))


def test_a_block_gives_its_failures_advice_of_their_own_and_others_keep_that_of_their_kind():
    with (
        pytest.raises(errors.ObjectMissingError) as found,
        advising("Name one: `./afterbell release list`.", errors.ConfigError, errors.ObjectMissingError),
        advising("Publish one first.", errors.ObjectMissingError),
    ):
        raise errors.ObjectMissingError("release 'x' is not there")
    assert advice(found.value) == "Publish one first."
    with pytest.raises(errors.StoreFullError) as other, advising("Name one.", errors.ConfigError):
        raise errors.StoreFullError("the disk is full")
    assert advice(other.value) == advice(errors.StoreFullError("x")) != "Name one."


def test_an_error_of_another_house_in_a_message_has_no_say():
    found = errors.ConfigError("daily.yaml: ValueError: not a number")
    assert advice(found) == advice(errors.ConfigError("x"))
