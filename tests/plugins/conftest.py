"""Airflow's real API server application with the plugin in it, a real S3, and rows as runs leave them."""

from __future__ import annotations

import json
import os
import secrets
import uuid
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

import tests.airflow_home  # noqa: F401 - before Airflow

os.environ |= {
    "AIRFLOW__CORE__AUTH_MANAGER": (
        "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    ),
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "somebody:viewer",
    "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
    "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}  # fmt: skip

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of Airflow and its libraries among themselves, while they are imported
    import airflow.api_fastapi.core_api.security  # noqa: F401

from afterbell.airflow.pages import documents
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import Timeouts
from tests.patience import LONG, wait_long_for_services


def pytest_collection_modifyitems(items):
    """Airflow's database and web server, and exchange_calendars on pandas 3, warn of themselves."""
    for item in items:
        if "plugins" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


SESSION = "2026-06-30"
CLOSE = datetime(2026, 6, 30, 20, tzinfo=UTC)
DAG = "daily_retraining"


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """The variables of a step, with a real S3 behind them."""
    from afterbell.config.platform import Folders, Platform  # noqa: PLC0415
    from afterbell.embedded import stack  # noqa: PLC0415

    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path_factory.mktemp("home"), env=set_up.env)
    wait_long_for_services()
    with stack.running(folders, Platform(), ("s3",)) as found:
        yield stack.step_env(folders, Platform(), found)


@pytest.fixture
def store(s3, monkeypatch, tmp_path):
    """The artifact bucket, empty; the connection ``afterbell_s3`` leads to it, AFTERBELL_HOME to an empty folder."""
    for name, body in connection_environment(s3, "local", ClusterProfile(master="local[2]")).items():
        monkeypatch.setenv(name, body)
    monkeypatch.setenv("AFTERBELL_HOME", str(tmp_path))
    monkeypatch.setattr(documents, "SECONDS", LONG)  # a page gives up sooner than a busy machine answers
    monkeypatch.setattr(documents, "_TIMEOUTS", Timeouts(connect=LONG, read=LONG))
    found = ArtifactStore(Runtime.from_env(s3).s3, keys=(s3["AWS_ACCESS_KEY_ID"], s3["AWS_SECRET_ACCESS_KEY"]))
    found.ensure_bucket()
    for item in found.list(""):
        found._bucket.client.delete_object(Bucket=found.bucket, Key=item.key)
    return found


@pytest.fixture(scope="session")
def server():
    """The application of Airflow's API server, with a database of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own
        from airflow.api_fastapi.app import create_app  # noqa: PLC0415
        from airflow.utils.db import initdb  # noqa: PLC0415

        initdb()
        return create_app(apps="core")


@pytest.fixture
def database(server):
    """Airflow's database, without runs."""
    from airflow.models.backfill import Backfill, BackfillDagRun  # noqa: PLC0415
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415
    from sqlalchemy import delete  # noqa: PLC0415

    with create_session() as session:
        for model in (BackfillDagRun, DagRun, Backfill):
            session.execute(delete(model))
    return create_session


@dataclass(frozen=True)
class Client:
    """Asks for pages, by default as somebody who may read DAGs."""

    http: object
    token: str

    def __call__(self, path, *, token=None, **headers):
        sign = {"Authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {}
        return self.http.get(f"/afterbell{path}", headers={"Accept": "text/html"} | sign | headers)

    def json(self, path):
        answer = self(path, Accept="application/json")
        assert answer.status_code == 200, answer.text
        return answer.json()


def token_of(role):
    """A valid token of somebody with that role; None is somebody who may do nothing."""
    from airflow.api_fastapi.app import get_auth_manager  # noqa: PLC0415
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: PLC0415

    return get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=f"a-{role}", role=role))


@pytest.fixture
def client(server, database, store):
    """The pages, as a browser gets them."""
    from fastapi.testclient import TestClient  # noqa: PLC0415

    return Client(TestClient(server, follow_redirects=False), token_of("viewer"))


def put(store, key, body):
    """Write one document of a run."""
    store.put(key, body if isinstance(body, bytes) else json.dumps(body).encode())


def add_run(
    database, run_id, *, session=SESSION, state="success", tasks=(), opened=None, opener="open_run", dag=DAG, **more
):
    """A run in Airflow's database; ``tasks`` are (name, state, started, ended), ``failures`` what they left."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415
    from airflow.models.xcom import XComModel  # noqa: PLC0415
    from sqlalchemy import insert, select  # noqa: PLC0415

    started, failures = more.pop("started", CLOSE), more.pop("failures", {})
    row = {
        "dag_id": dag, "run_id": run_id, "state": state, "run_type": "manual", "conf": {"session": session},
        "start_date": started, "run_after": CLOSE, "span_status": "not_started", "clear_number": 0,
    } | more  # fmt: skip
    with create(database) as db:
        db.execute(insert(DagRun.__table__).values(**row))
        number = db.scalar(select(DagRun.id).where(DagRun.run_id == run_id))
        for name, task_state, begun, ended in tasks:
            db.execute(insert(TaskInstance.__table__).values(
                id=uuid.uuid4(), task_id=name, dag_id=dag, run_id=run_id, map_index=-1, state=task_state,
                start_date=begun, end_date=ended, try_number=1, max_tries=2, pool="default_pool", pool_slots=1,
                span_status="not_started",
            ))  # fmt: skip
        left = [(opener, "return_value", opened)] if opened else []
        for task, key, value in [*left, *((task, "failure", told) for task, told in failures.items())]:
            db.execute(insert(XComModel.__table__).values(
                dag_run_id=number, task_id=task, map_index=-1, key=key, dag_id=dag, run_id=run_id, value=value,
                timestamp=CLOSE,
            ))  # fmt: skip
    return number


def create(database):
    """A session of Airflow's database that commits at its end."""
    return database()
