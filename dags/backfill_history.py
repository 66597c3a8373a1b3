"""Fill years of history: the missing sessions of a range at once, with one Spark job per step.

`plan → ingest → features`. The plan lists what is missing, its size and the expected time. It is stored with the
request and its reason (`backfills/<id>/` in the artifact store) before anything else is done; with **plan_only**
nothing else is done. Then the drops of the range are ingested and audited, and factor sets computed, **chunk_sessions**
at a time. The rows are those that a run for each session would have written. No model is trained, the champion never
moves.

**Rerun.** Clear a task, or start a run with the same fields: it is the same backfill and continues where it stopped.
Existing data is not computed again, and a finished backfill has nothing to do.

**Traps.** Daily runs have priority: while one is running, no chunk is started or published. A drop of the range counts
as known on its own day. Features of later sessions that are stored stay as they were computed, with less to look back
at: the plan lists these sessions as `stale`. The symbol master's log only goes forward: history adds nothing to it.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.backfill_form import FORM
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.open_backfill import backfill_step, open_backfill, plan_backfill
from afterbell.airflow.pages.mount import form_link
from afterbell.airflow.pools import BACKFILL_WEIGHT, BACKFILLS


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    doc_md=(__doc__ or "") + form_link("New backfill", "backfills/new"),
    dag_display_name="Backfill history",
    tags=["afterbell", "backfill"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "pool": BACKFILLS,
        "priority_weight": BACKFILL_WEIGHT,
        "weight_rule": "absolute",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=20),
    },
    dagrun_timeout=timedelta(hours=24),
    params={name: Param(**field) for name, field in FORM.items()},
)
def backfill_history() -> None:
    """Wire the steps: features come after ingestion."""
    run = open_backfill()
    planned = plan_backfill(run)
    backfill_step("ingest", run, planned) >> backfill_step("features", run, planned)


backfill_history()
