"""Where Airflow's API server looks for the log of a running task: only in the folder that its workers write to.

By default it also asks a log server on the worker's machine, and begins every log with the complaint that the server
is missing. `LOGGING` is for ``[logging] logging_config_class`` where all of Airflow shares one folder of logs.
"""

from __future__ import annotations

import copy
from typing import Any

from airflow.config_templates.airflow_local_settings import (
    DEFAULT_LOGGING_CONFIG,
    DEFAULT_REMOTE_CONN_ID,
    REMOTE_TASK_LOG,
)
from airflow.utils.log.file_task_handler import FileTaskHandler

__all__ = ["DEFAULT_REMOTE_CONN_ID", "LOGGING", "REMOTE_TASK_LOG", "FolderTaskHandler"]  # Airflow looks for them here


class FolderTaskHandler(FileTaskHandler):
    """Airflow's own handler, without requests to log servers."""

    def _read_from_logs_server(self, ti: Any, worker_log_rel_path: str) -> Any:  # noqa: ARG002 - as Airflow calls it
        return [], []


LOGGING = copy.deepcopy(DEFAULT_LOGGING_CONFIG)
"""Airflow's own configuration, except for the handler of tasks' logs."""
LOGGING["handlers"]["task"]["class"] = f"{__name__}.{FolderTaskHandler.__name__}"
