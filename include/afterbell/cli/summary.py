"""The outcome of a run: gathered from the results of its steps, and printed for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from afterbell.cli.airflow_run import Done
from afterbell.cli.context import Opened
from afterbell.cli.output import print_label, print_text
from afterbell.durations import format_duration
from afterbell.run.job import result_key
from afterbell.run.steps import STEPS
from afterbell.sla.deadline import Deadline
from afterbell.sla.policy import load_policy
from afterbell.stores.artifacts import ArtifactStore

_SHOWN = 6
_STARTING = {"Airflow": "airflow", "Spark": "spark"}
_REFUSED = "SELECT key, state, reason FROM raw.drops WHERE state <> 'landed'"


def summarize(opened: Opened, session: date, done: Done, deadline: Deadline, seconds: float) -> dict[str, Any]:
    """Gather the results of a run into one mapping of JSON values.

    Args:
        opened: stores that answer.
        session: the run's session.
        done: the DAG run.
        deadline: when the release was due.
        seconds: wall time of the whole run, Airflow's start included.
    """
    store = ArtifactStore(opened.runtime.s3)
    results = {step: json.loads(store.get(result_key(session, done.run_id, step))) for step in STEPS}
    ingest, evaluate, publish, score = (results[name] for name in ("ingest", "evaluate", "publish", "score"))
    return {
        "session": session.isoformat(),
        "run_id": done.run_id,
        "release_id": publish["release_id"],
        "published": publish["published"],
        "champion": f"s3://{opened.runtime.s3.artifact_bucket}/champion.json -> {publish['release_id']}",
        "moved": publish["moved"],
        "verdict": evaluate["verdict"],
        "reason": evaluate["reason"],
        "metrics": evaluate["metrics"],
        "report": evaluate["report_path"],
        "data_docs": results["validate"].get("data_docs"),
        "log": str(done.log),
        "drops": ingest["drops"],
        "rows": ingest["rows"],
        "quarantined_rows": ingest["quarantined_rows"],
        "quarantine_by_rule": ingest["quarantine_by_rule"],
        "refused_drops": ingest["refused_drops"],
        "signals": {"session": score["session"], "rows": score["rows"]},
        "step_seconds": done.seconds,
        "total_seconds": round(seconds, 1),
        "start_up_seconds": start_up(done, results),
        "deadline": deadline.at.isoformat(),
        "deadline_replayed": deadline.replayed,
        "seconds_left": round(deadline.left(datetime.now(UTC)).total_seconds(), 1),
    }


def start_up(done: Done, results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Seconds of the run that passed before its steps could work.

    Args:
        done: the DAG run.
        results: results of its steps, by name.

    Returns:
        ``airflow``: its own start, as far as the run had to wait for it, and the pauses between tasks; ``spark``: over
        all Spark steps, from the task's start to the driver's session.
    """
    waits = (
        _start_up_seconds(done.began.get(step, []), datetime.fromisoformat(str(result["ready_at"])).timestamp())
        for step, result in results.items()
        if result.get("ready_at")
    )
    return {"airflow": round(max(0.0, done.between), 1), "spark": round(sum(waits), 1)}


def _start_up_seconds(tries: Sequence[float], ready: float) -> float:
    """Seconds from the try that launched the driver to its session; 0 where the clock of its node disagrees.

    A later try only takes over the running driver, and begins after the session is open.
    """
    return ready - max((began for began in tries if began <= ready), default=ready)


def print_summary(summary: dict[str, Any]) -> None:
    """Print the summary for people."""
    print_text("")
    _print_line("session", summary["session"])
    _print_line("release", f"{summary['release_id']}{'' if summary['moved'] else ' (champion kept)'}")
    _print_line("champion", summary["champion"])
    _print_line("verdict", f"{summary['verdict']}: {summary['reason']}")
    for horizon, values in sorted(summary["metrics"].items()):
        _print_line(f"IC {horizon}", _format_quality(values))
    _print_line("signals", f"{summary['signals']['rows']:,} for session {summary['signals']['session']}")
    _print_data(summary)
    _print_line("report", summary["report"])
    if summary["data_docs"]:
        _print_line("data docs", summary["data_docs"])
    _print_line("quality", f"./afterbell quality --session {summary['session']}")
    _print_line("log", summary["log"])
    steps = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in summary["step_seconds"].items())
    _print_line("took", f"{format_duration(summary['total_seconds'])}: {steps}")
    starting = summary["start_up_seconds"]
    share = sum(starting.values()) / summary["total_seconds"]
    parts = ", ".join(f"{name} {format_duration(starting[key])}" for name, key in _STARTING.items())
    _print_line("start-ups", f"{share:.0%} of it: {parts}")
    left = format_duration(summary["seconds_left"])
    until = summary["deadline"][:16].replace("T", " ")
    _print_line(
        "time left", f"{left} of {format_duration(load_policy().budget.total_seconds())} to the deadline {until} UTC"
    )
    if summary["deadline_replayed"]:
        _print_line("", "(a past session: the start of this run counted as its closing bell)")


def _format_quality(values: dict[str, Any]) -> str:
    return (
        f"{values['ic']:+.4f} (95 % {values['ic_ci_low']:+.4f} to {values['ic_ci_high']:+.4f}), "
        f"rank IC {values['rank_ic']:+.4f}, ICIR {values['icir']:.2f}, over {values['sessions']} sessions out of sample"
    )


def _print_data(summary: dict[str, Any]) -> None:
    drops = ", ".join(f"{count} {state}" for state, count in summary["drops"].items() if count)
    _print_line("drops", f"{drops or 'nothing new'}; {summary['rows']:,} rows taken")
    if summary["quarantined_rows"]:
        rules = sorted(summary["quarantine_by_rule"].items(), key=lambda item: -item[1])
        shown = ", ".join(f"{rule} {count:,}" for rule, count in rules[:_SHOWN])
        more = f" and {len(rules) - _SHOWN} more rules" if len(rules) > _SHOWN else ""
        _print_line("quarantine", f"{summary['quarantined_rows']:,} rows set aside: {shown}{more}")
        _print_line("", 'look at them: `./afterbell query "SELECT * FROM market.quarantine"`')
    refused = summary["refused_drops"]
    for drop in refused[:_SHOWN]:
        _print_line("set aside", f"{drop['key']}: {drop['reason']}")
    if len(refused) > _SHOWN:
        _print_line("", f'and {len(refused) - _SHOWN} more drops: `./afterbell query "{_REFUSED}"`')


def _print_line(name: str, text: str) -> None:
    print_label(name, text)
