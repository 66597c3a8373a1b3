"""Run by the test beside it, under the Spark environment's Python: a small lake, then train and evaluate on it.

Prints one JSON line: the results of two trainings with the same inputs, of the evaluation, and of later candidates.
"""

import json
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import StepArgs
from afterbell.config.runtime import Runtime
from afterbell.lake.commit import append_once, ensure_table
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, factor_table
from spark_jobs.evaluate import evaluate
from spark_jobs.train import train

FACTORS = ("SIGNAL", "NOISE1", "NOISE2")
SYMBOLS, STRENGTH = 60, 0.15
FIRST, LAST = date(2019, 1, 2), date(2020, 3, 31)


def make_lake(spark):
    """Returns of the bar after next carry the factor's signal; returns the snapshot ids."""
    exchange = Exchange()
    sessions = exchange.between(FIRST, LAST)
    rng = np.random.default_rng(12)
    shape = (len(sessions), SYMBOLS)
    factors = rng.standard_normal((3, *shape)).astype(np.float32)
    shocks = rng.standard_normal(shape)
    shocks[2:] = STRENGTH * factors[0, :-2] + np.sqrt(1 - STRENGTH**2) * shocks[2:]
    close = 50 * np.exp(np.cumsum(0.01 * shocks, axis=0))
    index = pd.MultiIndex.from_product([sessions, [f"S{number:02d}" for number in range(SYMBOLS)]])
    known = [exchange.close(day) + timedelta(minutes=30) for day in sessions]
    bars = pd.DataFrame({"close": close.ravel()}, index=index).reset_index(names=["session", "symbol"])
    bars = bars.assign(
        open=bars.close, high=bars.close * 1.01, low=bars.close * 0.99, volume=100_000, adj_close=bars.close,
        knowledge_time=np.repeat(pd.DatetimeIndex(known), SYMBOLS), revision=0, drop_id="d",
    )  # fmt: skip
    columns = {name: factors[number].ravel() for number, name in enumerate(FACTORS)}
    rows = pd.DataFrame(columns, index=index).reset_index(names=["session", "symbol"])
    rows = rows.assign(definition_hash="feedc0de", input_snapshot=1)
    features = factor_table("core", FACTORS)
    found = {}
    for name, table, frame in (("bars_snapshot", BARS, bars), ("features_snapshot", features, rows)):
        ensure_table(spark, table)
        schema = spark.table(table.full_name).schema
        # Split and shuffled: the order of the rows in the files must not matter.
        made = spark.createDataFrame(frame[schema.names], schema).repartition(3)
        found[name] = append_once(made, table, f"world-{name}")[0]
    ensure_table(spark, CORPORATE_ACTIONS)
    none = spark.createDataFrame([], spark.table(CORPORATE_ACTIONS.full_name).schema)
    found["actions_snapshot"] = append_once(none, CORPORATE_ACTIONS, "world-actions")[0]
    return found | {"definition_hash": "feedc0de"}


def main():
    spark = lake_session(Runtime.from_env(), "world")
    inputs = make_lake(spark)

    def told(step, more=()):
        return StepArgs(step, LAST, "test__one", datetime(2020, 3, 31, 22, tzinfo=UTC), inputs | dict(more))

    first, again = train(told("train")), train(told("train"))
    judged = evaluate(told("evaluate", {**again, "quarantine_by_rule": {"price_positive": 3}}))
    spark.stop()
    print(json.dumps({"inputs": inputs, "first": first, "again": again, "judged": judged}))


if __name__ == "__main__":
    sys.exit(main())
