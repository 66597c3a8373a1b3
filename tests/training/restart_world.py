"""A search on real Spark with records on real S3: a driver that is killed, its successor, one that nobody killed."""

import hashlib
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from afterbell.config.runtime import Runtime
from afterbell.evaluation.trial_scores import TrialJudge, describe_search
from afterbell.training.candidate import describe
from afterbell.training.fan_out import Job
from afterbell.training.fit_records import FitRecords, record_store
from afterbell.training.fits import FINAL, Fit
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix import ARRAYS, INDEX, Matrix
from afterbell.training.search.parts import split
from afterbell.training.search.source import Search
from afterbell.training.spark_fits import Shipped, fits_of_trials, run_fits, run_jobs, run_source
from tests.training.conftest import make_matrix, make_spec
from tests.training.search.world import COSTS, WITHIN

SNAPSHOTS = TrainingSnapshots(1, 2, {"one": 3}, {"one": "h"})
KILLED_AFTER = 11
"""Of 18 fits: each family has 4 trials on one fold, 3 on the next, and a fold and a final fit to report."""
SEARCH = WITHIN | {"lightgbm": {"num_leaves": {"low": 3, "high": 12}}, "trials": 4, "cohort": 4}
TRIALS = [8, 12, 16]
"""Leaves of LightGBM's trees."""


def matrix_folder(home):
    folder = home / "matrix"
    if not folder.exists():
        matrix = make_matrix(0.1)
        folder.mkdir(parents=True)
        for name in ARRAYS:
            np.save(folder / f"{name}.npy", getattr(matrix, name))
        index = {"names": matrix.names, "horizons": matrix.horizons, "tickers": matrix.tickers}
        index |= {"grid": [day.isoformat() for day in matrix.grid], "sets": {"one": matrix.names}}
        (folder / INDEX).write_text(json.dumps(index | {"made_from": {"matrix": 1}}), encoding="utf-8")
    return folder


def train(spark, folder, run, killed_after=0):
    """The candidate, the digests of its results, and the fits that were run, by their names and results."""
    spec, matrix = make_spec(search=SEARCH), Matrix.load(folder)
    parts, done = split(spec, len(matrix.grid)), []
    search = Search(spec, parts, partial(TrialJudge, COSTS), print)
    sharing = fits_of_trials(fit for fits in parts.choice.values() for fit in fits)
    with FitRecords(record_store(Runtime.from_env().s3), run, matrix.made_from, print) as records:

        def progress(count, result):
            done.append(f"{result.fit.name} {digest(result)}")
            if count == killed_after:
                records._writer.submit(int).result()  # what is done by now is written
                (folder.parent / "done.json").write_text(json.dumps(done), encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)

        run_source(spark, Shipped(folder), search, sharing, progress, records=records)
        found = search.result()
        content = describe("c", matrix.grid[-1], spec, matrix, found.outcome, SNAPSHOTS)
        left = [entry.key for entry in record_store(Runtime.from_env().s3).list(f"fits/{run}/")]
        records.remove()
    return {
        "candidate": content.to_json(),
        "search": describe_search(found.studies),
        "results": [digest(result) for result in (*found.outcome.finals, *found.outcome.folds)],
        "run": done,
        "planned": search.planned(),
        "left": left,
    }


def digest(result):
    return hashlib.sha256(result.model + result.predictions).hexdigest()


class Dying(Shipped):
    """A matrix on which the first task that loads it dies."""

    def load(self):
        try:
            (self.folder.parent / "died").touch(exist_ok=False)
        except FileExistsError:
            return super().load()
        os._exit(1)


def fail(spark, folder):
    """What came of twelve fits of which one is of a horizon that the matrix doesn't have, and of a task that dies."""
    spec = make_spec()
    fits = [Fit("ridge", 1, fold, 60, 70, 89) for fold in range(11)]
    raising = run_fits(spark, Shipped(folder), [*fits, Fit("ridge", 7, 0, 60, 70, 89)], spec, lambda *_: None)
    dying = run_fits(spark, Dying(folder), fits[:3], spec, lambda *_: None)
    return {
        "reasons": [result.reason for result in raising],
        "dying": [digest(result) for result in dying],
        "sound": [digest(result) for result in raising[:3]],
    }


def share(spark, folder):
    """Digests of trials on the executors, with shared bins and without, and the files that were shared."""
    specs = [
        make_spec(families={"lightgbm": {"rounds": 9, "num_leaves": leaves, "learning_rate": 0.1}}) for leaves in TRIALS
    ]
    jobs = [Job(Fit("lightgbm", 1, FINAL, 127), spec) for spec in specs]
    before = shared_files(folder)
    together = run_jobs(spark, Shipped(folder), jobs, lambda *_: None)
    alone = [run_jobs(spark, Shipped(folder), [job], lambda *_: None)[0] for job in jobs]
    files = sorted(shared_files(folder) - before)
    return {"together": [digest(one) for one in together], "alone": [digest(one) for one in alone], "files": files}


def shared_files(folder):
    return {path.name for path in (folder / "shared").iterdir() if not path.suffix}


def main():
    home = Path(os.environ["AFTERBELL_HOME"])
    folder, spark = matrix_folder(home), SparkSession.builder.getOrCreate()
    if not (home / "done.json").exists():
        train(spark, folder, "killed", KILLED_AFTER)
    seen = {"restarted": train(spark, folder, "killed"), "undisturbed": train(spark, folder, "undisturbed")}
    seen |= {"failed": fail(spark, folder), "shared": share(spark, folder)}
    spark.stop()
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
