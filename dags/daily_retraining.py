"""Retrain, evaluate and publish the models of one exchange session, then score the next.

`await_drops → ingest → validate → features → train → evaluate → publish → score`, every step from `ingest` on but
`publish` a Spark job. It is started for one session (form field **session**); its deadline is two hours from that
session's closing bell. `await_drops` waits, without a worker slot, until every source has delivered or its cut-off
(`arrival` in its file) has passed; then the source's late policy says whether the run fails or goes on without it.

**Rerun.** Clear any task, or start a run for the same session again: what has been committed under the same inputs
is not done twice. A middle task alone keeps the ids it was handed; to use newer data clear `ingest` and all after it.

**Traps.** A verdict of `keep` is a success: the champion was better, and it scores the next session. A verdict of
`hold` publishes nothing and asks for a person. An old session never moves the champion.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.tasks import await_drops, library_step, open_run, spark_step


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,  # it has no schedule: nothing starts by itself
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Daily retraining",
    tags=["afterbell", "daily"],
    default_args={
        "owner": "afterbell",
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
    dagrun_timeout=timedelta(hours=4),
    params={
        "session": Param(
            type="string",
            format="date",
            title="Session",
            description="The exchange session to retrain for, such as 2026-06-30. Its drops are waited for.",
        ),
    },
)
def daily_retraining() -> None:
    """Wire the steps: each is handed the ids that those before it committed."""
    run = open_run()
    drops = await_drops(run)
    landed = spark_step("ingest", run, drops)
    trusted = spark_step("validate", run, landed)
    features = spark_step("features", run, trusted)
    candidates = spark_step("train", run, trusted, features)
    verdict = spark_step("evaluate", run, drops, landed, trusted, features, candidates)
    released = library_step("publish", "afterbell.release", run, candidates, verdict)
    spark_step("score", run, trusted, features, released)


daily_retraining()
