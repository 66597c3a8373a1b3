"""Keep the lake and the artifact store in shape, once a week; report what was done.

In every table: audit branches that were abandoned are dropped, small files become larger ones, scattered manifests are
rewritten, unreferenced snapshots expire with their files, and files that no snapshot names are removed. In the artifact
store: folders of old runs and candidates that no release names. What releases, candidates and runs of the last weeks,
open branches and tags name stays, and so does everything younger than the longest run. The times are in
`include/config/maintenance.yaml`. No row of any table changes.

**Rerun.** Clear the task, or start a run: work that is done is not repeated.

**Traps.** With **dry_run** it only reports what it would do. While a run's audit branch is open, the files of its
tables are left as they are until next week: a compaction would make that run start again.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, dag

from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.pools import BACKFILL_WEIGHT, DAILY
from afterbell.airflow.tasks import open_maintenance, spark_step


@dag(
    schedule=CronTriggerTimetable("0 10 * * SUN", timezone="UTC", run_immediately=False),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Maintenance",
    tags=["afterbell", "weekly"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=11),
        "pool": DAILY,
        "priority_weight": BACKFILL_WEIGHT,
    },
    dagrun_timeout=timedelta(hours=12),
    params={
        "dry_run": Param(
            default=False,
            type="boolean",
            title="Dry run",
            description="Only report what would be done; change nothing.",
        ),
    },
)
def maintenance() -> None:
    """Wire the one step."""
    run = open_maintenance()
    spark_step("maintain", run, run)


maintenance()
