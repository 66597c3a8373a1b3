"""The features step on a small lake: a bulk run, the days after it, all at once again; what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.features.factors import FactorSet
from afterbell.features.features_spark import FeatureInputs, commit, compute_files, find_work, table_of
from afterbell.features.filings import FIGURES
from afterbell.features.grid import cut_off_micros
from afterbell.features.job import features
from afterbell.features.sets.core import CORE
from afterbell.features.sets.cross_section import CROSS_SECTION
from afterbell.features.sets.fundamental import FUNDAMENTAL
from afterbell.features.status import bars_due, status
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table, head
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS
from tests.features.worlds import DAY, World, drawn
from tests.steps import call_step, step_args

SYMBOLS, SESSIONS, BULK, SEED = 6, 80, 78, 11
"""Sessions 0 to BULK - 1 are computed at once, the rest day by day. Session LATE's own drop never came."""
LATE = 40
TABLE = table_of(CORE)
OTHERS = (FUNDAMENTAL, CROSS_SECTION)
EXCHANGE = Exchange("XNYS")
DAYS = EXCHANGE.between(date(2016, 1, 4), date(2016, 12, 30))[: SESSIONS + 1]


def market() -> World:
    """As drawn, with the bars of session LATE known one session later."""
    world = drawn(SEED, SYMBOLS, SESSIONS)
    world.bars = [(*row[:2], row[2] + DAY, *row[3:]) if row[1] == LATE else row for row in world.bars]
    return world


