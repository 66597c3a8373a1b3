"""Run by the test beside it: two DAGs with our callbacks, to their ends, in one process of real Airflow.

``python scenario_notices.py FOLDER`` puts the DAG file into FOLDER and runs each DAG once.
"""

import sys
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

DAGS = """
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException
from afterbell.airflow.notices import RUN_NOTICES, TASK_NOTICES

RUN = {"session": "2016-06-30", "run_id": "r", "deadline": "2016-06-30T22:00:00+00:00", "origin": "manual"}


@task(task_id="open_run")
def open_run():
    return RUN


@task(task_id="ingest")
def ingest(run, fails):
    if fails:
        raise AirflowFailException("step 'ingest' failed: CorruptDropError: prices/x is cut off")


@dag(schedule=None, **RUN_NOTICES, default_args=TASK_NOTICES | {"owner": "afterbell"})
def ends_well():
    ingest(open_run(), False)


@dag(schedule=None, **RUN_NOTICES, default_args=TASK_NOTICES | {"owner": "afterbell"})
def fails():
    ingest(open_run(), True)


ends_well()
fails()
"""


def main():
    folder = Path(sys.argv[1])
    (folder / "both.py").write_text(DAGS, encoding="utf-8")
    bag = DagBag(dag_folder=str(folder))
    assert not bag.import_errors, bag.import_errors
    for name in ("ends_well", "fails"):
        bag.dags[name].test(logical_date=None)


if __name__ == "__main__":
    main()
