"""Tonight: a session's run against its deadline, stage by stage; pure, out of the data of Airflow and the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from afterbell.airflow.pages import clock
from afterbell.airflow.pages.clock import SessionView
from afterbell.airflow.pages.results import (
    FORECAST,
    Folder,
    QualityView,
    SinceView,
    VerdictView,
    quality,
    since,
    verdict,
)
from afterbell.airflow.pages.runs import Reports, Run, Task
from afterbell.airflow.pages.stages import UNDER_WAY, StageView, budgets_of, iso, seconds_between, stages_of
from afterbell.airflow.pages.views import View
from afterbell.run.contracts.base import Record
from afterbell.run.contracts.notes import ForecastEntry
from afterbell.run.steps import STEPS, TRAIN


class RunForecasts(Record):
    """The forecasts of a run, without the newest on top, which early versions did not write."""

    entries: tuple[ForecastEntry, ...] = ()


class RunView(View):
    """The run of a session.

    Attributes:
        run_id: Airflow's; None outside it.
        slug: its folder in the store.
        state: Airflow's.
        kind: where it came from.
        started: ISO instant.
        ended: likewise.
        seconds: from there to there, or to now.
        deadline: ISO instant.
        replayed: whether that counts from the start of the run.
        left_seconds: from the end, or now, to the deadline.
    """

    run_id: str | None
    slug: str
    state: str
    kind: str
    started: str | None
    ended: str | None
    seconds: float | None
    deadline: str
    replayed: bool
    left_seconds: int


class ForecastView(View):
    """The finish of a run (ISO instant) as it was seen at a step, and the seconds from there to the deadline."""

    at: str
    step: str
    finish: str
    slack: float | None


class TonightPage(View):
    """The page of one run.

    Attributes:
        now: ISO instant.
        calendar: the session.
        run: the run.
        stages: its stages, in their order.
        refresh: seconds after which the page is worth loading again.
        forecast: of its finish.
        left_out: by policy, or because it could not be trained.
        verdict: of the gate.
        since: what changed since the session before.
        quality: of the data.
        has_report: whether there is a report.
        has_quality: whether there is a quality report.
    """

    now: str
    calendar: SessionView
    run: RunView
    stages: tuple[StageView, ...]
    refresh: int | None
    forecast: ForecastView | None
    left_out: tuple[str, ...]
    verdict: VerdictView | None
    since: SinceView | None
    quality: QualityView
    has_report: bool
    has_quality: bool


def chosen(session: date, newest: Sequence[Run]) -> str:
    """The session that the page opens with: one whose run is under way, else that of the calendar (ISO dates)."""
    running = [run.session for run in newest if run.state == "running" and run.session]
    return session.isoformat() if session.isoformat() in running or not running else running[0]


def page(
    session: date,
    now: datetime,
    run: Run | None,
    tasks: Sequence[Task],
    folder: Folder | None,
    failures: Reports,
) -> TonightPage:
    """The data of the page of one run; times are ISO instants in UTC.

    Args:
        session: of the run.
        now: the time.
        run: as Airflow knows it; None where it knows no such run.
        tasks: of that run.
        folder: results of its steps in the store; None where nothing is there yet, or the store can't be read.
        failures: why tasks failed, by task, as they reported it to Airflow.
    """
    stored = folder or Folder("", "", frozenset(), now)
    stages = stages_of(run, tasks, stored, failures, now)
    started = _first_start(run, stages)
    ended = _last_end(run, stages)
    deadline, replayed = clock.deadline(session, started, run.opened.deadline if run else "")
    state = run.state if run else _state(stages)
    arrived = ended if state == "success" and ended else now  # only a successful run can have been in time
    return TonightPage(
        now=now.isoformat(),
        calendar=clock.described(session),
        run=RunView(
            run_id=run.run_id if run else None,
            slug=run.slug if run else stored.slug,
            state=state,
            kind=run.opened.origin or run.kind if run else "outside this Airflow",
            started=iso(started),
            ended=iso(ended),
            seconds=seconds_between(started, ended or now),
            deadline=deadline.isoformat(),
            replayed=replayed,
            left_seconds=round((deadline - arrived).total_seconds()),
        ),
        stages=tuple(stages),
        refresh=_refresh(state, stages),
        forecast=_estimate(run, stages, now, deadline) or _forecast(_forecasts(stored)),
        left_out=tuple(_left_out(stored)),
        verdict=verdict(stored),
        since=since(stored),
        quality=quality(stored),
        has_report="evaluate" in stored.names,
        has_quality="quality" in stored.names,
    )


def _estimate(run: Run | None, stages: Sequence[StageView], now: datetime, deadline: datetime) -> ForecastView | None:
    """The finish by the progress of the stage under way, with the budgets of those after it."""
    names = [stage.step for stage in stages]
    for number, stage in enumerate(stages):
        stage_finish = clock.instant(stage.progress.finish if stage.progress else None)
        if stage_finish:
            budgets = budgets_of(run)
            if any(name not in budgets for name in names[number + 1 :]):
                return None
            finish = stage_finish + timedelta(seconds=sum(budgets[name] for name in names[number + 1 :]))
            return ForecastView(
                at=now.isoformat(),
                step=stage.step,
                finish=finish.isoformat(),
                slack=round((deadline - finish).total_seconds(), 1),
            )
    return None


def _refresh(state: str, stages: Sequence[StageView]) -> int | None:
    """Seconds after which the page is worth loading again; None where nothing changes by itself."""
    return 5 if state in UNDER_WAY or any(stage.state in UNDER_WAY for stage in stages) else None


def _forecasts(stored: Folder) -> tuple[ForecastEntry, ...]:
    """The forecasts that the run made at its steps."""
    document = stored.document(FORECAST, RunForecasts)
    return document.entries if document else ()


def _forecast(forecasts: Sequence[ForecastEntry]) -> ForecastView | None:
    """The last of the forecasts."""
    if not forecasts:
        return None
    last = forecasts[-1]
    return ForecastView(at=last.at.isoformat(), step=last.step, finish=last.finish.isoformat(), slack=last.slack)


def _left_out(stored: Folder) -> list[str]:
    """What policy left out, and what training skipped, as text."""
    trained, forecasts = stored.result(TRAIN), _forecasts(stored)
    lines = list(trained.left_out) if trained else []
    if not lines and forecasts:  # training has no result yet
        lines = [f"by the forecast: {measure}" for measure in forecasts[-1].left_out]
    lines += [f"not trained: {fit}" for fit in trained.skipped] if trained else []
    return list(dict.fromkeys(lines))


def _first_start(run: Run | None, stages: Sequence[StageView]) -> datetime | None:
    if run and run.started:
        return run.started
    return min((moment for stage in stages if (moment := clock.instant(stage.started))), default=None)


def _last_end(run: Run | None, stages: Sequence[StageView]) -> datetime | None:
    if run:
        return run.ended
    return max((moment for stage in stages if (moment := clock.instant(stage.ended))), default=None)


def _state(stages: Sequence[StageView]) -> str:
    if any(stage.state == "failed" for stage in stages):
        return "failed"
    done = [stage.step for stage in stages if stage.state == "success"]
    if not done:
        return ""
    return "success" if STEPS[-1] in done else "incomplete"
