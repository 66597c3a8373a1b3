"""What a DAG names in its schedule, deadline and weights is known to every process of Airflow."""

from __future__ import annotations

import subprocess
import sys

from airflow import plugins_manager
from airflow._shared.module_loading import qualname

from afterbell.airflow.deadline_reference import MISSED, SessionDeadline
from afterbell.airflow.pools import DailyFirst
from afterbell.airflow.timetable import TradingSessions


def test_timetable_deadline_and_order_are_registered():
    assert plugins_manager.get_timetables_plugins()[qualname(TradingSessions)] is TradingSessions
    assert plugins_manager.get_deadline_references_plugins()[qualname(SessionDeadline)] is SessionDeadline
    assert plugins_manager.get_priority_weight_strategy_plugins()[qualname(DailyFirst)] is DailyFirst


def test_what_the_triggerer_calls_is_found_without_dags_plugins_or_the_project_as_working_folder(tmp_path):
    module, _, name = MISSED.rpartition(".")
    script = f"import importlib; print(callable(getattr(importlib.import_module({module!r}), {name!r})))"
    command = [sys.executable, "-I", "-c", script]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "True"
