"""Reported actions beside bars, on real S3, HDFS, Spark and Iceberg: in bulk, day by day and in two runs.

The market is that of ``tests/ingest/world.py``, and the source that of the manual: S01 splits two for one on day 5, S02
pays on day 7, of which the bars show a quarter.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import config_folder
from afterbell.lake.bars import BarsQuery, adjusted_bar
from tests.ingest import world
from tests.ingest.scenario_ingest import LAST, Lake, Scenario

RUNS = (7, 9, LAST)
HEADER = "ticker,ex_date,type,new_for_old,cash"
DROPS = {
    0: (
        f"S01,{world.day(5)},S,2,",  # announced, and right
        f"S05,{world.day(3)},D,,0.50",  # the close before comes a day late: that drop is corrupt
        f"S06,{world.day(4)},D,,100",  # more than the close
        f"S07,{world.day(4)},S,0,",
        f"S08,{world.HOLIDAY},S,2,",
    ),
    3: (f"S01,{world.day(5)},S,2,", f"S10,{world.day(1)},X,,1.00"),  # told again; long after its ex-session
    9: (f"S02,{world.day(7)},D,,0.30", f"S09,{world.NEXT[1]},S,4,"),  # a correction; of a session to come
}


LEAN = (
    f"S11,{world.day(2):%Y%m%d},0.9604,1",
    f"S11,{world.day(6):%Y%m%d},0.98,1",
    "S11,20501231,1,1",
    f"S12,{world.day(3):%Y%m%d},1,0.142857",
    "S12,20501231,1,1",
)
"""Cumulative factors, delivered on day 9: dividends of day 3 and 7, a split of seven for one on day 4."""


class Reported(Scenario):
    def configure(self) -> None:
        folder = self.home / "config"
        shutil.copytree(config_folder(), folder)
        for name in ("vendor_actions", "lean_factors"):
            shutil.copy(Path(__file__).parents[1] / "sources" / f"{name}.yaml", folder / "sources")
        os.environ["AFTERBELL_CONFIG"] = str(folder)
        for number, lines in DROPS.items():
            key = f"reference/actions/{world.day(number):%Y%m%d}.csv"
            self.stores["s3"].put(key, "\n".join([HEADER, *lines, ""]).encode())
        key = f"lean/factor_files/{world.day(9):%Y%m%d}/all.csv"
        self.stores["s3"].put(key, "\n".join([*LEAN, ""]).encode())

    def runs(self, name: str, *days: int) -> tuple[Lake, dict[str, Any]]:
        lake = Lake(self.home, name)
        seen: dict[str, Any] = {"runs": {day: lake.run(day) for day in days}}
        for table in ("market.corporate_actions", "market.reported_actions", "market.quarantine"):
            seen[table] = lake.rows(table)
        return lake, seen


def main() -> None:
    scenario = Reported(Path(sys.argv[1]).parent)
    scenario.configure()
    seen: dict[str, Any] = {}
    _, seen["daily"] = scenario.runs("reported_daily", *RUNS)
    _, seen["two"] = scenario.runs("reported_two", 9, LAST)
    lake, seen["bulk"] = scenario.runs("reported_bulk", LAST)
    seen["again"] = lake.run(LAST, "again")
    asked = BarsQuery("S02", world.day(6), world.day(LAST))
    seen["bar"] = adjusted_bar(lake.runtime, asked, Exchange())
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