def moment(knowledge: int) -> datetime:
    """The world's knowledge time on the exchange's clock: half an hour after the close."""
    return EXCHANGE.close(DAYS[max(knowledge // DAY, 0)]) + timedelta(minutes=30)


def filings() -> list[dict[str, Any]]:
    """S0's last annual report, an amendment of it that is known in session 60, and one known too late for the last."""
    last = {"symbol": "S0", "doc_type": "10-K", "period_end": date(2015, 12, 31), "assets": 1000.0, "cash": 100.0}
    return [
        last | {"amended": False, "net_income": 80.0, "eps_basic": 2.0, "knowledge_time": moment(10 * DAY)},
        last | {"amended": True, "net_income": 60.0, "eps_basic": 1.5, "knowledge_time": moment(60 * DAY)},
        last | {"amended": True, "net_income": 20.0, "eps_basic": 0.5,
                "knowledge_time": cut_off_time(SESSIONS - 1) + timedelta(minutes=1)},
    ]  # fmt: skip


def cut_off_time(session: int) -> datetime:
    """The cut-off of the session with that number."""
    return datetime.fromtimestamp(cut_off_micros(EXCHANGE, DAYS[session]) / 1e6, UTC)


class Scenario:
    """The lake and what was seen on it."""

    def __init__(self) -> None:
        self.spark = lake_session(Runtime.from_env(), "scenario")
        self.world = market()
        self.calls = 0
        for table in (BARS, CORPORATE_ACTIONS, FUNDAMENTALS):
            ensure_table(self.spark, table)

    def deliver(self, first: int, last: int) -> None:
        """Append what became known in the sessions ``first`` to ``last``."""
        bars = [
            (f"S{s}", DAYS[day], *v[:4], int(v[4]), v[3], moment(k), r, "drop")
            for s, day, k, r, *v in self.world.bars
            if first <= max(k // DAY, 0) <= last
        ]
        actions = [
            (
                f"S{s}",
                DAYS[day],
                f,
                "split" if split else "dividend",
                "vendor",
                moment(k),
                "drop",
                0.99,
                "vendor",
                None,
                None,
            )
            for s, day, k, f, split in self.world.actions
            if first <= max(k // DAY, 0) <= last
        ]
        for table, rows in ((BARS, bars), (CORPORATE_ACTIONS, actions)):
            schema = self.spark.table(table.full_name).schema
            append_once(self.spark.createDataFrame(rows, schema), table, f"{first}-{last}")

    def file(self) -> None:
        """Append the filings, and S0's split of three for one that took effect in session 70."""
        schema = self.spark.table(FUNDAMENTALS.full_name).schema
        assert set(FIGURES) <= set(schema.fieldNames())
        rows = [[row.get(name) for name in schema.fieldNames()] for row in filings()]
        append_once(self.spark.createDataFrame(rows, schema), FUNDAMENTALS, "filings")
        split = [("S0", DAYS[70], 1 / 3, "split", "vendor", moment(70 * DAY), "drop", 0.99, "vendor", None, None)]
        schema = self.spark.table(CORPORATE_ACTIONS.full_name).schema
        append_once(self.spark.createDataFrame(split, schema), CORPORATE_ACTIONS, "split")

    def run(self, session: date, *sets: FactorSet, **more: Any) -> dict[str, Any]:
        """The step, or the error it ended with; of the daily models' set, if none is named."""
        self.calls += 1
        inputs = {"bars_snapshot": head(self.spark, BARS), "actions_snapshot": head(self.spark, CORPORATE_ACTIONS)}
        inputs |= {"filings_snapshot": None, "factor_sets": [factors.name for factors in sets]} | more
        args = step_args("features", session, f"run-{self.calls}", datetime(2030, 1, 1, tzinfo=UTC), inputs)
        try:
            return call_step(features, args)
        except AfterbellError as error:
            return {"error": type(error).__name__, "message": str(error)}

    def run_others(self, session: date) -> dict[str, Any]:
        """The sets that the daily models don't take."""
        return self.run(session, *OTHERS, filings_snapshot=head(self.spark, FUNDAMENTALS))

    def rows(self, factors: FactorSet = CORE) -> dict[str, str]:
        """The stored rows' bytes in hexadecimal, by symbol and session's number; twice the same key is a fault."""
        frame = self.spark.table(table_of(factors).full_name).toPandas()
        values = frame[list(factors.names)].to_numpy(dtype=np.float32)
        values[np.isnan(values)] = np.nan
        keys = [f"{s} {DAYS.index(day)}" for s, day in zip(frame["symbol"], frame["session"], strict=True)]
        assert len(set(keys)) == len(keys)
        return dict(zip(keys, (row.tobytes().hex() for row in values), strict=True))

    def drop(self, *sets: FactorSet) -> None:
        """Lose all features of some sets."""
        for factors in sets:
            self.spark.sql(f"DROP TABLE {table_of(factors).full_name}")

    def forget(self, session: int) -> None:
        """Lose the features of one session."""
        self.spark.sql(f"DELETE FROM {TABLE.full_name} WHERE session = ?", [DAYS[session]])  # noqa: S608 - a constant

    def holes(self, last: int, **change: Any) -> dict[str, Any] | None:
        """The plan for a definition that differs by ``change``."""
        inputs = FeatureInputs(
            head(self.spark, BARS), head(self.spark, CORPORATE_ACTIONS), EXCHANGE, Runtime.from_env().s3
        )
        work = find_work(self.spark, inputs, replace(CORE, **change), head(self.spark, TABLE), DAYS[last])
        return None if work is None else {"holes": [DAYS.index(day) for day in work.plan.holes], "read": work.plan.read}

    def rivals(self) -> dict[str, Any]:
        """Two runs plan the same holes: the one commits, then the other; then a run of its own."""
        inputs = FeatureInputs(
            head(self.spark, BARS), head(self.spark, CORPORATE_ACTIONS), EXCHANGE, Runtime.from_env().s3
        )
        ensure_table(self.spark, TABLE)
        constants = {"definition_hash": CORE.definition_hash, "input_snapshot": inputs.bars}
        plans = []
        for last in (SESSIONS - 2, SESSIONS - 1):
            at = head(self.spark, TABLE)
            work = find_work(self.spark, inputs, CORE, at, DAYS[last])
            assert work is not None
            plans.append((work, compute_files(self.spark, inputs, CORE, work, constants), f"rival {last}", at))
        commit(self.spark, CORE, *plans[0])
        try:
            commit(self.spark, CORE, *plans[1])
        except AfterbellError as error:
            refused = {"error": type(error).__name__, "message": str(error)}
        found = self.run(DAYS[SESSIONS - 1])
        return {"second": refused, "then": found}

    def status(self, last: int) -> dict[str, Any]:
        """What the command line would show, without Spark."""
        runtime = Runtime.from_env()
        found = status(runtime, CORE, EXCHANGE, bars_due(runtime, EXCHANGE, DAYS[last]))
        return {"stored": found.stored, "missing": found.missing, "read": found.read, "first": str(found.first)}


def main(answer: Path) -> None:
    """Play it."""
    scenario = Scenario()
    seen: dict[str, Any] = {}
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("empty", lambda: scenario.run(DAYS[BULK - 1])),
        ("delivered", lambda: scenario.deliver(0, BULK - 1)),
        ("bulk", lambda: scenario.run(DAYS[BULK - 1])),
        ("again", lambda: scenario.run(DAYS[BULK - 1])),
        ("not delivered", lambda: scenario.run(DAYS[BULK])),
        ("holiday", lambda: scenario.run(date(2016, 1, 18))),
    ]
    for session in range(BULK, SESSIONS):
        steps.append((f"delivered {session}", partial(scenario.deliver, session, session)))
        steps.append((f"day {session}", partial(scenario.run, DAYS[session])))
    steps += [
        ("rows", scenario.rows),
        ("holes of the same definition", lambda: scenario.holes(SESSIONS - 1)),
        ("holes of another definition", lambda: scenario.holes(SESSIONS - 1, version=99)),
        ("status", lambda: scenario.status(SESSIONS - 1)),
        ("dropped", lambda: scenario.drop(CORE)),
        ("status of nothing", lambda: scenario.status(SESSIONS - 1)),
        ("plan", lambda: scenario.run(DAYS[SESSIONS - 1], plan_only=True)),
        ("rivals", scenario.rivals),
        ("rows of rivals", scenario.rows),
        ("dropped again", lambda: scenario.drop(CORE)),
        ("all at once", lambda: scenario.run(DAYS[SESSIONS - 1])),
        ("rows at once", scenario.rows),
        ("deleted", lambda: scenario.forget(50)),
        ("holes", lambda: scenario.holes(SESSIONS - 1)),
        ("status of a hole", lambda: scenario.status(SESSIONS - 1)),
        ("runs", lambda: scenario.spark.table("lake.ops.runs").count()),
        ("filed", scenario.file),
        ("without filings", lambda: scenario.run(DAYS[SESSIONS - 1], FUNDAMENTAL)),
        ("others in bulk", lambda: scenario.run_others(DAYS[SESSIONS - 3])),
        ("others, a day", lambda: scenario.run_others(DAYS[SESSIONS - 2])),
        ("others, another day", lambda: scenario.run_others(DAYS[SESSIONS - 1])),
        ("others", lambda: {factors.name: scenario.rows(factors) for factors in OTHERS}),
        ("others dropped", lambda: scenario.drop(*OTHERS)),
        ("others again", lambda: scenario.run_others(DAYS[SESSIONS - 1])),
        ("others at once", lambda: {factors.name: scenario.rows(factors) for factors in OTHERS}),
    ]  # fmt: skip
    for name, step in steps:
        seen[name] = step()
    answer.write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
