"""Requests that write take turns: with SQLite, Airflow's API would wait for itself."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import httpx
import pytest
from fastapi import Depends, FastAPI

from afterbell.airflow.one_writer import OneWriter
from tests.patience import LONG

_PATIENCE = 0.5


class _Written:
    """A database, and an API that writes to it as Airflow's does: a log on the loop, the rest in a thread."""

    def __init__(self, path):
        self.path = path
        self.log_began, self.task_wrote = threading.Event(), threading.Event()
        self.held = _PATIENCE
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE rows (text)")

    def connect(self):
        return sqlite3.connect(self.path, timeout=_PATIENCE, check_same_thread=False)

    @property
    def rows(self):
        with self.connect() as connection:
            return sorted(text for (text,) in connection.execute("SELECT text FROM rows"))

    def application(self):
        app = FastAPI()

        def session():
            with self.connect() as connection:  # commits as it is left, which the loop has to ask for
                yield connection

        async def log():
            self.log_began.set()
            with self.connect() as connection:
                connection.execute("INSERT INTO rows VALUES ('log')")

        @app.post("/task")
        def task(session=Depends(session, scope="function")):  # noqa: B008
            session.execute("INSERT INTO rows VALUES ('task')")
            self.task_wrote.set()
            self.log_began.wait(self.held)

        @app.post("/trigger", dependencies=[Depends(log)])
        def trigger(body: dict):
            return body

        @app.get("/look")
        def look():
            return self.rows

        return app


def _both(app, written, then="/trigger", **given):
    """What a task's start and a request that comes in the middle of it are answered."""

    async def ask():
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=30) as client:
            first = asyncio.create_task(client.post("/task"))
            assert await asyncio.to_thread(written.task_wrote.wait, LONG)  # its thread has the lock
            second = await (client.post(then, json=given) if given else client.get(then))
            return (await first).status_code, second

    return asyncio.run(ask())


@pytest.fixture
def written(tmp_path):
    return _Written(tmp_path / "airflow.db")


def test_a_trigger_while_a_task_starts_waits_for_its_turn(written):
    started, triggered = _both(OneWriter(written.application()), written, session="2024-03-15")
    assert (started, triggered.status_code, triggered.json()) == (200, 200, {"session": "2024-03-15"})
    assert written.rows == ["log", "task"]


def test_without_turns_the_two_wait_for_each_other(written):
    """What the turns are for; once this fails, Airflow's way of writing its log may have become harmless, too."""
    written.held = LONG  # the log's request comes in the middle, however busy the machine is
    _, triggered = _both(written.application(), written, session="2024-03-15")
    assert triggered.status_code == 500
    assert written.rows == ["task"]


def test_who_only_reads_waits_for_nobody(written):
    started, looked = _both(OneWriter(written.application()), written, then="/look")
    assert (started, looked.status_code, looked.json()) == (200, 200, [])
