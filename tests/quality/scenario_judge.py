"""Rules in Spark SQL and as expectations on Spark's frames, and branches of a small lake judged as a whole.

Writes what it saw as JSON. The lake has thirty symbols and 24 sessions on ``main``; every case is a branch of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.ingest.write import AUDITED
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, DROPS, QUARANTINE, SYMBOLS, Table
from afterbell.quality import audit_branch as judge
from afterbell.quality.audit import Subject, run_audit
from afterbell.quality.branch import BranchReader
from afterbell.quality.expectations import row_expectations
from afterbell.quality.report import build_report
from tests.lake.branches import open_branch
from tests.quality.cases import JUMP, JUMPS, ROW_RULES, STALE, Row, frame, rule_set

HALF_DAY = date(2015, 11, 27)
EXCHANGE = Exchange()
HISTORY = EXCHANGE.before(HALF_DAY, 25)
FULL_DAY = HISTORY[-1]
SYMBOLS_HERE = [f"S{number:02d}" for number in range(30)]
SLOW = "S29"
SOURCE = "us_daily_prices"


def drop_id(session: date) -> str:
    return f"{SOURCE}:{session:%Y%m%d}:0123456789abcdef"


def bar(
    symbol: str, session: date, close: float | None = None, volume: int | None = None, by: date | None = None
) -> Row:
    """A bar that differs from session to session, as the drop of ``by`` tells it; its own if left out."""
    at, number = EXCHANGE.between(HISTORY[0], HALF_DAY).index(session), SYMBOLS_HERE.index(symbol)
    price = 20.0 + number + 0.01 * at if close is None else close
    told = session if by is None else by
    return {
        "symbol": symbol, "session": session, "open": price, "high": price, "low": price, "close": price,
        "volume": 1000 + at if volume is None else volume, "adj_close": price,
        "knowledge_time": EXCHANGE.close(told) + timedelta(minutes=30), "revision": int(told > session),
        "drop_id": drop_id(told),
    }  # fmt: skip


def slow(session: date) -> Row:
    return bar(SLOW, session, close=9.9, volume=100)


def ledger(session: date, rows: int, **more: int) -> Row:
    return {
        "drop_id": drop_id(session), "source": SOURCE, "store": "s3", "key": f"prices/{session}", "size": 1,
        "version": "v", "sha256": "0", "session": session, "knowledge_time": EXCHANGE.close(session), "rows": rows,
        "quarantined": 0, "collapsed": 0, "state": "landed", "reason": None,
    } | more  # fmt: skip


def reject(session: date, symbol: str, rule: str) -> Row:
    return {
        "drop_id": drop_id(session), "source": SOURCE, "key": f"prices/{session}", "session": session, "line": 2,
        "symbol": symbol, "rule": rule, "reason": "expected better", "raw": "x",
    }  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A branch: the session, its bars, the lines set aside, and what else its line of the ledger says."""

    session: date
    bars: list[Row]
    rejects: tuple[Row, ...] = ()
    ledger: tuple[tuple[str, int], ...] = ()


def _all(session: date, **others: Row) -> list[Row]:
    return [others.get(symbol, bar(symbol, session)) for symbol in SYMBOLS_HERE]


