"""The pools that every task runs in, and which of two waiting tasks comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.task.priority_strategy import PriorityWeightStrategy

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

DAILY = "afterbell_daily"
BACKFILLS = "afterbell_backfill"
POOLS = {
    DAILY: (4, "Afterbell: the run of the night, and what people start by hand"),
    BACKFILLS: (1, "Afterbell: steps of backfill_history, so that they never fill the machine"),
}
"""Slots and description. Airflow's own pages change the slots; nothing here changes them back."""
DAILY_WEIGHT = 100
PEOPLE_WEIGHT = 50
BACKFILL_WEIGHT = 1


class DailyFirst(PriorityWeightStrategy):
    """A task's own weight, but the backfill weight in runs that ``airflow backfill`` made: the night's run comes first.

    A run that existed before and is done again by a backfill keeps its weight: only the id of the run is known here.
    """

    def get_weight(self, ti: TaskInstance) -> int:
        """The weight of one task of one run."""
        from airflow.utils.types import DagRunType  # noqa: PLC0415 - not where DAGs are parsed

        own = int(ti.task.priority_weight) if ti.task else DAILY_WEIGHT
        backfill = DagRunType.from_run_id(ti.run_id or "") == DagRunType.BACKFILL_JOB
        return min(own, BACKFILL_WEIGHT) if backfill else own


DAILY_FIRST = f"{DailyFirst.__module__}.{DailyFirst.__qualname__}"
"""For ``weight_rule``: the name of the class. An instance is written into the serialised DAG with its address in
memory, and each parsing of the file then counts as a new version of the DAG."""
