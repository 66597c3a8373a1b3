"""A DAG of one step on the cluster, whose driver does what a test says."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from airflow.sdk import DAG

from afterbell.airflow.spark_step import SparkStepOperator

DRIVER = Path(__file__).resolve().parents[2] / "clusters" / "drivers" / "step.py"


class TrivialStep(SparkStepOperator):
    """The real operator, with another script and what that is to do."""

    def job(self, context):
        return replace(super().job(context), script=DRIVER)

    def besides(self, cluster):  # noqa: ARG002
        return {}, {name: os.environ.get(name, "") for name in ("CLUSTER_TEST", "CLUSTER_TEST_TRACE")}


def trivial_step(run_id, **more):
    """The task, for a run of its own."""
    run = {
        "session": "2026-06-30",
        "run_id": run_id,
        "started": "2026-06-30T20:00:00+00:00",
        "deadline": "2100-01-01T00:00:00+00:00",
        "replayed": True,
        "origin": "manual",
        "profile": "",
    }
    return TrivialStep(task_id="step", step="ingest", run=run, **more)


with DAG("one_step", schedule=None) as dag:
    trivial_step(os.environ.get("CLUSTER_TEST_TRACE", "one-step"))
