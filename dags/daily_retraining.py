"""Retrain, evaluate and publish the models of one exchange session, then score the next.

`await_drops → ingest → validate → features → train → evaluate → publish → score`, every step from `ingest` on except
`publish` a Spark job. With `schedule: on` in `include/config/platform.yaml` it starts when the closing bell of a
session has rung, half days and holidays included; a manual run is for one session (form field **session**). Its
deadline is two hours after the bell: an alert is sent when it passes, and every step receives it. `await_drops` waits,
without a worker slot, until every source has delivered or its cut-off (`arrival` in its file) has passed; then the
source's late policy decides whether the run fails or continues without it.

**Rerun.** Clear any task, or start a run for the same session again: work that is committed under the same inputs is
not repeated. A task that is cleared alone keeps its inputs; to use newer data clear `ingest` and all after it. Many
sessions: `airflow backfill create --dag-id daily_retraining --from-date 2026-06-01 --to-date 2026-06-30
--max-active-runs 1`, one run a session of these dates, both included.

**Traps.** A verdict of `keep` is a success: the champion was better, and it scores the next session. A verdict of
`hold` publishes nothing and needs a person's review. A run of an old session, or of a backfill, never moves the
champion. A manual run does not use its logical date: without **session** it fails in `open_run`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.deadline_reference import session_deadline
from afterbell.airflow.forms import CLUSTER
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.open_run import open_run
from afterbell.airflow.pools import DAILY, DAILY_FIRST, DAILY_WEIGHT
from afterbell.airflow.tasks import await_drops, library_step, spark_step
from afterbell.airflow.timetable import platform_sessions


@dag(
    schedule=platform_sessions(),
    deadline=session_deadline(),
    catchup=False,
    is_paused_upon_creation=False,  # platform.yaml sets whether anything starts by itself
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Daily retraining",
    tags=["afterbell", "daily"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2, minutes=30),
        "pool": DAILY,
        "priority_weight": DAILY_WEIGHT,
        "weight_rule": DAILY_FIRST,
    },
    dagrun_timeout=timedelta(hours=4),
    params={
        "session": Param(
            default=None,
            type=["null", "string"],
            format="date",
            title="Session",
            description="The exchange session to retrain for, such as 2026-06-30: required when started manually. "
            "The run waits for its drops.",
        ),
        "profile": Param(**CLUSTER),
    },
)
def daily_retraining() -> None:
    """Wire the steps: each is given the ids that those before it committed."""
    run = open_run()
    drops = await_drops(run)
    landed = spark_step("ingest", run, run, drops)
    trusted = spark_step("validate", run, run, landed)
    features = spark_step("features", run, trusted)
    candidates = spark_step("train", run, trusted, features)
    verdict = spark_step("evaluate", run, drops, landed, trusted, features, candidates)
    released = library_step("publish", "afterbell.release", run, run, candidates, verdict)
    spark_step("score", run, trusted, features, released)


daily_retraining()
