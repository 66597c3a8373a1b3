"""`afterbell backfill` on a small market with an empty lake: planned, filled through the real DAG, and filled again."""

from __future__ import annotations

import pytest

from tests.command_line import CommandLine
from tests.pipeline.conftest import stores_of

pytestmark = pytest.mark.services
RANGE = ("--from", "2026-06-02", "--to", "2026-06-30", "--chunk", "12")  # 20 sessions: Juneteenth is none
ID = "20260602-20260630-"


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A vendor's feed of 30 sessions; nothing of it was ever taken in."""
    command = CommandLine(tmp_path_factory.mktemp("backfill"))
    with stores_of(command.home):
        command.result("simulate", "--symbols", "40", "--sessions", "30")
        yield command


@pytest.fixture(scope="module")
def filled(market):
    """The plan before anything, the run, and what is there afterwards."""
    plan = market("backfill", "plan", *RANGE, "--json")
    assert plan.status == 0, plan.err
    before = market("backfill", "status", "--json")
    run = market("backfill", "run", *RANGE, "--reason", "the first fill of $(everything)", "--json")
    assert run.status == 0, run.out + run.err
    return {"plan": plan.json, "before": before.json, "run": run.json}


def test_a_plan_is_made_of_an_empty_lake_and_leaves_no_record_without_a_reason(filled):
    plan = filled["plan"]
    assert plan["sessions"] == 20
    assert plan["ingest"]["sessions"] == 20
    assert plan["ingest"]["time"]["basis"] == "assumed"
    assert [(one["name"], one["sessions"]) for one in plan["features"]] == [("core", 20)]
    assert filled["before"] == []


def test_every_chunk_is_filled_and_the_record_says_who_and_why(filled):
    run = filled["run"]
    assert run["id"].startswith(ID)
    assert run["state"] == "done"
    assert [(one["step"], one["number"], one["state"], one["sessions"]) for one in run["chunks"]] == [
        ("ingest", 1, "done", 12), ("ingest", 2, "done", 8), ("features", 1, "done", 12), ("features", 2, "done", 8),
    ]  # fmt: skip
    assert run["record"]["reason"] == "the first fill of $(everything)"
    assert [one["run_id"] for one in run["attempts"]] == [run["run_id"]]


def test_the_lake_has_the_sessions_of_the_range_and_no_others(market, filled):
    span = "SELECT min(session)::text AS first, max(session)::text AS last, count(DISTINCT session) AS n FROM"
    computed = market("query", f"{span} features.core", "--json").json
    assert computed == [{"first": "2026-06-02", "last": "2026-06-30", "n": 20}]
    assert market("query", f"{span} raw.drops", "--json").json[0]["first"] == "2026-06-02"


def test_the_same_backfill_again_has_nothing_to_do_and_publishes_nothing(market, filled):
    again = market("backfill", "run", *RANGE, "--reason", "once more, to be sure", "--json")
    assert again.status == 0, again.err
    assert again.json["id"] == filled["run"]["id"]
    assert sum(one["objects"] for one in again.json["plan"]["chunks"]) == 0
    assert [one["reason"] for one in again.json["attempts"]][1] == "once more, to be sure"
    assert again.json["record"]["reason"] == "the first fill of $(everything)"
    assert market("release", "list", "--json").json == []


def test_status_lists_it(market, filled):
    (row,) = market("backfill", "status", "--json").json
    assert (row["id"], row["state"], row["done"]) == (filled["run"]["id"], "done", "4 of 4")
    one = market("backfill", "status", row["id"])
    assert one.status == 0
    assert "2026-06-18" in one.out, one.out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("plan", "--from", "2026-06-31", "--to", "2026-06-30"), "--from is '2026-06-31': give a day like 2015-03-23"),
        (("plan", "--from", "2026-06-02", "--to", "$(id)"), "--to is '$(id)': give a day"),
        (("plan", "--from", "2026-06-30", "--to", "2026-06-02"), "first must not be after last"),
        (("plan", "--from", "2026-06-06", "--to", "2026-06-07"), "there is no session of XNYS"),
        (("plan", *RANGE, "--step", "train"), "steps: 'train' is not known: use some of ingest, features"),
        (("plan", *RANGE, "--set", "../core"), "factor_sets: '../core' is not known"),
        (("plan", *RANGE[:4], "--chunk", "0"), "chunk_sessions is 0: give a whole number from 1 to 1000"),
        (("run", *RANGE, "--reason", "too short"), "give one line of 10 to 300 characters"),
        (("run", *RANGE, "--reason", "a reason that is long enough", "--profile", "../x"), "is not known"),
        (("status", "../../releases"), "an id is like 20150323-20160630-1a2b3c4d"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_bad_request_is_refused_with_what_to_do_and_nothing_is_started(afterbell, args, says):
    answer = afterbell("backfill", *args)
    assert answer.status != 0
    assert says in answer.err
    assert "Traceback" not in answer.err
    assert not (afterbell.home / "services" / "s3").exists(), "something was started"
