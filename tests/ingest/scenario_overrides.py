"""A person's decisions on real S3, HDFS, Spark and Iceberg: in bulk, day by day, in two runs, and what is refused.

The market is that of ``tests/ingest/world.py``; S01 splits two for one on day 5, S02 pays a quarter on day 7.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import config_folder
from afterbell.lake.bars import BarsQuery, adjusted_bar
from tests.ingest import world
from tests.ingest.scenario_ingest import LAST, Lake, Scenario

RUNS = (7, 9, LAST)
"""Days that can be run; that of ``world.EMPTY`` fails by itself."""


def at(number: int, minutes: int) -> datetime:
    """So long after the close of a day."""
    return Exchange().close(world.day(number)) + timedelta(minutes=minutes)


def entry(symbol: str, number: int, decided: datetime, action: str) -> str:
    return (
        f"- {{symbol: '{symbol}', ex_session: {world.day(number)}, decided: '{decided.isoformat()}', by: Ann, "
        f"reason: seen in the filing, action: {action}}}"
    )


DECISIONS = (
    entry("S01", 5, at(7, 20), "none"),
    entry("S01", 5, at(9, -60), "vendor"),
    entry("S02", 7, at(8, 0), "{factor: 0.98, kind: dividend}"),
    entry("S03", 9, at(9, 31), "{factor: 0.5, kind: split}"),  # a minute after what day 9 knows
    entry("S04", 10, at(LAST, 31), "none"),  # waits
)


class Decisions(Scenario):
    def write(self, *entries: str) -> None:
        folder = self.home / "config"
        if not folder.exists():
            shutil.copytree(config_folder(), folder)
            os.environ["AFTERBELL_CONFIG"] = str(folder)
        (folder / "overrides.yaml").write_text("\n".join(["overrides:", *entries, ""]), encoding="utf-8")

    def runs(self, name: str, *days: int) -> tuple[Lake, dict[str, Any]]:
        lake = Lake(self.home, name)
        seen: dict[str, Any] = {day: lake.run(day) for day in days}
        return lake, {"runs": seen, "actions": lake.rows("market.corporate_actions")}

    def later(self, lake: Lake) -> dict[str, Any]:
        """On top of the bulk: again; a decision too late; a new one without any new drop; that one again."""
        seen = {"again": lake.run(LAST, "again"), "heads": lake.heads()}
        self.write(*DECISIONS, entry("S02", 7, at(7, 0), "none"))
        seen["too_late"] = lake.run(LAST, "too_late")
        seen["unmoved"] = seen["heads"] == lake.heads()
        self.write(*DECISIONS, entry("S02", 7, at(LAST, 0), "none"), entry("s02", 7, at(LAST, 0), "none"))
        seen["new"] = lake.run(LAST, "new")
        seen["rows"] = lake.rows("market.corporate_actions")
        seen["new_again"] = lake.run(LAST, "new_again")
        asked = {number: BarsQuery("S02", world.day(6), world.day(number)) for number in (7, 9, LAST)}
        seen["bars"] = {number: adjusted_bar(lake.runtime, each, Exchange()) for number, each in asked.items()}
        return seen


def main() -> None:
    scenario = Decisions(Path(sys.argv[1]).parent)
    scenario.write(*DECISIONS)
    seen: dict[str, Any] = {}
    _, seen["daily"] = scenario.runs("daily", *RUNS)
    _, seen["two"] = scenario.runs("two", 9, LAST)
    lake, seen["bulk"] = scenario.runs("bulk", LAST)
    seen["later"] = scenario.later(lake)
    Path(sys.argv[1]).write_text(json.dumps(seen, default=_text), encoding="utf-8")


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


if __name__ == "__main__":
    main()
