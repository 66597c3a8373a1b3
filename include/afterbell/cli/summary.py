"""The outcome of a run: gathered from the results of its steps, and printed for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from pydantic import JsonValue

from afterbell.cli.airflow_run import Done
from afterbell.cli.context import Opened
from afterbell.cli.output import print_label, print_text
from afterbell.config.loader import Strict
from afterbell.durations import format_duration
from afterbell.run.contracts.base import Inputs, Instant
from afterbell.run.contracts.data import RefusedDrop
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.run.job import result_key
from afterbell.run.steps import DAILY, EVALUATE, INGEST, PUBLISH, SCORE, VALIDATE, Out_co, Step
from afterbell.sla.deadline import Deadline
from afterbell.sla.policy import load_policy
from afterbell.stores.artifacts import ArtifactStore

_SHOWN = 6
_REFUSED = "SELECT key, state, reason FROM raw.drops WHERE state <> 'landed'"


class SignalsSummary(Strict):
    """How many signals there are, and for which session."""

    session: date
    rows: int


class StartUp(Strict):
    """Seconds of the run that passed before its steps could work.

    Attributes:
        airflow: its own start, as far as the run had to wait for it, and the pauses between tasks.
        spark: over all Spark steps, from the task's start to the driver's session.
    """

    airflow: float
    spark: float


class RunSummary(Strict):
    """The outcome of a run, gathered from the results of its steps.

    Attributes:
        session: that was run.
        run_id: Airflow's.
        release_id: which the next session is scored by.
        published: the release that was made; None where none was.
        champion: where the pointer lies, and what it names.
        provisional: whether nobody has approved the release; it scores because nothing serves yet.
        moved: whether it moved.
        verdict: of the gate.
        reason: of the verdict.
        metrics: by horizon.
        report: the file.
        data_docs: the folder.
        log: the file.
        drops: how many by state.
        rows: taken in.
        quarantined_rows: set aside.
        quarantine_by_rule: likewise, by rule.
        refused_drops: left out.
        signals: what was written.
        step_seconds: of each task.
        total_seconds: of the whole run, Airflow's start included.
        start_up_seconds: before the steps could work.
        deadline: when the release was due.
        deadline_replayed: whether it counts from the start of the run, of a past session.
        seconds_left: up to the deadline.
    """

    session: date
    run_id: str
    release_id: str
    published: str | None
    champion: str
    moved: bool
    verdict: str
    reason: str
    metrics: Mapping[str, HorizonMetrics]
    report: str
    data_docs: str
    log: str
    drops: Mapping[str, int]
    rows: int
    quarantined_rows: int
    quarantine_by_rule: Mapping[str, int]
    refused_drops: tuple[RefusedDrop, ...]
    signals: SignalsSummary
    step_seconds: Mapping[str, float]
    total_seconds: float
    start_up_seconds: StartUp
    deadline: Instant
    deadline_replayed: bool
    seconds_left: float
    provisional: bool = False

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values."""
        return self.model_dump(mode="json")


def summarize(opened: Opened, session: date, done: Done, deadline: Deadline, seconds: float) -> RunSummary:
    """Gather the results of a run.

    Args:
        opened: stores that answer.
        session: the run's session.
        done: the DAG run.
        deadline: when the release was due.
        seconds: wall time of the whole run, Airflow's start included.
    """
    store = ArtifactStore(opened.runtime.s3)

    def read(step: Step[Inputs, Out_co]) -> Out_co:
        return step.result.read(store.get(result_key(session, done.run_id, step.name)))

    ingest, validate, evaluate, publish, score = (
        read(INGEST), read(VALIDATE), read(EVALUATE), read(PUBLISH), read(SCORE),
    )  # fmt: skip
    ready = {step.name: read(step).ready_at for step in DAILY}
    return RunSummary(
        session=session,
        run_id=done.run_id,
        release_id=publish.release_id,
        published=publish.published,
        champion=f"s3://{opened.runtime.s3.artifact_bucket}/champion.json"
        + (" -> none yet" if publish.provisional else f" -> {publish.release_id}"),
        provisional=publish.provisional,
        moved=publish.moved,
        verdict=evaluate.verdict,
        reason=evaluate.reason,
        metrics=evaluate.metrics,
        report=evaluate.report_path,
        data_docs=validate.data_docs,
        log=str(done.log),
        drops=ingest.drops,
        rows=ingest.rows,
        quarantined_rows=ingest.quarantined_rows,
        quarantine_by_rule=ingest.quarantine_by_rule,
        refused_drops=ingest.refused_drops,
        signals=SignalsSummary(session=score.session, rows=score.rows),
        step_seconds=done.seconds,
        total_seconds=round(seconds, 1),
        start_up_seconds=start_up(done, ready),
        deadline=deadline.at,
        deadline_replayed=deadline.replayed,
        seconds_left=round(deadline.left(datetime.now(UTC)).total_seconds(), 1),
    )


