"""The symbol master's log, by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from afterbell.ingest.symbols import EVENTS, symbol_events

WEEKS = [date(2016, 6, 6) + timedelta(days=7 * week) for week in range(4)]


def master(week: int, **names: str) -> pl.DataFrame:
    known = datetime.combine(WEEKS[week], datetime.min.time(), tzinfo=UTC) + timedelta(hours=21)
    rows = [(symbol, name, WEEKS[week], known, f"master-{week}") for symbol, name in names.items()]
    schema = {"symbol": pl.String, "name": pl.String, "drop_session": pl.Date}
    return pl.DataFrame(
        rows, schema=schema | {"knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String}, orient="row"
    )


def told(events: pl.DataFrame) -> list[tuple[str, str, int, str]]:
    rows = events.sort("valid_from", "symbol").select("symbol", "name", "valid_from", "status").rows()
    return [(symbol, name, WEEKS.index(day), status) for symbol, name, day, status in rows]


MASTERS = [
    master(0, A="Alpha", B="Beta"),
    master(1, A="Alpha", B="Better", C="Gamma"),
    master(2, A="Alpha", C="Gamma"),
    master(3, A="Alpha", B="New Beta", C="Gamma"),
]
STORY = [
    ("A", "Alpha", 0, "listed"),
    ("B", "Beta", 0, "listed"),
    ("B", "Better", 1, "renamed"),
    ("C", "Gamma", 1, "listed"),
    ("B", "Better", 2, "delisted"),
    ("B", "New Beta", 3, "listed"),
]


def test_a_symbol_appears_is_renamed_disappears_and_is_used_again() -> None:
    assert told(symbol_events(EVENTS.to_frame(), pl.concat(MASTERS))) == STORY


def test_week_by_week_tells_the_same_story_as_all_at_once() -> None:
    log = EVENTS.to_frame()
    for weekly in MASTERS:
        log = pl.concat([log, symbol_events(log, weekly)])
    assert told(log) == STORY


def test_a_master_that_is_older_than_the_log_changes_nothing() -> None:
    log = symbol_events(EVENTS.to_frame(), MASTERS[2])
    assert symbol_events(log, MASTERS[1]).is_empty()
