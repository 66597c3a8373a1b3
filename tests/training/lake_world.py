"""Run by the test beside it, under the Spark environment's Python: a small lake, then train and evaluate on it.

Writes as JSON the results of two trainings with the same inputs, of one with another penalty, of the evaluation,
of a fit on files that Spark copied, and of trainings that leave something out for the deadline.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.lake import scan
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, factor_table
from afterbell.release.publish import Judged, publish
from afterbell.release.turn import give_back_turn
from afterbell.run.contracts.models import EvaluateResult
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.assemble import build
from afterbell.training.collect import read_inputs
from afterbell.training.fits import FINAL, Fit, plan, settle
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix import ARRAYS
from afterbell.training.spark_fits import Shipped, copy_out, run_fits
from afterbell.training.spec import load_spec
from spark_jobs.evaluate import evaluate
from spark_jobs.train import train
from tests.steps import call_step, step_args

FACTORS = {"core": ("SIGNAL", "NOISE1"), "other": ("NOISE2",)}
SYMBOLS, STRENGTH = 60, 0.15
PAST, AHEAD = datetime(2020, 3, 31, 22, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
GONE, AFTER = "S59", 100
"""A symbol that is delisted, and the number of its last session."""
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
    there = (bars.symbol != GONE) | (bars.session <= sessions[AFTER])
    bars = bars.assign(
        open=bars.close, high=bars.close * 1.01, low=bars.close * 0.99, volume=100_000, adj_close=bars.close,
        knowledge_time=np.repeat(pd.DatetimeIndex(known), SYMBOLS), revision=0, drop_id="d",
    )  # fmt: skip
    snapshots = {}
    found = {"bars_snapshot": append(spark, BARS, bars[there])}
    values = iter(factors)
    for name, names in FACTORS.items():
        rows = pd.DataFrame({one: next(values).ravel() for one in names}, index=index)
        rows = rows.reset_index(names=["session", "symbol"]).assign(definition_hash="feedc0de", input_snapshot=1)
        # Of another definition: whoever doesn't look at the hash meets every row twice.
        other = rows.assign(definition_hash="older")
        snapshots[name] = append(spark, factor_table(name, names), pd.concat([rows[there], other[there]]))
    ensure_table(spark, CORPORATE_ACTIONS)
    none = spark.createDataFrame([], spark.table(CORPORATE_ACTIONS.full_name).schema)
    found["actions_snapshot"] = append_once(none, CORPORATE_ACTIONS, "world-actions")[0]
    prices = bars[bars.symbol == GONE].set_index("session")["close"]
    seen = {str(day): float(prices[day]) for day in sessions[: AFTER + 1]}
    handed = {"features_snapshots": snapshots, "definition_hashes": dict.fromkeys(FACTORS, "feedc0de")}
    return found | handed, seen


def append(spark, table, frame):
    """The snapshot of a first commit of ``frame``."""
    ensure_table(spark, table)
    schema = spark.table(table.full_name).schema
    # Split and shuffled: the order of the rows in the files must not matter.
    made = spark.createDataFrame(frame[schema.names], schema).repartition(3)
    return append_once(made, table, f"world-{table.name}")[0]


def another_penalty():
    """From here on the specification asks for another ridge, and for a blend that is learned."""
    path = Path(os.environ["AFTERBELL_CONFIG"]) / "models" / "daily.yaml"
    text = path.read_text(encoding="utf-8").replace("penalty: 0.1", "penalty: 0.2")
    path.write_text(f"{text}blend: learned\n", encoding="utf-8")


def fitted(spark, shipped):
    """The digest of a model fitted on an executor."""
    (found,) = run_fits(spark, shipped, [Fit("ridge", 1, FINAL, 200)], load_spec(), lambda *_: None)
    return hashlib.sha256(found.model).hexdigest()


def elsewhere(spark, args, folder):
    """Whether a store that Python can't reach gives the same files as ``folder`` has."""
    scan.reachable = lambda _: False  # as for hdfs:
    spec, runtime = load_spec(), Runtime.from_env()
    inputs = read_inputs(
        spark, runtime.s3, TrainingSnapshots.of(args.inputs, spec.feature_sets), Exchange(), args.session, spec
    )
    with tempfile.TemporaryDirectory() as other:
        build(inputs, spec, Path(other), {})
        return [(Path(other) / f"{name}.npy").read_bytes() == (folder / f"{name}.npy").read_bytes() for name in ARRAYS]


def hurry(told):
    """Trainings near and past the deadline, and what evaluating them comes to."""
    less = call_step(train, told("train", {"leave_out": [{"folds": 2}, {"families": ["ridge"]}], "needed_after": 600}))
    late = call_step(evaluate, told("evaluate", call_step(train, told("train")), PAST, "test__late"))
    another_penalty()
    # The time that the later steps need has begun already: nothing is begun.
    none = call_step(train, told("train", {"needed_after": 600}, PAST))
    held = call_step(evaluate, told("evaluate", none, run_id="test__held"))
    return {"less": less, "none": none, "held": held, "late": late}


def serve(judged):
    """Make the candidate that was judged the champion, and give its run's turn back."""
    store = ArtifactStore(Runtime.from_env().s3)
    result = EvaluateResult.read(judged)
    publish(store, Judged(result.candidate_id, None, result.metrics, result.reason), LAST, "test__one")
    give_back_turn(store, "test__one")


class Hanging(Shipped):
    """A matrix that the first four tasks get, and the others wait for in vain."""

    def load(self):
        marks = self.folder.parent.parent / "marks"
        marks.mkdir(exist_ok=True)
        for number in range(100):
            try:
                (marks / str(number)).touch(exist_ok=False)
                break
            except FileExistsError:
                continue
        if number >= 4:
            time.sleep(600)
        return super().load()


def cut_off(spark, folder):
    """What came of each fit whose time is over once four are done, and whether the cores are free again."""
    spec, over = load_spec(), Event()
    fits, _ = plan(spec, 315)

    def progress(done, result):
        if done == 4:
            over.set()

    results = run_fits(spark, Hanging(folder), fits, spec, progress, over)
    outcome = settle(results, [])
    free = spark.sparkContext.parallelize(range(4), 4).map(lambda value: value).count()
    return {
        "done": sorted(result.fit.name for result in results if not result.reason),
        "cut": sorted({result.reason for result in results if result.reason}),
        "whole": sorted((result.fit.family, result.fit.horizon) for result in outcome.finals),
        "free": free,
    }


def main():
    spark = lake_session(Runtime.from_env(), "world")
    inputs, prices = make_lake(spark)

    def told(step, more=(), deadline=AHEAD, run_id="test__one"):
        return step_args(step, LAST, run_id, deadline, inputs | dict(more))

    first, again = call_step(train, told("train")), call_step(train, told("train"))
    judged = call_step(evaluate, told("evaluate", {**again, "quarantine_by_rule": {"price_positive": 3}}))
    hurried = hurry(told)
    other = call_step(train, told("train"))
    serve(judged)
    beside = call_step(evaluate, told("evaluate", other, run_id="test__beside"))
    (folder,) = (Runtime.from_env().home / "matrices").iterdir()
    models = [fitted(spark, shipped) for shipped in (Shipped(folder), copy_out(spark, folder))]
    same = elsewhere(spark, told("train"), folder)
    cut = cut_off(spark, folder)
    spark.stop()
    seen = {"inputs": inputs, "first": first, "again": again, "judged": judged, "other": other, "models": models}
    seen |= {"prices": prices, "beside": beside, "elsewhere": same, "hurried": hurried, "cut": cut}
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
