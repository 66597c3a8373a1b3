"""Verify a release, roll the champion back, or promote a release, from the UI.

`open_release_admin → check_release → ask → move_champion`. Every release is verified first, file by file and model by
model. Before the champion moves, the task `ask` shows what would happen and waits for a person (**Required actions**);
without an answer within an hour nothing happens and the run is a success. `./afterbell release rollback` does the same
from a shell, with Airflow down. Who, when, why, from where and to where: `./afterbell release history`.

**Rerun.** Clear `move_champion`, or any task: a run that moved the champion detects that, and moves nothing again. A
new run of **rollback** goes back one release further.

**Traps.** After a rollback or a promotion the runs of sessions up to that day do not change the champion; the run of
the next session competes with it as usual. Approving applies to the champion that was shown: if it has moved since, the
task fails with that reason.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.approval import AskOperator
from afterbell.airflow.forms import ONE_LINE, RELEASE_ID
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.open_release_admin import ACTIONS, open_release_admin
from afterbell.airflow.pools import DAILY, PEOPLE_WEIGHT
from afterbell.airflow.tasks import library_step


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    doc_md=__doc__,
    dag_display_name="Releases: verify, roll back, promote",
    tags=["afterbell", "admin"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=2),
        "pool": DAILY,
        "priority_weight": PEOPLE_WEIGHT,
    },
    dagrun_timeout=timedelta(hours=3),
    params={
        "action": Param("verify", type="string", enum=list(ACTIONS), title="Action"),
        "release_id": Param(
            None,
            type=["null", "string"],
            pattern=RELEASE_ID,
            maxLength=40,
            title="Release",
            description="Such as 2026-06-30-0123456789ab. Empty: verify the champion, or roll back to the one before.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            pattern=ONE_LINE,
            maxLength=500,
            title="Reason",
            description="Why the champion is moved; stored permanently. Not needed to verify.",
        ),
    },
)
def release_admin() -> None:
    """Wire the steps."""
    run = open_release_admin()
    check = library_step("check_release", "afterbell.release.check", run, run)
    ask = AskOperator(task_id="ask", subject="Move the champion?", about=check, patience=timedelta(hours=1))
    library_step("move_champion", "afterbell.release.carry_out", run, run, check, ask.output)


release_admin()
