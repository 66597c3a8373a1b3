"""The DAGs as Airflow's database has them, and a browser that fills in the forms of our pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from tests.airflow_home import ROOT
from tests.plugins.conftest import token_of

ORIGIN = "http://testserver"
FORM_TYPE = "application/x-www-form-urlencoded"
GOOD: dict[str, Any] = {
    "name": "more-trees", "note": "try it", "first": "2024-01-02", "last": "2026-06-30", "horizons": "1, 5",
    "families": ["lightgbm", "ridge"], "factor_sets": ["core"], "trials": "1", "cost_bps": "5", "seed": "7",
    "min_price": "2", "min_dollar_volume": "250000", "profile": "",
}  # fmt: skip
BACKFILL: dict[str, Any] = {
    "first": "2016-01-04", "last": "2016-06-30", "reason": "the vendor delivered 2016 anew",
    "steps": ["ingest", "features"], "factor_sets": [], "chunk_sessions": "100", "profile": "",
}  # fmt: skip


_TOKENS: dict[tuple[str | None, str], str] = {}


@lru_cache(maxsize=1)
def _bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415

    return DagBag(str(ROOT / "dags"))


@lru_cache(maxsize=1)
def put_dags(create_session: Any) -> None:
    """Write the project's DAGs into Airflow's database, as its DAG processor does; once, no test removes them."""
    from airflow.dag_processing.dagbag import sync_bag_to_db  # noqa: PLC0415
    from airflow.models.dagbundle import DagBundleModel  # noqa: PLC0415

    with create_session() as db:
        if db.get(DagBundleModel, "project") is None:
            db.add(DagBundleModel(name="project"))
    sync_bag_to_db(_bag(), "project", None)


@dataclass(frozen=True)
class Person:
    """Somebody with a browser, by default one who may start runs.

    Attributes:
        http: Airflow's API server.
        role: of Airflow's.
        path: of the form.
    """

    http: Any
    role: str | None = "user"
    path: str = "/afterbell/experiments/new"

    @property
    def sign(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_of(self.role)}", "Accept": "text/html"}

    def open(self) -> Any:
        """The empty form."""
        return self.http.get(self.path, headers=self.sign)

    def token(self) -> str:
        """The token of a form that was opened before; one is good for many."""
        key = (self.role, self.path)
        if key not in _TOKENS:
            _TOKENS[key] = re.search(r'name="token" value="([^"]+)"', self.open().text)[1]
        return _TOKENS[key]

    def send(self, fields: dict[str, Any] | list[tuple[str, str]], do: str = "show", **headers: str) -> Any:
        """Fill the form in and press a button."""
        pairs = list(fields.items()) if isinstance(fields, dict) else fields
        body = urlencode([("token", self.token()), *pairs, ("do", do)], doseq=True)
        return self.post(body, **headers)

    def post(self, body: str | bytes, **headers: str) -> Any:
        """Send a body as it is."""
        told = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Content-Type": FORM_TYPE}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self.path, content=body, headers=self.sign | {k: v for k, v in told.items() if v})


def runs_of(create_session: Any, dag: str = "experiment") -> list[Any]:
    """Ids, parameters and the starter of the runs of a DAG, oldest first."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    with create_session() as db:
        asked = select(DagRun.run_id, DagRun.conf, DagRun.triggering_user_name, DagRun._state).where(
            DagRun.dag_id == dag
        )
        return list(db.execute(asked.order_by(DagRun.id)).all())


def fault_beside(text: str, name: str) -> str:
    """What the page says beside a field."""
    import html  # noqa: PLC0415

    found = re.search(rf'id="fault-{name}">([^<]*)</p>', text)
    return html.unescape(found[1]) if found else ""
