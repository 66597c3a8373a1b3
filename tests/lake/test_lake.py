"""Commits that happen once, branches that are audited before main moves, and reads as of a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from afterbell.config.runtime import LakeLocation, Runtime
from afterbell.errors import ConfigError, StoreConfigError
from afterbell.lake import reader
from afterbell.lake.bars import BarsQuery, bar_as_known
from tests.spark_run import ELSEWHERE, run_scenario

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def seen(home: Path) -> dict[str, Any]:
    return run_scenario("tests/lake/scenario_lake.py", home)


@pytest.fixture
def runtime(seen: dict[str, Any], home: Path) -> Runtime:
    """The lake that the scenario left."""
    lake = {
        "AFTERBELL_LAKE_CATALOG": f"jdbc:sqlite:{home}/catalog.db",
        "AFTERBELL_LAKE_WAREHOUSE": f"file:{home}/warehouse",
    }
    return Runtime.from_env(ELSEWHERE | lake | {"AFTERBELL_HOME": str(home)})


def test_the_same_commit_id_appends_once(seen: dict[str, Any]) -> None:
    assert seen["commits"] == {"wrote": [True, False], "same_snapshot": True, "volumes": [100], "unknown": None}


def test_main_does_not_show_what_a_branch_adds_until_it_is_published(seen: dict[str, Any]) -> None:
    found = seen["branches"]
    assert (found["untouched"], found["main_while_auditing"]) == (None, [100])
    assert (found["branch"], found["added"]) == ([100, 120], [120])
    assert (found["published"], found["head_is_published"], found["branch_left"]) == ([100, 120], True, False)


def test_a_commit_on_an_abandoned_branch_is_not_taken_for_one_that_stands(seen: dict[str, Any]) -> None:
    assert (seen["branches"]["abandoned"], seen["branches"]["wrote_again"]) == (None, True)


def test_a_snapshot_id_reads_what_was_there_then(seen: dict[str, Any]) -> None:
    assert seen["branches"]["old_snapshot"] == [100]


def test_a_branch_of_an_empty_table_can_be_published(seen: dict[str, Any]) -> None:
    assert seen["branches"]["empty_published"] is True


@pytest.mark.parametrize(
    ("act", "message"),
    [("audit", "main moved"), ("publish", "main moved")],
)
def test_a_branch_that_main_has_left_behind_is_refused(seen: dict[str, Any], act: str, message: str) -> None:
    kind, text = seen["races"][act]
    assert kind == "BaseMovedError"
    assert message in text


def test_a_branch_that_is_not_there_is_named(seen: dict[str, Any]) -> None:
    kind, text = seen["races"]["missing"]
    assert kind == "StaleInputError"
    assert "no branch 'audit_none'" in text


def test_the_loser_of_a_race_changes_nothing(seen: dict[str, Any]) -> None:
    assert seen["races"]["main"] == [100, 120, 130, 131]


@pytest.mark.parametrize(
    ("rival", "wrote", "added"), [("same", False, 1), ("other", True, 2)], ids=["the same rows", "other rows"]
)
def test_an_append_that_another_writer_came_before_adds_its_rows_once(
    seen: dict[str, Any], rival: str, wrote: bool, added: int
) -> None:
    assert seen["rivals"][rival] == {"wrote": wrote, "added": added, "on_main": True, "rows_at_snapshot": True}
    assert seen["rivals"]["branches"] == []


def test_a_step_leaves_one_row_in_ops_runs(seen: dict[str, Any]) -> None:
    row = seen["runs"]
    assert (row["run_id"], row["step"], row["session"], row["rows"]) == ("manual__1", "ingest", "2016-06-29", 7)
    assert (json.loads(row["snapshots_in"]), json.loads(row["snapshots_out"])) == ({"raw.drops": 1}, {"market.bars": 2})
    assert (row["verdict"], row["commit_id"], row["began_right"]) == ("done", "c", True)
    assert row["seconds"] > 0


@pytest.mark.parametrize(
    ("table", "partitions", "opened"),
    [
        # months and days from 1970-01-01 on: 45 years and 11 months, 46 years, 46 years and one month
        (
            "market.bars",
            ["session_month=551", "session_month=552", "session_month=553"],
            [552],
        ),
        ("market.minute_bars", ["at_day=2016-03-13"], [16873]),
    ],
)
def test_a_file_written_without_spark_is_read_and_passed_over_by_it(
    seen: dict[str, Any], table: str, partitions: list[str], opened: list[int]
) -> None:
    found = seen["files"][table]
    assert found["files"] == partitions
    same = [str(seen["files"]["micros"]), "None", "1099511627776", "3", "ü"]
    assert found["rows"] == [[day, *same] for day in ("2015-12-31", "2016-01-04", "2016-02-29")]
    assert (found["opened"], found["read"], found["commit"]) == (opened, 1, True)


@pytest.mark.parametrize(
    ("day", "volume", "revision"),
    [(date(2016, 6, 29), 100, 0), (date(2016, 6, 30), 120, 1), (date(2016, 7, 5), 120, 1), (None, 131, 3)],
)
def test_the_command_line_reads_the_revision_known_at_the_end_of_a_day(
    runtime: Runtime, day: date | None, volume: int, revision: int
) -> None:
    found = bar_as_known(runtime, BarsQuery("AA", date(2016, 6, 29), day))
    assert found is not None
    assert (found["volume"], found["revision"], found["session"]) == (volume, revision, "2016-06-29")


def test_a_bar_that_was_not_known_yet_is_none(runtime: Runtime) -> None:
    assert bar_as_known(runtime, BarsQuery("AA", date(2016, 6, 29), date(2016, 6, 28))) is None
    assert bar_as_known(runtime, BarsQuery("AA' OR '1'='1", date(2016, 6, 29))) is None


def test_a_select_answers_over_the_lakes_tables(runtime: Runtime) -> None:
    sql = "SELECT b.symbol, max(b.volume) AS most, count(r.step) AS steps FROM market.bars b, ops.runs r "
    sql += "WHERE b.symbol = 'AA' GROUP BY ALL"
    assert reader.query(runtime, sql).to_pylist() == [{"symbol": "AA", "most": 131, "steps": 4}]
    assert reader.query(runtime, "SELECT * FROM signals.daily").num_rows == 0


def test_duckdb_reads_a_file_written_without_spark(seen: dict[str, Any], runtime: Runtime) -> None:
    sql = "SELECT epoch_us(knowledge_time) AS at, open, volume FROM market.bars WHERE session = DATE '2016-02-29'"
    assert reader.query(runtime, sql).to_pylist() == [{"at": seen["files"]["micros"], "open": None, "volume": 2**40}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM market.nothing", "it has: .*market.bars"),
        ("SELECT * FROM bars", "name one with its namespace"),
        ("DROP TABLE market.bars", "expected one SELECT"),
        ("SELECT 1; SELECT 2", "expected one SELECT"),
        ("COPY (SELECT 1) TO 'out.csv'", "expected one SELECT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled"),
        ("SELECT * FROM '/etc/passwd'", "no table"),
        ("SELEC 1", "syntax error"),
        ("INSTALL httpfs", "expected one SELECT"),
    ],
)
def test_a_query_reads_the_lake_and_nothing_else(runtime: Runtime, sql: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reader.query(runtime, sql)


def test_a_lake_that_is_not_there_is_named_and_not_made(runtime: Runtime, tmp_path: Path) -> None:
    nowhere = replace(runtime, lake=LakeLocation(f"jdbc:sqlite:{tmp_path}/none.db", f"file:{tmp_path}"))
    with pytest.raises(StoreConfigError, match="nothing was ingested"):
        reader.open_catalog(nowhere)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("jdbc", "uri"),
    [
        ("jdbc:sqlite:/data/catalog.db", "sqlite:////data/catalog.db"),
        ("jdbc:sqlite:file:/data/catalog.db?busy_timeout=30000", "sqlite:////data/catalog.db"),
        ("jdbc:postgresql://db:5432/lake", "postgresql+psycopg2://db:5432/lake"),
    ],
)
def test_the_catalog_that_spark_opens_is_found_by_its_jdbc_address(jdbc: str, uri: str) -> None:
    assert reader.catalog_uri(jdbc) == uri


def test_another_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="jdbc:mysql"):
        reader.catalog_uri("jdbc:mysql://db/lake")
