"""What Airflow's own machinery makes of the timetable and the deadline: scheduled runs, backfills, runs by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from airflow.cli import cli_parser
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.backfill import Backfill, BackfillDagRun
from airflow.models.callback import Callback
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.deadline import Deadline
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.triggers.callback import CallbackTrigger
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete, select, update

from afterbell.airflow import notices, prepare
from afterbell.calendar import sessions
from tests.airflow.database import make_database, serialized

DAG = "daily_retraining"
pytestmark = [
    pytest.mark.filterwarnings("ignore:Series.values returning an ndarray"),  # exchange_calendars, on pandas 3
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The project's DAGs in a database of their own, for a platform whose sessions are scheduled."""
    path = tmp_path_factory.mktemp("platform") / "platform.yaml"
    path.write_text("exchange: XNYS\nschedule: on\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFTERBELL_PLATFORM", str(path))
        patch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")  # other tests may just have written it
        make_database()
        yield


@pytest.fixture(autouse=True)
def _empty(database):
    _clear()  # of what other tests left
    yield
    _clear()


def _clear():
    with create_session() as session:
        for kind in (Deadline, Callback, BackfillDagRun, TaskInstance, DagRun, Backfill, Trigger):
            session.execute(delete(kind))


@pytest.fixture
def clock(monkeypatch):
    def turn(text):
        monkeypatch.setattr(sessions, "now", lambda: utc(text))

    return turn


def runs_and_deadlines():
    with create_session() as session:
        rows = session.execute(select(DagRun, Deadline).join(Deadline, isouter=True).order_by(DagRun.run_after)).all()
        return [
            (str(run.run_type), run.run_after, run.data_interval_start, due and due.deadline_time) for run, due in rows
        ]


def schedule(interval_start: str, run_after: str) -> None:
    """Let the scheduler create the run that the DAG processor said is next."""
    with create_session() as session:
        session.execute(
            update(DagModel)
            .where(DagModel.dag_id == DAG)
            .values(
                next_dagrun=utc(interval_start),
                next_dagrun_data_interval_start=utc(interval_start),
                next_dagrun_data_interval_end=utc(run_after),
                next_dagrun_create_after=utc(run_after),
                exceeds_max_non_backfill=False,
            )
        )
    with create_session() as session:
        model = session.scalar(select(DagModel).where(DagModel.dag_id == DAG))
        SchedulerJobRunner(job=Job(), num_runs=0)._create_dag_runs([model], session)


def create(run_type=DagRunType.MANUAL, logical="2025-11-28T18:30", conf=None):
    dag = serialized(DAG)
    interval = dag.timetable.infer_manual_data_interval(run_after=utc(logical)) if logical else None
    with create_session() as session:
        dag.create_dagrun(
            run_id=f"{run_type.value}__{logical}",
            logical_date=utc(logical) if logical else None,
            data_interval=interval,
            run_after=utc("2025-11-28T18:30"),
            conf=conf,
            run_type=run_type,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        )


@pytest.mark.parametrize(
    ("session", "bell", "deadline"),
    [
        ("2025-11-28", "2025-11-28T18:00", "2025-11-28T20:00"),  # a half day
        ("2026-03-06", "2026-03-06T21:00", "2026-03-06T23:00"),  # winter time
        ("2026-03-09", "2026-03-09T20:00", "2026-03-09T22:00"),  # summer time
    ],
)
def test_the_scheduler_makes_one_run_with_one_deadline_two_hours_after_the_bell(clock, session, bell, deadline):
    clock(bell)
    schedule(session, bell)
    assert runs_and_deadlines() == [("scheduled", utc(bell), utc(f"{session}T00:00"), utc(deadline))]


def test_after_its_run_the_scheduler_knows_the_next_session(clock):
    clock("2025-11-26T21:00")
    schedule("2025-11-26", "2025-11-26T21:00")
    with create_session() as session:
        model = session.scalar(select(DagModel).where(DagModel.dag_id == DAG))
        assert model.next_dagrun == utc("2025-11-28T00:00")
        assert model.next_dagrun_create_after == utc("2025-11-28T18:00")


def test_a_run_that_a_late_scheduler_makes_is_told_of_at_once(clock):
    clock("2025-11-29T03:00")
    schedule("2025-11-28", "2025-11-28T18:00")
    ((*_, deadline),) = runs_and_deadlines()
    assert deadline == utc("2025-11-28T20:00")


def test_catching_up_alarms_nobody(clock):
    clock("2025-12-01T22:00")
    schedule("2025-11-28", "2025-11-28T18:00")
    ((*_, deadline),) = runs_and_deadlines()
    assert deadline is None


