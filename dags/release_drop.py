"""Release a drop that an audit refused.

`open_release_drop → release_drop`. A session that breaks a rule about whole sessions (coverage, row count, share of
lines set aside) is refused with its drops, and later runs leave them out. The log of the run that refused it, its
quality report and `./afterbell drops refused` have the id. Once a drop is released the next run takes it in, whatever
these rules say; who released it, when and why is stored permanently. `./afterbell drops release` does the same from a
shell.

**Rerun.** A drop that was released stays released: another run changes nothing.

**Traps.** This run ingests nothing: start `daily_retraining` for the session afterwards. A new delivery by the vendor
needs no release: it is audited by itself.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.forms import ONE_LINE, REFUSAL_ID
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.open_release_drop import open_release_drop
from afterbell.airflow.pools import DAILY, PEOPLE_WEIGHT
from afterbell.airflow.tasks import library_step


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Drops: let in one that was refused",
    tags=["afterbell", "admin"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=1),
        "pool": DAILY,
        "priority_weight": PEOPLE_WEIGHT,
    },
    dagrun_timeout=timedelta(hours=1),
    params={
        "refusal_id": Param(
            type="string",
            pattern=REFUSAL_ID,
            maxLength=16,
            title="Refusal",
            description="16 hexadecimal digits; the log of the run that refused the drop has them.",
        ),
        "reason": Param(
            type="string",
            pattern=ONE_LINE,
            minLength=3,
            maxLength=500,
            title="Reason",
            description="Why the drop is right nevertheless; stored permanently.",
        ),
    },
)
def release_drop() -> None:
    """Wire the steps."""
    run = open_release_drop()
    library_step("release_drop", "afterbell.ingest.release_drop", run, run)


release_drop()
