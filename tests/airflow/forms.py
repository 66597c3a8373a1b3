"""What Airflow makes of a form: the check that a trigger by the page or by REST goes through, 400 if it raises."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from tests.airflow_home import ROOT

PATHS = ["../x", "/etc/passwd", "%2e%2e/x", "a\\b", "..", "a/b"]
COMMANDS = ["; rm -rf /", "$(id)", "`id`", "x\n--conf spark.x=y", "-1", "--help", "{{ ds }}", "{% x %}", "x\0", "|id"]
HOSTILE = [*PATHS, *COMMANDS]


@lru_cache(maxsize=1)
def bag() -> DagBag:
    return DagBag(str(ROOT / "dags"))


@lru_cache
def _serialized(dag_id: str) -> Any:
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(bag().dags[dag_id]))


def form(dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a run with ``conf``, as the API server checks them: of the DAG as it was serialized."""
    return dict(_serialized(dag_id).params.deep_merge(conf).validate())


def refused(dag_id: str, conf: dict[str, Any], name: str) -> None:
    """The form is refused, and the field is named."""
    with pytest.raises((ParamValidationError, ValueError), match=f"Invalid input for param {name}"):
        form(dag_id, conf)
