"""The stages of a run on its time axis, as numbers for an inline SVG whose width is that of the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from afterbell.airflow.pages.stages import StageView
from afterbell.airflow.pages.tonight import TonightPage
from afterbell.airflow.pages.views import View
from afterbell.run.contracts.base import stored_as

ROW, TOP, FOOT = 30, 6, 26
"""Heights in pixels: of a stage, above the first and below the last."""
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS = 6


class BarView(View):
    """A stage on the time axis: its row in pixels, its place, width and budget in per cent."""

    step: str
    state: str
    seconds: float | None
    y: int
    x: float
    width: float
    budget: float | None
    over: bool


class TickView(View):
    """A tick of the time axis, and its label."""

    x: float
    label: str


class ChartView(View):
    """The stages on the time axis: heights in pixels, the marks in per cent; None where a mark is not on it."""

    height: int
    axis: int
    rows: tuple[BarView, ...]
    ticks: tuple[TickView, ...]
    deadline: float | None
    forecast: float | None
    now: float | None


class GaugeView(View):
    """How much of the time to the deadline is used, in per cent, whether it is over, and both in words."""

    used: float
    over: bool
    summary: Annotated[str, stored_as("said")]
    end: str


def chart(page: TonightPage) -> ChartView | None:
    """Bars in per cent of the width, a row each, with ticks and a line for now, the forecast and the deadline.

    The axis spans the run and its forecast; the deadline stands on it where it is not far beyond.

    Args:
        page: of one run.

    Returns:
        None where no stage has begun.
    """
    begin = _parse_instant(page.run.started)
    stages = [stage for stage in page.stages if stage.started]
    if begin is None or not stages:
        return None
    now = _parse_instant(page.run.ended) or _parse_instant(page.now) or begin
    deadline = _parse_instant(page.run.deadline) or begin
    forecast = _parse_instant(page.forecast.finish if page.forecast else None)
    running = page.run.ended is None and page.run.state == "running"
    reach = max([now, *([forecast] if forecast and running else []), *(_end(stage, now) for stage in stages)])
    span = max((reach - begin).total_seconds(), 1.0)
    if 0 < (deadline - begin).total_seconds() < 2.5 * span:
        span = max(span, (deadline - begin).total_seconds() * 1.02)

    def place(instant: datetime) -> float:
        return round(min(100.0, max(0.0, 100 * (instant - begin).total_seconds() / span)), 3)

    rows = [_row(number, stage, place, now) for number, stage in enumerate(stages)]
    return ChartView(
        height=TOP + ROW * len(rows) + FOOT,
        axis=TOP + ROW * len(rows) + 2,
        rows=tuple(rows),
        ticks=tuple(_ticks(span)),
        deadline=place(deadline) if (deadline - begin).total_seconds() <= span else None,
        forecast=place(forecast) if forecast and running else None,
        now=place(now) if running else None,
    )


def gauge(page: TonightPage) -> GaugeView | None:
    """How much of the time from the run's start to its deadline is used, in per cent; None where no run has begun."""
    begin, deadline = _parse_instant(page.run.started), _parse_instant(page.run.deadline)
    if begin is None or deadline is None:
        return None
    until = _parse_instant(page.run.ended) or _parse_instant(page.now) or begin
    total = max((deadline - begin).total_seconds(), 1.0)
    used = 100 * (until - begin).total_seconds() / total
    return GaugeView(
        used=round(min(100.0, max(0.3, used)), 3),
        over=used > 100,
        summary=f"{used:.0f} % of the time from the start of the run to its deadline is used",
        end=f"deadline, {total / 60:.0f} min after the start; {used:.0f} % used",
    )


def _row(number: int, stage: StageView, place: Callable[[datetime], float], now: datetime) -> BarView:
    started, ended = _parse_instant(stage.started) or now, _end(stage, now)
    budget = place(started + timedelta(seconds=stage.budget)) if stage.budget else None
    left, right = place(started), place(ended)
    return BarView(
        step=stage.step,
        state=stage.state,
        seconds=stage.seconds,
        y=TOP + ROW * number,
        x=left,
        width=max(0.4, round(right - left, 3)),
        budget=budget if budget is not None and budget < 100 else None,
        over=bool(stage.budget and (ended - started).total_seconds() > stage.budget),
    )


def _ticks(span: float) -> list[TickView]:
    step = next((seconds for seconds in _STEPS if span / seconds <= _MOST_TICKS), _STEPS[-1])
    count = min(int(span // step), 48)
    return [
        TickView(x=round(100 * number * step / span, 3), label=_label(number * step)) for number in range(count + 1)
    ]


def _label(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d} h"
    return f"{minutes}:{rest:02d}" if minutes or rest else "0"


def _end(stage: StageView, now: datetime) -> datetime:
    return _parse_instant(stage.ended) or now


def _parse_instant(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
