"""Run by the test beside it, under the Spark environment's Python: a daily run's champion, then experiments beside it.

Writes as JSON what the steps answered, and what the store and the tables held before and after.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from afterbell.config.runtime import Runtime
from afterbell.experiments import resolve
from afterbell.experiments.request import parse_request
from afterbell.lake.commit import head
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.release import __main__ as publishing
from afterbell.stores.artifacts import ArtifactStore
from spark_jobs.evaluate import evaluate
from spark_jobs.experiment_evaluate import experiment_evaluate
from spark_jobs.experiment_promote import experiment_promote
from spark_jobs.experiment_train import experiment_train
from spark_jobs.train import train
from tests.steps import call_step, step_args
from tests.training.lake_world import LAST, make_lake

DAILY = {
    "name": "daily", "first": "2019-01-02", "last": LAST.isoformat(), "horizons": [1, 5],
    "families": ["lightgbm", "ridge"], "factor_sets": ["core", "other"], "trials": 1, "cost_bps": 5.0, "seed": 5,
    "min_price": 1.0, "min_dollar_volume": 1000.0,
}  # fmt: skip
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def kept(spark, store):
    """What the daily run holds: objects by version, and rows by table."""
    objects = {
        found.key: found.version
        for found in store.list("")
        if not found.key.startswith(("experiments/", "market/", "runs/", "reports/"))
    }
    return objects, spark.table("lake.predictions.out_of_sample").count()


def experiment(spark, inputs, **more):
    """The steps of an experiment up to its verdict."""
    request = parse_request(DAILY | more)
    opened = {"experiment": request.id, "request": request.model_dump(mode="json"), "promote": True}

    def told(step, *results):
        handed = {}
        for each in results:
            handed |= each
        return step_args(step, request.last, "experiment_test__one", FAR, handed)

    at = call_step(resolve.main, told("experiment_resolve", opened))
    ready = {name: inputs[name] for name in ("features_snapshots", "definition_hashes")}
    # Before any filing was ingested there is no table of them; bars and actions are what the world made.
    trained = call_step(experiment_train, told("experiment_train", opened, at, ready))
    judged = call_step(experiment_evaluate, told("experiment_evaluate", opened, at, trained))
    people = {"by": "ann", "note": "why not; $(id)", "approved_by": "bob"}
    return at, trained, judged, told("experiment_promote", opened, at, trained, judged, people)


def main():
    runtime = Runtime.from_env()
    spark, store = lake_session(runtime, "world"), ArtifactStore(runtime.s3)
    inputs, _ = make_lake(spark)
    trained = call_step(train, step_args("train", LAST, "daily__one", FAR, inputs))
    judged = call_step(evaluate, step_args("evaluate", LAST, "daily__one", FAR, inputs | trained))
    handed = inputs | trained | judged | {"origin": "manual"}
    published = call_step(publishing.main, step_args("publish", LAST, "daily__one", FAR, handed))
    before = kept(spark, store)

    _, same, same_judged, _ = experiment(spark, inputs)
    at, one, verdict, promoting = experiment(
        spark, inputs, name="search", trials=2, seed=11, first="2019-02-01", cost_bps=50.0
    )
    _, again, verdict_again, _ = experiment(
        spark, inputs, name="search", trials=2, seed=11, first="2019-02-01", cost_bps=50.0
    )
    strange, beyond = (experiment(spark, inputs, name="strange", **more)[2] for more in (
        {"horizons": [1, 3]}, {"horizons": [1]},
    ))  # fmt: skip
    after = kept(spark, store)
    promoted = call_step(experiment_promote, promoting)
    twice = call_step(experiment_promote, promoting)
    rows = spark.table("lake.predictions.out_of_sample").where(f"candidate_id = '{one['candidate_id']}'").count()
    own = spark.table("lake.experiments.out_of_sample").where(f"candidate_id = '{one['candidate_id']}'").count()
    # The next daily run is judged against what was promoted.
    handed = inputs | trained | {"oos_snapshot": head(spark, OUT_OF_SAMPLE)}
    next_night = call_step(evaluate, step_args("evaluate", LAST, "daily__two", FAR, handed))
    spark.stop()
    seen = {
        "daily": trained, "published": published, "before": before, "after": after, "same": same,
        "same_judged": same_judged, "at": at, "one": one, "verdict": verdict, "again": again,
        "verdict_again": verdict_again, "strange": strange, "beyond": beyond, "promoted": promoted, "twice": twice,
        "rows": rows, "own": own, "next": next_night,
    }  # fmt: skip
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
