"""Lakes of one scenario share Spark's context, and not a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
SCRIPT = """
import json, sys
from pathlib import Path

from pyspark.sql import SparkSession

from bench.lakes import open_lake

home = Path(sys.argv[1]).parent
seen = []
for name, number, keep in (("a", 1, True), ("b", 2, True), ("a", 3, True), ("c", 4, False)):
    runtime, spark = open_lake(home, name, keep_context=keep)
    spark.sql("CREATE NAMESPACE IF NOT EXISTS lake.x")
    spark.sql("CREATE TABLE IF NOT EXISTS lake.x.t (n int)")
    spark.sql(f"INSERT INTO lake.x.t VALUES ({number})")
    given = SparkSession.builder.appName("a step").getOrCreate()
    seen.append({
        "rows": sorted(row.n for row in given.table("lake.x.t").collect()),
        "active": sorted(row.n for row in SparkSession.getActiveSession().table("lake.x.t").collect()),
        "context": spark.sparkContext.applicationId,
        "files": (home / name / "x" / "t").is_dir(),
    })
open(sys.argv[1], "w").write(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    """Two lakes in turn on one context, then a third on a new one."""
    home: Path = tmp_path_factory.mktemp("lakes")
    script = home / "scenario.py"
    script.write_text(SCRIPT, encoding="utf-8")
    return run_scenario(str(script), home)


def test_each_lake_has_the_rows_that_were_written_to_it(opened):
    assert [each["rows"] for each in opened] == [[1], [2], [1, 3], [4]]
    assert all(each["files"] for each in opened)


def test_whoever_asks_for_the_session_is_given_that_of_the_lake_that_was_opened_last(opened):
    assert [each["active"] for each in opened] == [each["rows"] for each in opened]


def test_the_context_is_kept_only_where_that_is_asked_for(opened):
    first, second, again, new = (each["context"] for each in opened)
    assert first == second == again != new