@pytest.mark.parametrize(
    ("now", "logical", "conf", "deadline"),
    [
        ("2025-11-28T18:30", "2025-11-28T18:30", {"session": "2025-11-28"}, "2025-11-28T20:00"),
        ("2025-11-28T20:01", "2025-11-28T20:01", {"session": "2025-11-28"}, None),  # a replay
        ("2025-11-28T18:30", "2025-11-28T18:30", {"session": "2016-06-30"}, None),
        ("2025-11-28T18:30", "2025-11-28T18:30", None, None),  # fails in open_run, which says why
        ("2025-11-28T18:30", None, {"session": "2025-11-28"}, None),
    ],
)
def test_a_run_by_hand_has_a_deadline_only_for_tonights_session(clock, now, logical, conf, deadline):
    clock(now)
    create(logical=logical, conf=conf)
    ((*_, found),) = runs_and_deadlines()
    assert found == (deadline and utc(deadline))


def airflow(*args):
    found = cli_parser.get_parser().parse_args(args)
    found.func(found)


def backfill(*more):
    airflow("backfill", "create", "--dag-id", DAG, "--from-date", "2026-03-05", "--to-date", "2026-03-10", *more)


def test_a_backfill_over_a_change_of_the_clocks_is_planned_session_by_session(capsys):
    backfill("--dry-run")
    said = capsys.readouterr().out
    assert [line[2:12] for line in said.splitlines() if line.startswith("| 2026")] == [
        "2026-03-05",
        "2026-03-06",
        "2026-03-09",
        "2026-03-10",
    ]
    assert runs_and_deadlines() == []


def test_a_backfill_makes_one_run_a_session_and_alarms_nobody():
    backfill()
    assert runs_and_deadlines() == [
        ("backfill", utc("2026-03-05T21:00"), utc("2026-03-05T00:00"), None),
        ("backfill", utc("2026-03-06T21:00"), utc("2026-03-06T00:00"), None),
        ("backfill", utc("2026-03-09T20:00"), utc("2026-03-09T00:00"), None),
        ("backfill", utc("2026-03-10T20:00"), utc("2026-03-10T00:00"), None),
    ]


def test_a_backfill_leaves_a_session_alone_that_tonights_run_has_in_hand(clock):
    clock("2026-03-06T21:00")
    schedule("2026-03-06", "2026-03-06T21:00")
    backfill("--reprocess-behavior", "completed")
    assert [(kind, start.day) for kind, _, start, _ in runs_and_deadlines()] == [
        ("backfill", 5),
        ("scheduled", 6),
        ("backfill", 9),
        ("backfill", 10),
    ]
    with create_session() as session:
        reason = select(BackfillDagRun.exception_reason).where(BackfillDagRun.dag_run_id.is_(None))
        assert session.scalars(reason).all() == ["in flight"]


def test_a_waiting_task_of_tonight_comes_before_those_of_a_backfill(clock):
    clock("2026-03-06T21:00")
    schedule("2026-03-06", "2026-03-06T21:00")
    backfill()
    with create_session() as session:
        for run in session.scalars(select(DagRun)):
            run.dag = serialized(DAG)
            run.verify_integrity(dag_version_id=run.created_dag_version_id, session=session)
        found = session.execute(
            select(DagRun.run_type, TaskInstance.priority_weight, TaskInstance.pool)
            .join(DagRun, DagRun.run_id == TaskInstance.run_id)
            .distinct()
        ).all()
    assert sorted((str(kind), weight, pool) for kind, weight, pool in found) == [
        ("backfill", 1, "afterbell_daily"),
        ("scheduled", 100, "afterbell_daily"),
    ]


def test_a_missed_deadline_is_told_in_the_triggerer_with_the_run_that_missed_it(clock, monkeypatch):
    clock("2025-11-28T18:00")
    schedule("2025-11-28", "2025-11-28T18:00")
    with create_session() as session:
        session.scalar(select(Deadline)).handle_miss(session)  # as the scheduler does with each that has passed
    with create_session() as session:
        kwargs = session.scalar(select(Trigger)).kwargs
    told = []
    monkeypatch.setattr(notices, "notify", lambda kind, run, *_: told.append((kind, run.session, run.run_id)))

    async def events():
        return [event.payload["state"] async for event in CallbackTrigger(**kwargs).run()]

    assert asyncio.run(events()) == ["running", "success"]
    assert told == [("deadline_missed", "2025-11-28", "scheduled__2025-11-28T18:00:00+00:00")]


def test_the_pools_are_made_once_and_keep_what_somebody_gave_them():
    with create_session() as session:
        session.execute(update(Pool).where(Pool.pool == "afterbell_backfill").values(slots=7))
    prepare.main()
    with create_session() as session:
        found = dict(session.execute(select(Pool.pool, Pool.slots)).all())
    assert found["afterbell_backfill"] == 7
    assert found["afterbell_daily"] == 4


def test_times_of_the_database_are_in_utc(clock):
    clock("2025-11-28T18:00")
    schedule("2025-11-28", "2025-11-28T18:00")
    ((_, run_after, _, deadline),) = runs_and_deadlines()
    assert run_after.astimezone(UTC) == run_after
    assert deadline.astimezone(UTC) == deadline
