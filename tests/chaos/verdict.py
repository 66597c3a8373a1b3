"""What must hold afterwards: every run is green or says why not, a session has one release, no row is there twice."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.chaos.airflow import Api, CommandLine

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
            found[table] = int(command("query", sql)[0]["n"])
        except AssertionError as error:
            if "has no table" not in str(error):
                raise
    return {table: number for table, number in found.items() if number}


def releases(command: CommandLine) -> Counter[str]:
    """How many releases each session (ISO date) has."""
    return Counter(str(row["release_id"])[:10] for row in command("release", "list"))


def reasons(api: Api, run: str) -> dict[str, str]:
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


def troubles(command: CommandLine, api: Api, runs: dict[str, str], states: dict[str, str]) -> list[str]:
    """Whatever does not hold; ``runs`` maps each run to its session."""
    found: list[str] = [f"{run} is still {states[run]}" for run in runs if states[run] not in {"success", "failed"}]
    why: dict[str, Any] = {run: reasons(api, run) for run in runs if states[run] == "failed"}
    found += [f"{run} failed without a reason" for run, said in why.items() if not said or not all(said.values())]
    count = releases(command)
    found += [f"session {session} has {number} releases" for session, number in count.items() if number != 1]
    green = {session for run, session in runs.items() if states[run] == "success"}
    found += [f"session {session} is green and has no release" for session in sorted(green - set(count))]
    found += [f"{table}: {number} rows are there more than once" for table, number in doubled(command).items()]
    return found
