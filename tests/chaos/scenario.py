"""Daily runs of as many sessions while Airflow's processes are killed: ``python -m tests.chaos.scenario --runs 10``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from afterbell.calendar.sessions import Exchange
from tests.airflow_api import AirflowApi, password_of
from tests.chaos.killer import Killer
from tests.chaos.verdict import reasons, troubles
from tests.command_line import CommandLine

LAST = date(2026, 6, 30)
SYMBOLS, SESSIONS = 100, 170


@dataclass(frozen=True)
class Outcome:
    """What became of the runs, what was killed, and what does not hold (nothing, where all is well)."""

    states: Counter[str]
    killed: Counter[str]
    troubles: list[str]
    seconds: float


def chaos(
    home: Path,
    runs: int,
    seed: int,
    every: float,
    limit: float,
    tell: Callable[[str], None],
    most: int | None = None,
) -> Outcome:
    """Run ``runs`` sessions in turn, while something is killed every ``every`` seconds on average, ``most`` times."""
    command = CommandLine(home)
    began = time.monotonic()
    try:
        url = str(command.result("up")["url"])
        command.result(
            "simulate", "--symbols", str(SYMBOLS), "--sessions", str(SESSIONS), "--last-session", LAST.isoformat()
        )
        api = AirflowApi(url, password_of(home), killed=True)
        sessions = [*Exchange().before(LAST, runs - 1), LAST]
        asked = {trigger(api, session): session.isoformat() for session in sessions}
        killer = Killer(home / "services", seed, every, tell, most)
        killer.start()
        try:
            over = time.monotonic() + limit
            for run in asked:
                api.wait(run, over - time.monotonic())
        finally:
            killer.stop()
        states = {run: api.state(run) for run in asked}
        for run in asked:
            tell(f"{run}: {states[run]} {reasons(api, run) if states[run] == 'failed' else ''}")
        found = troubles(command, api, asked, states)
    finally:
        command.result("down")
    return Outcome(Counter(states[run] for run in asked), killer.killed, found, time.monotonic() - began)


def trigger(api: AirflowApi, session: date) -> str:
    """Ask for a run of ``session``; its id."""
    return api.trigger({"session": session.isoformat()}, dag_run_id=f"chaos_{session}")


def main() -> int:
    """Read the command line, and say what came of it."""
    parser = argparse.ArgumentParser(prog="chaos", allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=os.environ.get("RUNS") or 10)
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or 1)
    parser.add_argument("--every", type=float, default=25.0, help="seconds between two kills, on average")
    parser.add_argument("--limit", type=float, default=4 * 3600, help="seconds after which what still runs has failed")
    parser.add_argument("--home", type=Path, help="folder for everything, which stays; a temporary one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="afterbell-chaos-") as temporary:
        home = given.home or temporary
        found = chaos(Path(home), given.runs, given.seed, given.every, given.limit, partial(print, flush=True))
    for name, many in (("runs", found.states), ("killed", found.killed)):
        print(f"{name}: {', '.join(f'{count} {what}' for what, count in sorted(many.items()))}")
    print(f"seconds: {found.seconds:.0f}; seed {given.seed}")
    for line in found.troubles:
        print(f"TROUBLE: {line}")
    return 1 if found.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
