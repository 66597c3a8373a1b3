"""The outcome of a run: gathered from the results of its steps, and printed for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from afterbell.cli.airflow_run import Done
from afterbell.cli.context import Opened
from afterbell.cli.output import print_label, print_text
from afterbell.cluster.job import result_key
from afterbell.cluster.steps import STEPS
from afterbell.durations import format_duration
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
        deadline: by when the release had to stand.
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
    """Seconds of the run that went by before there was anything to work with.

    Args:
        done: the DAG run.
        results: of its steps, by name.

    Returns:
        ``airflow``: its own start, as far as the run had to wait for it, and the pauses between tasks; ``spark``: over
        all Spark steps, from the task's start to the driver's session.
    """
    waits = (
        _wait(done.began.get(step, []), datetime.fromisoformat(str(result["ready_at"])).timestamp())
        for step, result in results.items()
        if result.get("ready_at")
    )
    return {"airflow": round(max(0.0, done.between), 1), "spark": round(sum(waits), 1)}


def _wait(tries: Sequence[float], ready: float) -> float:
    """Seconds from the try that launched the driver to its session; 0 where the clock of its node disagrees.

    A try after that one took the driver up, and began after the session stood.
    """
    return ready - max((began for began in tries if began <= ready), default=ready)


def print_summary(found: dict[str, Any]) -> None:
    """The summary, for people."""
    print_text("")
    _line("session", found["session"])
    _line("release", f"{found['release_id']}{'' if found['moved'] else ' (champion kept)'}")
    _line("champion", found["champion"])
    _line("verdict", f"{found['verdict']}: {found['reason']}")
    for horizon, values in sorted(found["metrics"].items()):
        _line(f"IC {horizon}", _quality(values))
    _line("signals", f"{found['signals']['rows']:,} for session {found['signals']['session']}")
    _data(found)
    _line("report", found["report"])
    if found["data_docs"]:
        _line("data docs", found["data_docs"])
    _line("quality", f"./afterbell quality --session {found['session']}")
    _line("log", found["log"])
    steps = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in found["step_seconds"].items())
    _line("took", f"{format_duration(found['total_seconds'])}: {steps}")
    starting = found["start_up_seconds"]
    share = sum(starting.values()) / found["total_seconds"]
    parts = ", ".join(f"{name} {format_duration(starting[key])}" for name, key in _STARTING.items())
    _line("start-ups", f"{share:.0%} of it: {parts}")
    left = format_duration(found["seconds_left"])
    until = found["deadline"][:16].replace("T", " ")
    _line("time left", f"{left} of {format_duration(load_policy().budget.total_seconds())} to the deadline {until} UTC")
    if found["deadline_replayed"]:
        _line("", "(a session of the past: the start of this run stood for its closing bell)")


def _quality(values: dict[str, Any]) -> str:
    return (
        f"{values['ic']:+.4f} (95 % {values['ic_ci_low']:+.4f} to {values['ic_ci_high']:+.4f}), "
        f"rank IC {values['rank_ic']:+.4f}, ICIR {values['icir']:.2f}, over {values['sessions']} sessions out of sample"
    )


def _data(found: dict[str, Any]) -> None:
    drops = ", ".join(f"{count} {state}" for state, count in found["drops"].items() if count)
    _line("drops", f"{drops or 'nothing new'}; {found['rows']:,} rows taken")
    if found["quarantined_rows"]:
        rules = sorted(found["quarantine_by_rule"].items(), key=lambda item: -item[1])
        shown = ", ".join(f"{rule} {count:,}" for rule, count in rules[:_SHOWN])
        more = f" and {len(rules) - _SHOWN} more rules" if len(rules) > _SHOWN else ""
        _line("quarantine", f"{found['quarantined_rows']:,} rows set aside: {shown}{more}")
        _line("", 'look at them: `./afterbell query "SELECT * FROM market.quarantine"`')
    refused = found["refused_drops"]
    for drop in refused[:_SHOWN]:
        _line("set aside", f"{drop['key']}: {drop['reason']}")
    if len(refused) > _SHOWN:
        _line("", f'and {len(refused) - _SHOWN} more drops: `./afterbell query "{_REFUSED}"`')


def _line(name: str, text: str) -> None:
    print_label(name, text)