def _cases() -> dict[str, Case]:
    idle = {symbol: {"volume": 0} for symbol in SYMBOLS_HERE[:15]}
    again = [bar(s, HISTORY[-2]) | {"session": FULL_DAY, "drop_id": drop_id(FULL_DAY)} for s in SYMBOLS_HERE]
    before = EXCHANGE.previous(FULL_DAY)
    return {
        "good": Case(FULL_DAY, _all(FULL_DAY), ledger=(("quarantined", 0),)),
        "restated": Case(FULL_DAY, [*_all(FULL_DAY), bar("S01", before, volume=7, by=FULL_DAY)]),
        "idle": Case(FULL_DAY, [row | idle.get(row["symbol"], {}) for row in _all(FULL_DAY)]),
        "half_day": Case(HALF_DAY, [row | idle.get(row["symbol"], {}) for row in _all(HALF_DAY)]),
        "thin": Case(FULL_DAY, _all(FULL_DAY)[:10]),
        "jump": Case(FULL_DAY, _all(FULL_DAY, S05=bar("S05", FULL_DAY, close=2500.0))),
        "held": Case(FULL_DAY, _all(FULL_DAY)[1:], (reject(FULL_DAY, "S00", "jump"),)),
        "stale": Case(FULL_DAY, _all(FULL_DAY, S29=slow(FULL_DAY))),
        "yesterdays": Case(FULL_DAY, again),
        "bad_row": Case(FULL_DAY, _all(FULL_DAY, S03=bar("S03", FULL_DAY, close=-1.0))),
        "rubbish": Case(FULL_DAY, _all(FULL_DAY), ledger=(("quarantined", 5),)),
        "twice": Case(FULL_DAY, _all(FULL_DAY), ledger=(("collapsed", 30),)),
        "moved": Case(FULL_DAY, _all(FULL_DAY)),
    }


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.runtime = Runtime.from_env()
        self.spark: SparkSession = lake_session(self.runtime, "judge")
        self.count = 0

    def conditions(self) -> dict[str, list[bool]]:
        """Each rule in Spark SQL, on the rows of its cases."""
        jump, stale = rule_set(JUMP).jump(), rule_set(STALE).stale()
        assert jump is not None
        assert stale is not None
        checks = {rule["name"]: (rule_set(rule).quarantining()[0].condition(), [{}, bad]) for rule, bad in ROW_RULES}
        checks["jump"] = (jump.condition(), [values for _, values, _ in JUMPS])
        checks["stale"] = (stale.condition(), [{"run": None}, {"run": 4}, {"run": 5}])
        seen = {}
        for name, (condition, rows) in checks.items():
            schema = "symbol string, low double, high double, close double, volume bigint, previous_close double, "
            schema += "adjustment double, move double, run bigint, session date, drop_id string"
            table = self.spark.createDataFrame([tuple(row) for row in frame(*rows).iter_rows()], schema).coalesce(1)
            seen[name] = [row.kept for row in table.select(F.expr(condition).alias("kept")).collect()]
        return seen

    def closed(self) -> dict[str, str]:
        """Audits of Spark's frames that can't be made."""
        rule = {"name": "positive", "kind": "between", "columns": ["low"], "min": 0, "strict_min": True}
        rows = self.spark.createDataFrame([(1.0,)], "low double").coalesce(1)
        frames = {
            "no rows": rows.where("low < 0"),
            "exception": rows.withColumn("low", F.expr("raise_error('the column cannot be read')").cast("double")),
        }

        def audit(name: str) -> object:
            checks = row_expectations(rule_set(rule), ("low",))
            return run_audit(self.home / name, [Subject("t", frames[name], checks)])

        return {name: _failure(lambda name=name: audit(name)) for name in frames}  # type: ignore[misc]

    def put(self, table: Table, rows: list[Row], branch: str | None = None) -> None:
        schema = self.spark.table(table.full_name).schema
        names = [field.name for field in schema]
        made = self.spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], schema)
        self.count += 1
        append_once(made.coalesce(1), table, f"commit{self.count}", branch)

    def lake(self) -> None:
        for table in AUDITED:
            ensure_table(self.spark, table)
        days = HISTORY[:-1]
        slow_days = days[-5:]
        rows = [bar(s, day) for day in days for s in SYMBOLS_HERE if s != SLOW or day not in slow_days]
        self.put(BARS, [*rows, *(slow(day) for day in slow_days)])
        self.put(DROPS, [ledger(day, 30) for day in days])
        self.put(SYMBOLS, [{"symbol": "S00", "name": "Company", "valid_from": days[0], "status": "listed",
                            "knowledge_time": EXCHANGE.close(days[0]), "drop_id": drop_id(days[0])}])  # fmt: skip

    def judged(self, name: str, case: Case) -> dict[str, Any]:
        branch = f"audit_{name}_00000000"
        for table in (BARS, DROPS, QUARANTINE):
            open_branch(self.spark, table, branch)
        self.put(BARS, case.bars, branch)
        self.put(DROPS, [ledger(case.session, len(case.bars), **dict(case.ledger))], branch)
        if case.rejects:
            self.put(QUARANTINE, list(case.rejects), branch)
        if name == "moved":
            self.put(BARS, [bar("S00", HALF_DAY)])
        reader = BranchReader(self.spark, self.runtime.s3, branch)
        found = judge.judge_branch(reader, case.session, self.home / "judged" / name)
        args = type("Args", (), {"session": case.session, "run_id": name})()
        return {
            "failed": found.report.failed,
            "warnings": found.report.warnings,
            "expectations": found.report.expectations,
            "added": found.added,
            "report": build_report(found, args).to_json(),
        }

    def branches(self, names: list[str]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name in names:
            try:
                seen[name] = self.judged(name, _cases()[name])
            except AfterbellError as error:
                seen[name] = f"{type(error).__name__}: {error}"
        return seen

    def large(self) -> dict[str, Any]:
        """The branch with a bad row once more, as if it were too large for the driver; and its rows, read both ways."""
        judge.IN_PROCESS = 0
        reader = BranchReader(self.spark, self.runtime.s3, "audit_restated_00000000")
        here = reader.added(BARS).sort("symbol", "session")
        there = reader.added_on_spark(BARS).orderBy("symbol", "session").collect()
        found = _failure(lambda: self.again("bad_row"))
        return {
            "failed": found,
            "same": [list(row) for row in here.select("symbol", "session", "close", "volume", "revision").iter_rows()]
            == [[row.symbol, row.session, row.close, row.volume, row.revision] for row in there],
            "rows": here.height,
        }

    def again(self, name: str) -> None:
        reader = BranchReader(self.spark, self.runtime.s3, f"audit_{name}_00000000")
        judge.judge_branch(reader, FULL_DAY, self.home / "large").report.require_passed()


def _failure(act: Callable[[], object]) -> str:
    try:
        act()
    except AfterbellError as error:
        return f"{type(error).__name__}: {error}"
    return "passed"


def main() -> None:
    scenario = Scenario(Path(sys.argv[1]).parent)
    seen: dict[str, Any] = {"conditions": scenario.conditions(), "closed": scenario.closed()}
    scenario.lake()
    seen["branches"] = scenario.branches([name for name in _cases() if name != "moved"])
    seen["large"] = scenario.large()
    seen["branches"] |= scenario.branches(["moved"])  # after it every other branch has parted from main, too
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
