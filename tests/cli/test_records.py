"""What people read of backfills and experiments at 80 columns: ids whole, days whole, durations as people say them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from afterbell.backfill.documents import (
    BackfillPlan,
    BackfillRecord,
    ChunkPlan,
    ChunkState,
    Estimate,
    IngestPlan,
    SetPlan,
)
from afterbell.backfill.request import BackfillRequest
from afterbell.cli import backfill, experiment

BACKFILL = "20150323-20151231-a5fb4415"
EXPERIMENT = "0123456789abcdef"
FIRST, LAST = date(2015, 3, 23), date(2015, 12, 31)
WHEN = datetime(2026, 6, 30, 21, 43, tzinfo=UTC)


@pytest.fixture
def printed(monkeypatch, capsys):
    """The lines of what was printed on a terminal of 80 columns; none is longer."""
    monkeypatch.setenv("COLUMNS", "80")

    def lines() -> list[str]:
        found = capsys.readouterr().out.splitlines()
        assert [line for line in found if len(line) > 80] == []
        return found

    return lines


def test_a_plan_says_how_long_it_may_take(printed):
    time = Estimate(seconds=185.2, basis="past runs")
    sets = SetPlan(name="cross_section", definition="d", sessions=197, stored=0, rows=1_200_000,
                   stale=(date(2016, 1, 4),), time=time)  # fmt: skip
    backfill._show_plan(BackfillPlan(
        backfill_id=BACKFILL, made_at=WHEN, sessions=197,
        chunks=(ChunkPlan(number=1, first=FIRST, last=LAST, objects=591, bytes=9, features={}),),
        ingest=IngestPlan(sessions=197, objects=591, bytes=1_234_567_890, rows=1_200_000, missing=(), time=time),
        features=(sets,), seconds=7080,
    ))  # fmt: skip
    lines = printed()
    assert lines[0] == f"backfill {BACKFILL}: 197 sessions in 1 chunks"
    assert sum("3 min 05 s (past runs)" in line for line in lines) == 2
    assert lines[-1] == "about 1 h 58 min in all, Spark's starts included"


def test_a_state_names_the_days_of_each_chunk_on_one_line(printed):
    failed = "drop us_daily_prices:20150401:37e2fae75ff40b44 cannot be read: ask the vendor to deliver it again, please"
    chunks = [
        ChunkState(step="ingest", number=1, first=FIRST, last=LAST, state="done", seconds=185.2,
                   rows=1_200_000),
        ChunkState(step="features", number=1, first=FIRST, last=LAST, state="failed",
                   message=failed),
    ]  # fmt: skip
    record = BackfillRecord(
        backfill_id=BACKFILL, request=BackfillRequest(first=FIRST, last=LAST),
        reason="history for the new factor set " * 4, requested_at=WHEN, requested_by="me",
    )  # fmt: skip
    backfill._show_state(backfill.BackfillReport(
        id=BACKFILL, state="failed", record=record, plan=None, attempts=(), chunks=tuple(chunks),
    ))  # fmt: skip
    lines = printed()
    assert any(line.split()[-1] == BACKFILL for line in lines)
    assert sum("2015-03-23 to 2015-12-31" in line for line in lines) == 2
    assert any("3 min 05 s" in line for line in lines)
    assert any("us_daily_prices:20150401:37e2fae75ff40b44" in line for line in lines)


@pytest.mark.parametrize("horizons", [["h1", "h5"], ["h1", "h2", "h5", "h10", "h21"]])
def test_the_figures_of_an_experiment_stand_in_rows_and_its_ids_are_whole(horizons, printed):
    figures = {"ic": 0.0750338, "rank_ic": 0.0759493, "sharpe_net": 4.76423, "families": {"ridge": 1}}
    experiment._print_experiment({
        "experiment": EXPERIMENT, "request": {"name": "more-trees-" * 3}, "trials": 8, "verdict": "keep",
        "reason": "not surely better than the champion " * 4, "metrics": dict.fromkeys(horizons, figures),
        "deflated_sharpe": {"h1": 0.93}, "report": f"s3://afterbell-artifacts/experiments/{EXPERIMENT}/report.html",
    })  # fmt: skip
    lines = printed()
    assert lines[0].startswith(f"experiment {EXPERIMENT} ")
    assert any(line.split()[:2] == ["rank_ic", "0.0759493"] for line in lines)
    assert any(line.split()[:2] == ["deflated_sharpe", "0.93"] for line in lines)
    assert lines[-1].endswith(f"s3://afterbell-artifacts/experiments/{EXPERIMENT}/report.html")
