"""The daily run from drops to signals, on real S3, HDFS, Spark and Airflow."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from afterbell.simulation.market import MarketSpec, simulate
from tests.pipeline.conftest import SESSIONS, SYMBOLS

pytestmark = pytest.mark.services
LAST = "2026-06-30"


def test_the_run_publishes_a_release_and_says_what_came_of_it(planted):
    _, summary = planted
    assert summary["moved"] is True
    assert summary["published"] == summary["release_id"]
    assert summary["release_id"].startswith(f"{LAST}-")
    assert summary["champion"].endswith(f"champion.json -> {summary['release_id']}")
    assert Path(summary["report"]).read_text().lstrip().lower().startswith("<!doctype html")
    assert list(summary["step_seconds"]) == [
        "open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score",
    ]  # fmt: skip
    assert 0 < summary["seconds_left"] < 7200


def test_the_planted_signal_is_found_about_as_strong_as_it_was_planted(planted):
    _, summary = planted
    # The simulator's own truth: how well a reader of its hidden driver would have done on its true prices.
    oracle = simulate(MarketSpec(symbols=SYMBOLS, sessions=SESSIONS, signal=0.10)).truth.to_json()["oracle"]
    for horizon in ("1", "5"):
        found, best = summary["metrics"][f"h{horizon}"], oracle[horizon]
        error = (found["rank_ic_se"] ** 2 + best["rank_ic_se"] ** 2) ** 0.5
        assert found["rank_ic"] > 3 * found["rank_ic_se"], horizon
        assert abs(found["rank_ic"] - best["rank_ic"]) < 3 * error + 0.02, horizon


def test_bad_rows_are_set_aside_with_their_reason_and_bad_drops_by_name(planted):
    afterbell, summary = planted
    assert summary["quarantined_rows"] > 0
    assert {"repeated_header", "high_not_below_low"} <= set(summary["quarantine_by_rule"])
    assert any("is not a session" in refused["reason"] for refused in summary["refused_drops"])
    rows = afterbell("query", "SELECT rule, count(*) AS n FROM market.quarantine GROUP BY rule", "--json").json
    assert sum(row["n"] for row in rows) == summary["quarantined_rows"]


def test_both_stores_reach_the_lake(planted):
    afterbell, _ = planted
    rows = afterbell("query", "SELECT store, count(*) AS n FROM raw.drops GROUP BY store ORDER BY store", "--json").json
    assert [row["store"] for row in rows] == ["hdfs", "s3"]
    assert min(row["n"] for row in rows) > 20


def test_a_restated_bar_is_answered_as_it_was_known(planted):
    afterbell, _ = planted
    sql = (
        "SELECT symbol, session, max(knowledge_time) AS known FROM market.bars WHERE revision = 1 GROUP BY ALL LIMIT 1"
    )
    row = afterbell("query", sql, "--json").json[0]
    asked = ("bars", "--symbol", row["symbol"], "--session", row["session"], "--json", "--as-of")
    first, last = afterbell(*asked, row["session"]).json, afterbell(*asked, row["known"][:10]).json
    assert (first["revision"], last["revision"]) == (0, 1)
    assert first["knowledge_time"] < last["knowledge_time"]


def test_the_signals_are_for_the_next_session_and_come_from_the_release(planted):
    afterbell, summary = planted
    sql = "SELECT session, as_of, release_id, count(DISTINCT symbol) AS n FROM signals.daily GROUP BY ALL"
    (row,) = afterbell("query", sql, "--json").json
    assert (row["session"], row["as_of"], row["release_id"]) == ("2026-07-01", LAST, summary["release_id"])
    assert row["n"] > 0.9 * SYMBOLS


def test_the_release_is_listed_shown_and_verified(planted):
    afterbell, summary = planted
    (row,) = afterbell("release", "list", "--json").json
    assert (row["release_id"], row["champion"]) == (summary["release_id"], True)
    shown = afterbell("release", "show", "champion", "--json").json
    assert {model["family"] for model in shown["models"]} == {"lightgbm", "ridge"}
    verified = afterbell("release", "verify", summary["release_id"], "--json")
    assert verified.json["predicted"] == len(shown["models"]) == 4


ANSWERS = [
    ("release list", "release_id"), ("release show", "release_id"), ("release history", "run_id"),
    ("quality", "run_id"),
    ("query|SELECT run_id, session, step, verdict, commit_id, snapshots_out FROM ops.runs", "run_id"),
    ("query|SELECT DISTINCT release_id, symbol, session, as_of, family, score FROM signals.daily", "release_id"),
    ("query|SELECT drop_id, source, key, sha256, reason FROM raw.drops LIMIT 5", ""), ("features", ""),
    ("drops refused", ""), ("listings held", ""), ("backfill status", ""), ("experiment list", ""), ("doctor", ""),
]  # fmt: skip


@pytest.mark.parametrize(("command", "whole"), ANSWERS, ids=[command for command, _ in ANSWERS])
def test_on_a_terminal_of_80_columns_no_word_is_broken(planted, command, whole):
    afterbell, summary = planted
    lines = afterbell.on_terminal(*(command.split("|") if "|" in command else command.split()))
    assert [line for line in lines if len(line) > 80 and len(line.split()) > 1] == []
    assert not whole or any(summary[whole] in line.split() or summary[whole] in line for line in lines)
    assert not any("Traceback" in line for line in lines)


def test_factor_sets_are_told_with_the_plan_for_what_is_missing(planted):
    afterbell, _ = planted
    core, alpha = afterbell("features", "--set", "core", "--set", "alpha158", "--json").json
    assert core["stored"] > 0
    assert (core["missing"], core["ranges"]) == (0, [])
    assert (alpha["stored"], alpha["missing"], alpha["last"]) == (0, core["stored"], "2026-06-30")
    refused = afterbell("features", "--set", "../core", "--json")
    assert refused.status == 2
    assert "factor set '../core' is not known: use one of alpha158" in refused.json["error"]["message"]


def test_a_corrupt_drop_of_the_session_fails_by_name_and_publishes_nothing(planted, tmp_path):
    afterbell, summary = planted
    drop = tmp_path / "s3" / "prices" / "2026" / "20260701.csv.gz"
    drop.parent.mkdir(parents=True)
    drop.write_bytes(gzip.compress(b"symbol,date,open,high,low,close,volume,adj_close\n" * 50)[:40])
    assert afterbell("upload", str(tmp_path)).status == 0
    answer = afterbell("run", "--session", "2026-07-01", "--json")
    assert answer.status != 0
    message = json.loads(answer.out)["error"]["message"]
    assert "CorruptDropError" in message
    assert "prices/2026/20260701.csv.gz" in message
    (row,) = afterbell("release", "list", "--json").json
    assert row["release_id"] == summary["release_id"]


def test_a_session_whose_drop_has_not_come_fails_and_says_where_it_looked(planted):
    afterbell, _ = planted
    answer = afterbell("run", "--session", "2026-07-02")
    assert answer.status != 0
    assert "MissingDropsError" in answer.err
    assert "prices/" in answer.err