def start_up(done: Done, ready: Mapping[str, datetime | None]) -> StartUp:
    """Seconds of the run that passed before its steps could work.

    Args:
        done: the DAG run.
        ready: when the session of each step's driver was open, by the step's name; None where it opened none.
    """
    waits = (
        _start_up_seconds(done.began.get(step, []), instant.timestamp())
        for step, instant in ready.items()
        if instant is not None
    )
    return StartUp(airflow=round(max(0.0, done.between), 1), spark=round(sum(waits), 1))


def _start_up_seconds(tries: Sequence[float], ready: float) -> float:
    """Seconds from the try that launched the driver to its session; 0 where the clock of its node disagrees.

    A later try only takes over the running driver, and begins after the session is open.
    """
    return ready - max((began for began in tries if began <= ready), default=ready)


def print_summary(summary: RunSummary) -> None:
    """Print the summary for people."""
    print_text("")
    _print_line("session", summary.session.isoformat())
    state = "" if summary.moved else " (provisional)" if summary.provisional else " (champion kept)"
    _print_line("release", f"{summary.release_id}{state}")
    _print_line("champion", summary.champion)
    _print_line("verdict", f"{summary.verdict}: {summary.reason}")
    if summary.provisional:
        _print_line("to approve", f'./afterbell release promote {summary.release_id} --reason "..."')
    for horizon, values in sorted(summary.metrics.items()):
        _print_line(f"IC {horizon}", _format_quality(values))
    _print_line("signals", f"{summary.signals.rows:,} for session {summary.signals.session}")
    _print_data(summary)
    _print_line("report", summary.report)
    if summary.data_docs:
        _print_line("data docs", summary.data_docs)
    _print_line("quality", f"./afterbell quality --session {summary.session}")
    _print_line("log", summary.log)
    steps = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in summary.step_seconds.items())
    _print_line("took", f"{format_duration(summary.total_seconds)}: {steps}")
    starting = summary.start_up_seconds
    share = (starting.airflow + starting.spark) / summary.total_seconds
    parts = f"Airflow {format_duration(starting.airflow)}, Spark {format_duration(starting.spark)}"
    _print_line("start-ups", f"{share:.0%} of it: {parts}")
    left = format_duration(summary.seconds_left)
    until = f"{summary.deadline:%Y-%m-%d %H:%M}"
    _print_line(
        "time left", f"{left} of {format_duration(load_policy().budget.total_seconds())} to the deadline {until} UTC"
    )
    if summary.deadline_replayed:
        _print_line("", "(a past session: the start of this run counted as its closing bell)")


def _format_quality(values: HorizonMetrics) -> str:
    return (
        f"{_figure(values.ic)} (95 % {_figure(values.ic_ci_low)} to {_figure(values.ic_ci_high)}), "
        f"rank IC {_figure(values.rank_ic)}, ICIR {_figure(values.icir, '.2f')}, "
        f"over {values.sessions} sessions out of sample"
    )


def _figure(value: float | None, form: str = "+.4f") -> str:
    return "not defined" if value is None else format(value, form)


def _print_data(summary: RunSummary) -> None:
    drops = ", ".join(f"{count} {state}" for state, count in summary.drops.items() if count)
    _print_line("drops", f"{drops or 'nothing new'}; {summary.rows:,} rows taken")
    if summary.quarantined_rows:
        rules = sorted(summary.quarantine_by_rule.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{rule} {count:,}" for rule, count in rules[:_SHOWN])
        more = f" and {len(rules) - _SHOWN} more rules" if len(rules) > _SHOWN else ""
        _print_line("quarantine", f"{summary.quarantined_rows:,} rows set aside: {shown}{more}")
        _print_line("", 'look at them: `./afterbell query "SELECT * FROM market.quarantine"`')
    refused = summary.refused_drops
    for drop in refused[:_SHOWN]:
        _print_line("set aside", f"{drop.key}: {drop.reason}")
    if len(refused) > _SHOWN:
        _print_line("", f'and {len(refused) - _SHOWN} more drops: `./afterbell query "{_REFUSED}"`')


def _print_line(name: str, text: str) -> None:
    print_label(name, text)
