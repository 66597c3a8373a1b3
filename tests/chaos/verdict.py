"""What must hold afterwards: each run is green or says why not, a session has one release, no row is there twice."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import Any

from afterbell.calendar.sessions import Exchange
from tests.airflow_api import ENDED, AirflowApi
from tests.command_line import CommandLine

UNIQUE = {
    "raw.drops": "drop_id, key, version",
    "market.bars": "symbol, session, revision",
    "features.core": "symbol, session, definition_hash",
    "predictions.out_of_sample": "candidate_id, symbol, session, horizon, family",
    "signals.daily": "symbol, session, horizon, family, release_id",
}
"""What tells the rows of a table apart."""
_REASON = re.compile(r"\w+(Error|Exception|Timeout)\b.{10}|exit code|heartbeat|Terminating process|killed", re.DOTALL)


def doubled(command: CommandLine) -> dict[str, int]:
    """How many rows of each table are there more than once; tables without any, or that no run made, are left out."""
    found = {}
    for table, columns in UNIQUE.items():
        sql = f"SELECT count(*) - count(DISTINCT ({columns})) AS n FROM {table}"  # noqa: S608
        try:
            found[table] = int(command.result("query", sql)[0]["n"])
        except AssertionError as error:
            if "has no table" not in str(error):
                raise
    return {table: number for table, number in found.items() if number}


def releases(command: CommandLine) -> Counter[str]:
    """How many releases each session (ISO date) has."""
    return Counter(str(row["release_id"])[:10] for row in command.result("release", "list"))


def served(command: CommandLine) -> dict[str, int]:
    """How many releases the signals of each session (ISO date) are of."""
    rows = command.result(
        "query", "SELECT session, count(DISTINCT release_id) AS n FROM signals.daily GROUP BY session"
    )
    return {str(row["session"])[:10]: int(row["n"]) for row in rows}


def unpublished(api: AirflowApi, command: CommandLine, green: dict[str, str]) -> list[str]:
    """What does not hold of the releases: a green run publishes one, or says why it kept another, and one is served."""
    made, signals, found = releases(command), served(command) if green else {}, []
    for run, session in green.items():
        told = api.result(run, "publish")
        expected = 1 if told["published"] or told.get("provisional") else 0
        if made[session] != expected:
            found.append(f"session {session} has {made[session]} releases; its run published {told['published']}")
        if not expected and not str(told["reason"]).startswith("keep: "):
            found.append(f"session {session} is green and has no release: {told['reason']}")
        scored = Exchange().next(date.fromisoformat(session)).isoformat()
        if signals.get(scored) != 1:
            found.append(f"signals of session {scored} are of {signals.get(scored, 0)} releases")
    return found + [f"session {session} has {number} releases" for session, number in made.items() if number > 1]


def reasons(api: AirflowApi, run: str) -> dict[str, str]:
    """Why the failed tasks of a run failed: a line out of each log; empty where it does not say.

    A task whose worker was killed writes nothing any more: of such a one Airflow's own events tell.
    """
    found = {}
    for name, task in api.tasks(run).items():
        if task["state"] == "failed":
            said = (tell(run, name, task["try_number"]) for tell in (api.log, api.events))
            lines = [line for text in said for line in text.splitlines() if _REASON.search(line)]
            found[name] = lines[-1][:300] if lines else ""
    return found


def troubles(command: CommandLine, api: AirflowApi, runs: dict[str, str], states: dict[str, str]) -> list[str]:
    """Whatever does not hold; ``runs`` maps each run to its session."""
    found: list[str] = [f"{run} is still {states[run]}" for run in runs if states[run] not in ENDED]
    why: dict[str, Any] = {run: reasons(api, run) for run in runs if states[run] == "failed"}
    found += [f"{run} failed without a reason" for run, said in why.items() if not said or not all(said.values())]
    green = {run: session for run, session in runs.items() if states[run] == "success"}
    found += unpublished(api, command, green)
    found += [f"{table}: {number} rows are there more than once" for table, number in doubled(command).items()]
    return found
