"""A search in one process: fits run in threads on a matrix in memory."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial

from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.trial_scores import TrialJudge
from afterbell.training.fan_out import NOWHERE, fan_out_from
from afterbell.training.fit_records import identity_of
from afterbell.training.search.parts import split
from afterbell.training.search.source import Search
from afterbell.training.spark_fits import attempt_job
from afterbell.training.spec import ModelSpec
from tests.training.conftest import SPEC

COSTS = PortfolioSettings(cost_bps=5.0, sessions_per_year=252, min_symbols=20)
RIDGE = {"ridge": {"penalty": 0.1}}
SPLIT = {"folds": 4, "test_sessions": 15, "min_train_sessions": 30, "embargo": 1}
WITHIN = {"ridge": {"penalty": {"low": 0.001, "high": 100.0, "log": True}, "clip": {"low": 2.0, "high": 8.0}}}


class KilledError(Exception):
    """The driver is no more."""


class LocalRunner:
    """Runs fits here; ``dies_after`` so many, as a driver that is killed."""

    def __init__(self, matrix, cores=2, dies_after=None, shuffled=None):
        self.matrix, self.cores, self.dies_after = matrix, cores, dies_after
        self.ran, self.lock = Counter(), threading.Lock()
        self.dice = None if shuffled is None else random.Random(shuffled)

    def run(self, jobs):
        results = []
        for job in jobs:
            with self.lock:
                if self.dies_after is not None and sum(self.ran.values()) >= self.dies_after:
                    raise KilledError
                self.ran[name_of(job)] += 1
                pause = self.dice.random() / 100 if self.dice else 0.0
            threading.Event().wait(pause)
            results.append(attempt_job(job, self.matrix))
        return results

    def cancel(self):
        return None


class Shelf:
    """Records that outlive a driver."""

    def __init__(self):
        self.results, self.lock = {}, threading.Lock()

    def read(self, jobs):
        names = [name_of(job) for job in jobs]
        return {number: self.results[name] for number, name in enumerate(names) if name in self.results}

    def add(self, jobs, results):
        with self.lock:
            self.results |= {name_of(job): result for job, result in zip(jobs, results, strict=True)}


def name_of(job):
    return identity_of(job, {"matrix": 1})


def search_spec(trials, *, within=WITHIN, families=RIDGE, split=SPLIT, **settings):
    search = {"trials": trials, "cohort": 4} | within | settings
    return ModelSpec.model_validate(SPEC | {"families": families, "split": split, "search": search})


def run_search(spec, matrix, runner, *, records=NOWHERE, seconds_left=None, over=None, told=None):
    """The result of a search, and the search."""
    parts = split(spec, len(matrix.grid))
    tell = (lambda _: None) if told is None else told.append
    search = Search(spec, parts, partial(TrialJudge, COSTS), tell, seconds_left)
    fan_out_from(search, runner, lambda *_: None, over, records)
    return search.result(), search


def essence(result):
    """All that decides a candidate."""
    return (
        result.outcome.skipped,
        result.left_out,
        [(one.fit, one.rows, one.model, one.predictions) for one in (*result.outcome.finals, *result.outcome.folds)],
        [
            (
                study.key,
                study.chosen,
                study.used,
                [(n, one.trial.params, one.values, one.ending) for n, one in study.trials.items()],
            )
            for study in result.studies
        ],
    )
