"""Who may see the pages, and what a browser may do with them."""

from __future__ import annotations

import re
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException

DAG = "daily_retraining"
"""Whoever may read the runs of this DAG may read what they did."""

OWN = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
"""Of our own pages: nothing foreign, nothing inline."""

STORED = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""Of a document out of a store: it runs no script, loads nothing, and has no origin to act in the name of."""

_READS_RUNS = requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN, param_dag_id=DAG)


def signed_in(user: GetUserDep) -> None:
    """Reject requests without a valid token or cookie (401)."""
    assert user is not None  # noqa: S101 - the dependency raises where there is nobody


READER = [Depends(signed_in), Depends(_READS_RUNS)]
"""For the whole application: signed in (401 otherwise), and allowed to read the runs of `DAG` (403 otherwise)."""


def reads(dag: str) -> list[Any]:
    """For pages that also show the runs of another DAG: requires the right to read those."""
    return [Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN, param_dag_id=dag))]


_SHAPES = {
    "session": r"\d{4}-\d{2}-\d{2}",
    "slug": r"[A-Za-z0-9_]{1,200}",
    "release": r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}",
    "run": r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,199}",
    "backfill": r"\d{8}-\d{8}-[0-9a-f]{8}",
    "experiment": r"[0-9a-f]{16}",
}
_EXPECTED = {
    "session": "a session like 2026-06-30",
    "slug": "the name of a run: letters, digits and _",
    "release": "a release like 2026-06-30-89608d8cfb8d",
    "run": "the id of a run",
    "backfill": "a backfill like 20150323-20151231-0123abcd",
    "experiment": "an experiment: 16 hexadecimal digits",
}


def checked(kind: str, text: str, status: int = 400) -> str:
    """``text``, if it has the shape of a ``kind``; no other text from an address ever reaches a store or a query.

    Raises:
        HTTPException: it does not; 400, or the status given.
    """
    if not re.fullmatch(_SHAPES[kind], text, re.ASCII):
        raise HTTPException(status, f"{text[:80]!r} is not {_EXPECTED[kind]}")
    return text


def headers(policy: str = OWN, **more: str) -> dict[str, str]:
    """The headers of every answer."""
    fields = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return fields | {name.replace("_", "-"): value for name, value in more.items()}
