"""The buttons of a Spark step's page: addresses from the profile and the cluster, written down by the worker."""

from __future__ import annotations

from afterbell.airflow.links import LINKS
from afterbell.airflow.spark_step import SparkStepOperator
from afterbell.cluster.profile import ClusterProfile
from plugins.afterbell_links import AfterbellLinks

STANDALONE = {"master": "spark://m1:7077", "rest_url": "http://m1:6066", "deploy_mode": "cluster"}


def _shown(**profile):
    step = SparkStepOperator(task_id="ingest", step="ingest", run={})
    step.show_places(ClusterProfile(**STANDALONE, **profile))
    return {link.name: link.get_link(step, ti_key=None) for link in step.operator_extra_links}


def test_a_task_links_to_what_its_profile_names():
    found = _shown(master_ui="http://m1:8080", history_server="http://h1:18080")
    assert found == {"Cluster": "http://m1:8080", "Driver log": "", "Spark history": "http://h1:18080"}


def test_what_the_profile_does_not_name_has_no_link():
    assert set(_shown().values()) == {""}


def test_a_task_that_has_not_begun_has_no_links():
    step = SparkStepOperator(task_id="ingest", step="ingest", run={})
    assert [link.get_link(step, ti_key=None) for link in LINKS] == ["", "", ""]


def test_the_plugin_knows_every_link():
    assert list(AfterbellLinks.operator_extra_links) == list(LINKS)
    assert len({link.xcom_key for link in LINKS}) == len(LINKS)
