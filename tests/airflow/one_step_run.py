"""Runs the DAG ``one_step`` in a process that a test may kill: ``start`` makes a run, ``again`` is its next try.

The operator, Airflow's database and its state store are the real ones; a scheduler would do no more than this does.
"""

from __future__ import annotations

import sys

from airflow.models.dagrun import DagRun
from airflow.sdk.definitions.dag import _run_task
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select

from afterbell.airflow import prepare
from tests.airflow.one_step.one_step import dag


def start() -> str:
    prepare.main()
    return dag.test(logical_date=None).state.value


def again() -> str:
    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag.dag_id)).one()
        run.state = DagRunState.RUNNING
        instance = run.get_task_instance("step", session=session)
        instance.try_number += 1
        instance.clear_next_method_args()  # as the scheduler does for every new try
        instance.state = TaskInstanceState.SCHEDULED
        session.flush()
        session.expunge(instance)
    _run_task(ti=instance, task=dag.get_task("step"), run_triggerer=True)
    return instance.state.value


if __name__ == "__main__":
    print("ended:", {"start": start, "again": again}[sys.argv[1]]())
