"""Airflow's database in the tests' own home, with the project's DAGs in it as the DAG processor writes them."""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.session import create_session

from afterbell.airflow import prepare
from tests.airflow_home import ROOT


def make_database(dags: Path = ROOT / "dags") -> None:
    """Migrate, create the pools, and write the DAGs."""
    prepare.main()
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(str(dags), bundle_name="dags-folder")
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)


def serialized(dag_id: str):
    """The DAG as the scheduler reads it."""
    with create_session() as session:
        return session.scalar(SerializedDagModel.latest_item_select_object(dag_id)).dag
