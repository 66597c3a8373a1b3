"""The timetable of trading sessions, their deadline, and the order of waiting tasks, for all of Airflow's processes."""

from airflow.plugins_manager import AirflowPlugin

from afterbell.airflow.deadline_reference import SessionDeadline
from afterbell.airflow.pools import DailyFirst
from afterbell.airflow.timetable import TradingSessions


class AfterbellSessions(AirflowPlugin):
    """Registers the timetable and the deadline that DAGs use."""

    name = "afterbell_sessions"
    timetables = [TradingSessions]  # noqa: RUF012 - Airflow's own way
    deadline_references = [SessionDeadline]  # noqa: RUF012
    priority_weight_strategies = [DailyFirst]  # noqa: RUF012
