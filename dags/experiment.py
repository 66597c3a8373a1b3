"""An analyst's experiment: train and evaluate models with other settings, without any effect on the daily run.

`open_experiment → experiment_resolve → features → experiment_train → experiment_evaluate → ask → experiment_promote`.
The report lies in the artifact bucket, `experiments/<id>/report.html`; the id is made of the form's content. With
several **trials** the settings of each family are searched: chosen on earlier folds, reported on later ones that were
not used for the choice. With **promote**, and if the candidate passes the gate, a person decides (**Required actions**)
whether it becomes champion; without an answer within a day it doesn't, and the run is a success. See
docs/experiments.md.

**Rerun.** Clear any task, or start the same form again: what was computed from the same snapshots is not computed
again.

**Traps.** Sessions that a factor set lacks are computed first: a new set takes longer the first time. A verdict of
`keep` or `hold` is a success. An experiment whose last session lies before the champion's is never promoted.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from afterbell.airflow.approval import AskOperator
from afterbell.airflow.experiment_form import FORM
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES
from afterbell.airflow.open_experiment import open_experiment
from afterbell.airflow.pages.mount import form_link
from afterbell.airflow.pools import BACKFILL_WEIGHT, DAILY
from afterbell.airflow.tasks import library_step, spark_step


@dag(
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=8,  # those that wait for a person hold nothing
    max_active_tasks=1,
    doc_md=(__doc__ or "") + form_link("New experiment", "experiments/new"),
    dag_display_name="Experiment",
    tags=["afterbell", "experiment"],
    **RUN_NOTICES,
    default_args={
        **TASK_NOTICES,
        "owner": "afterbell",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=12),
        "pool": DAILY,
        "priority_weight": BACKFILL_WEIGHT,
    },
    dagrun_timeout=timedelta(hours=36),
    params={name: Param(**field) for name, field in FORM.items()},
)
def experiment() -> None:
    """Wire the steps: each is given the ids that those before it committed."""
    run = open_experiment()
    resolved = library_step("experiment_resolve", "afterbell.experiments.resolve", run, run)
    features = spark_step("features", run, resolved)
    trained = spark_step("experiment_train", run, run, resolved, features)
    evaluated = spark_step("experiment_evaluate", run, run, resolved, trained)
    ask = AskOperator(
        task_id="ask", subject="Promote the experiment's models?", about=evaluated, patience=timedelta(hours=24)
    )
    spark_step("experiment_promote", run, run, trained, evaluated, ask.output)


experiment()
