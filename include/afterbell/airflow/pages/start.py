"""Starting a run by Airflow's own code, with the rights and in the name of the signed-in user."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.api_fastapi.core_api.routes.public.dag_run import trigger_dag_run
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from fastapi import Depends, HTTPException, Request
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

_GOING = ("queued", "running")


def starts(dag: str) -> list[Any]:
    """For pages that start runs of ``dag``: requires the right to trigger it in Airflow (403 otherwise)."""
    check = requires_access_dag(method="POST", access_entity=DagAccessEntity.RUN, param_dag_id=dag)

    def may(request: Request, user: GetUserDep) -> None:
        try:
            check(request, user)
        except HTTPException as error:
            raise HTTPException(
                error.status_code,
                f"this page starts runs of {dag}: it requires the permission to trigger that DAG in Airflow",
            ) from error

    return [Depends(may)]


def may_start(dag: str, user: Any) -> bool:
    """Whether ``user`` may trigger ``dag``: others are shown no button."""
    details = DagDetails(id=dag, team_name=DagModel.get_team_name(dag))
    return bool(
        get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )


def is_paused(db: Session, dag: str) -> bool:
    """Whether runs of ``dag`` wait until somebody unpauses it."""
    return bool(db.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag)))


def going(db: Session, dag: str) -> int:
    """How many runs of ``dag`` are queued or running."""
    query = select(func.count()).where(DagRun.dag_id == dag, DagRun._state.in_(_GOING))  # noqa: SLF001 - the column
    return int(db.scalar(query) or 0)


def start_run(request: Request, db: Session, user: Any, dag: str, conf: Mapping[str, object], run_id: str) -> str:
    """Trigger ``dag`` as ``POST /dags/{dag}/dagRuns`` does, and return the run's id.

    The same form sent twice starts one run. Airflow checks the parameters once more, and records the person.

    Raises:
        HTTPException: 400, Airflow refuses the parameters; 404, it knows no such DAG.
    """
    text = json.dumps(dict(conf), sort_keys=True)
    run_id = f"{run_id}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"  # a form that was changed is another one
    if db.scalar(select(DagRun.id).where(DagRun.dag_id == dag, DagRun.run_id == run_id)) is not None:
        return run_id
    body = TriggerDAGRunPostBody(dag_run_id=run_id, logical_date=None, conf=dict(conf))
    try:
        trigger_dag_run(dag, body, request.app.state.dag_bag, user, db, request)
        db.flush()
    except IntegrityError:  # the second click was faster than the first one's answer
        db.rollback()
        return run_id
    # Airflow's route keeps its audit log beside the function that was called here.
    db.add(
        Log(
            event="trigger_dag_run", owner=user.get_name(), owner_display_name=user.get_name(),
            extra=json.dumps({"conf": dict(conf), "by": "afterbell page"}), dag_id=dag, run_id=run_id,
        )
    )  # fmt: skip
    return run_id
