"""How much of a run was starting up, by events and results written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from afterbell.cli.airflow_run import RunEvent, _Follower
from afterbell.cli.summary import RunSummary, SignalsSummary, StartUp, print_summary, start_up

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp()


def _event(kind, task, at, attempt=1, **more):
    return RunEvent.read({"event": kind, "task": task, "at": NOON + at, "attempt": attempt} | more)


def _done(*events, took=100.0):
    follower = _Follower(Path("log"), None)
    for event in events:
        follower.take(event)
    follower.take(RunEvent(event="end", at=NOON, state="success", run_id="manual__x"))
    return follower.done(0, took)


def _ready(at):
    return datetime.fromtimestamp(NOON + at, UTC)


def test_a_step_that_was_deferred_began_before_its_wait():
    done = _done(
        _event("running", "ingest", 0),
        _event("running", "ingest", 60),
        _event("success", "ingest", 61, seconds=61.0),
    )
    assert start_up(done, {"ingest": _ready(8)}) == StartUp(airflow=39.0, spark=8.0)


def test_two_deferred_steps_count_each_from_its_own_beginning():
    events = [
        _event("running", "ingest", 0), _event("running", "ingest", 30), _event("success", "ingest", 31, seconds=31.0),
        _event("running", "validate", 32), _event("running", "validate", 50), _event("running", "validate", 70),
        _event("success", "validate", 71, seconds=39.0),
    ]  # fmt: skip
    assert start_up(_done(*events), {"ingest": _ready(5), "validate": _ready(39)}).spark == 5.0 + 7.0


def test_a_try_that_failed_and_its_wait_are_no_start_up():
    done = _done(
        _event("running", "ingest", 0), _event("failed", "ingest", 20, seconds=20.0, error="s3 is away"),
        _event("running", "ingest", 30, attempt=2), _event("running", "ingest", 55, attempt=2),
        _event("success", "ingest", 60, attempt=2, seconds=30.0),
    )  # fmt: skip
    assert start_up(done, {"ingest": _ready(36)}) == StartUp(airflow=50.0, spark=6.0)


def test_a_driver_that_a_later_try_took_up_started_for_the_first():
    done = _done(
        _event("running", "ingest", 0), _event("failed", "ingest", 40, seconds=40.0, error="the worker died"),
        _event("running", "ingest", 45, attempt=2), _event("success", "ingest", 80, attempt=2, seconds=35.0),
    )  # fmt: skip
    assert start_up(done, {"ingest": _ready(9)}).spark == 9.0


@pytest.mark.parametrize("ready", [-5, -0.001])
def test_a_node_whose_clock_is_slow_makes_no_negative_start_up(ready):
    done = _done(_event("running", "ingest", 0), _event("success", "ingest", 30, seconds=30.0))
    assert start_up(done, {"ingest": _ready(ready)}).spark == 0.0


def test_steps_that_opened_no_session_and_tasks_side_by_side_take_nothing_away():
    done = _done(
        _event("running", "a", 0), _event("running", "b", 0),
        _event("success", "a", 60, seconds=60.0), _event("success", "b", 60, seconds=60.0),
    )  # fmt: skip
    assert start_up(done, {"publish": None, "unknown": _ready(3)}) == StartUp(airflow=0.0, spark=0.0)


def test_the_summary_prints_the_share_of_the_whole_run(capsys):
    done = _done(
        _event("running", "ingest", 0), _event("running", "ingest", 60), _event("success", "ingest", 70, seconds=70.0)
    )
    session = date(2026, 6, 30)
    summary = RunSummary(
        session=session, run_id="r", release_id="r1", published="r1", moved=True, champion="c", verdict="publish",
        reason="better", metrics={}, signals=SignalsSummary(session=session, rows=1), drops={}, rows=0,
        quarantined_rows=0, quarantine_by_rule={}, refused_drops=(), report="p", data_docs="",
        log="l", step_seconds=done.seconds, total_seconds=100.0, seconds_left=60.0,
        start_up_seconds=start_up(done, {"ingest": _ready(20)}), deadline=datetime(2026, 6, 30, 22, tzinfo=UTC),
        deadline_replayed=False,
    )  # fmt: skip
    print_summary(summary)
    lines = capsys.readouterr().out.splitlines()
    assert "took       1 min 40 s: ingest 1 min 10 s" in lines
    assert "start-ups  50% of it: Airflow 30.0 s, Spark 20.0 s" in lines
    assert "time left  1 min 00 s of 2 h 00 min to the deadline 2026-06-30 22:00 UTC" in lines
