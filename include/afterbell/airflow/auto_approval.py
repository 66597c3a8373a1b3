"""Answers for a run in one process: it has no page, so they are given when it is started."""

from __future__ import annotations

import getpass
import threading
from dataclasses import dataclass

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

_PAUSE = 0.5


@dataclass(frozen=True)
class _User:
    name: str

    def get_id(self) -> str:
        return self.name

    def get_name(self) -> str:
        return self.name


class Answers(threading.Thread):
    """Answers every question of a DAG as the API server would, with ``answer``, in the name of this process's user.

    Args:
        dag_id: the DAG whose questions are answered.
        answer: one of the options offered.
    """

    def __init__(self, dag_id: str, answer: str) -> None:
        super().__init__(daemon=True, name="answers")
        self._dag_id, self._answer = dag_id, answer
        self._user = _User(getpass.getuser())
        self._stop_requested = threading.Event()

    def run(self) -> None:
        """Look for questions until ``stop`` is called."""
        # They import half of the API server: only runs that ask something pay for it.
        from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload  # noqa: PLC0415
        from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail  # noqa: PLC0415

        while not self._stop_requested.wait(_PAUSE):
            with create_session() as session:
                open_questions = select(TaskInstance.run_id, TaskInstance.task_id).where(
                    TaskInstance.dag_id == self._dag_id, TaskInstance.state == TaskInstanceState.AWAITING_INPUT
                )
                for run_id, task_id in session.execute(open_questions).all():
                    payload = UpdateHITLDetailPayload(chosen_options=[self._answer], params_input={})
                    update_hitl_detail(self._dag_id, run_id, task_id, payload, self._user, session)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Stop the thread, and wait for its end."""
        self._stop_requested.set()
        self.join()
