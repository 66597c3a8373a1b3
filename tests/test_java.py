"""One JVM serves scenarios one after the other, and none that a broken one left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import java
from tests.spark_run import run_scenario

pytestmark = pytest.mark.services
LIGHT = """
import json, os, sys
from pyspark import SparkContext

SparkContext._ensure_initialized()
java = SparkContext._jvm.java.lang
seen = {"jvm": java.ProcessHandle.current().pid(), "home": os.environ["AFTERBELL_HOME"], "driver": os.getpid()}
"""
ANSWER = """
open(sys.argv[1], "w").write(json.dumps(seen))
"""
SESSION = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
seen["app"] = spark.sparkContext.applicationId
seen["views"] = [view.name for view in spark.catalog.listTables()]
seen["setting"] = spark.conf.get("spark.afterbell.left", "unset")
spark.range(1).createOrReplaceTempView("left_behind")
spark.conf.set("spark.afterbell.left", "behind")
"""


@pytest.fixture
def run(tmp_path: Path):
    """Run one scenario after the other, each in a home of its own, beside no JVM of other tests."""
    java.end_waiting()
    homes = iter(range(9))

    def call(text: str = "", stores: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        home = tmp_path / str(next(homes))
        home.mkdir()
        script = home / "scenario.py"
        script.write_text(LIGHT + text + ANSWER, encoding="utf-8")
        return run_scenario(str(script), home, stores, **options)

    yield call
    java.end_waiting()


def test_the_second_has_the_jvm_of_the_first_and_nothing_else_of_it(run):
    first, second = run(SESSION), run(SESSION)
    assert second["jvm"] == first["jvm"]
    for name in ("home", "driver", "app"):
        assert second[name] != first[name], name
    assert [(each["views"], each["setting"]) for each in (first, second)] == [([], "unset")] * 2


def test_after_one_that_fails_in_whatever_way_the_next_has_a_new_jvm(run):
    numbers = [run()["jvm"]]
    for end in (
        "raise SystemExit(3)",
        "import signal; os.kill(os.getpid(), signal.SIGKILL)",
        "java.Runtime.getRuntime().halt(1)",
    ):
        with pytest.raises(
            AssertionError, match=r"exit status \d+; the end of scenario\.log(.|\n)*the end of java\.log"
        ):
            run(end)
        numbers.append(run()["jvm"])
    assert len(set(numbers)) == len(numbers)


def test_one_that_ends_well_by_saying_so_leaves_its_jvm(run):
    assert run(ANSWER + "raise SystemExit(0)")["jvm"] == run()["jvm"]


def test_one_that_asks_for_a_jvm_of_its_own_leaves_the_waiting_one_alone(run):
    first, own, third = run(), run(own_java=True), run()
    assert own["jvm"] != first["jvm"] == third["jvm"]


def test_other_keys_take_another_jvm_and_one_without_stores_takes_any(run):
    one = {"AWS_ACCESS_KEY_ID": "one", "AFTERBELL_FEED_BUCKET": "a"}
    first = run(stores=one)
    assert run(stores=one | {"AFTERBELL_FEED_BUCKET": "b"})["jvm"] == first["jvm"]
    assert run()["jvm"] == first["jvm"]
    assert run(stores=one | {"AWS_ACCESS_KEY_ID": "other"})["jvm"] != first["jvm"]


def test_no_jvm_serves_for_ever(run, monkeypatch):
    monkeypatch.setattr(java, "_MOST", 2)
    numbers = [run()["jvm"] for _ in range(3)]
    assert numbers[0] == numbers[1] != numbers[2]
