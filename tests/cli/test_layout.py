"""Lines and tables at the width of a terminal: what wraps, what never breaks, and when a table gives way to lines."""

from __future__ import annotations

import pytest
from rich.text import Text

from afterbell.cli.layout import fitted_widths, records, table_lines, wrap

RELEASE = "2026-06-30-b126971a51ab"
RUN = "manual__2026-11-29T22:12:46.426783+00:00_EcFwoQqW"


def wrapped(text: str, width: int, hang: int = 2) -> list[str]:
    return [line.plain for line in wrap(Text(text), width, hang)]


def test_an_id_that_does_not_fit_the_line_begins_the_next_one():
    text = f"champion   s3://afterbell-artifacts/champion.json -> {RELEASE} and on"
    assert wrapped(text, 70, 11) == [
        "champion   s3://afterbell-artifacts/champion.json ->",
        f"           {RELEASE} and on",
    ]


@pytest.mark.parametrize("word", [RELEASE, RUN, "s3://afterbell-artifacts/runs/2026-06-30/x/report.html", "a" * 90])
@pytest.mark.parametrize("before", range(0, 80, 7))
def test_a_word_is_whole_wherever_the_line_ends(word, before):
    lines = wrapped(f"{'x' * before} {word} behind it", 80)
    assert sum(word in line for line in lines) == 1
    assert all(len(line) <= 80 or line.strip() == word for line in lines)


def test_a_command_between_backticks_stays_on_one_line_if_it_fits():
    command = "`./afterbell backfill status 20150323-20151231-a5fb4415`"
    assert wrapped(f"what has been done so far: {command}", 72) == ["what has been done so far:", f"  {command}"]


def test_a_command_that_is_wider_than_a_line_breaks_between_words():
    lines = wrapped('`./afterbell query "SELECT key FROM raw.drops"`', 30)
    assert lines == ['`./afterbell query "SELECT key', '  FROM raw.drops"`']


def test_wide_characters_count_twice():
    assert wrapped("日本 日本 日本", 9, 0) == ["日本 日本", "日本"]


def test_a_table_that_fits_is_as_wide_as_its_cells_and_numbers_stand_to_the_right():
    lines = table_lines(["id", "rows"], [[RELEASE, "7"], ["b", "1200"]], {"rows"}, 80)
    assert [line.plain for line in lines or []] == [
        "id                       rows",
        f"{RELEASE}     7",
        "b                        1200",
    ]


def test_long_texts_of_a_table_wrap_and_ids_beside_them_do_not():
    reason = "undoes the session before it: a bad print, or one bar in other units"
    lines = table_lines(["release", "reason", "n"], [[RELEASE, reason, "1"]], {"n"}, 60)
    texts = [line.plain for line in lines or []]
    assert len(texts) == 4
    assert all(len(text) <= 60 for text in texts)
    assert RELEASE in texts[1]
    assert " ".join(text[25:57].strip() for text in texts[1:]) == reason


def test_dates_with_their_time_and_ranges_of_days_are_not_parted():
    assert fitted_widths(["when", "days"], [["2026-06-30 21:43", "2025-06-02 to 2026-06-30"]], 42) == [16, 24]
    assert fitted_widths(["when", "days"], [["2026-06-30 21:43", "2025-06-02 to 2026-06-30"]], 41) is None


def test_a_table_of_ids_that_no_terminal_is_wide_enough_for_becomes_lines():
    rows = [[RUN, RELEASE], ["b", "c"]]
    assert table_lines(["run", "release"], rows, set(), 60) is None
    assert list(records(["run", "release"], rows)) == [
        ("run      ", RUN), ("release  ", RELEASE), ("", ""), ("run      ", "b"), ("release  ", "c"),
    ]  # fmt: skip


def test_without_a_terminal_a_table_is_as_wide_as_it_takes():
    lines = table_lines(["a", "b"], [["x " * 100, RUN * 3]], set(), None)
    assert [len(line.plain) for line in lines or []][1] == 200 + 2 + 3 * len(RUN)
