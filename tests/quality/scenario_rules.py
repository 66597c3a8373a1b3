"""Every rule in Spark SQL and as an expectation, on rows that keep and that break it; writes what it saw as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.lake.spark import lake_session
from afterbell.quality.audit import Report, Subject, facts_subject, run_audit
from afterbell.quality.expectations import row_expectations
from afterbell.quality.facts import quarantine_share, row_count_ratio, symbol_coverage
from afterbell.quality.rules import RuleSet
from tests.quality.cases import COLUMNS, GOOD, ROW_RULES, SET_RULES, Row

DAY = date(2016, 6, 30)
ALL_ROWS = [rule for rule, _ in ROW_RULES] + [{"name": "once", "kind": "unique_key", "columns": ["symbol"]}]


def rule_set(rules: list[dict[str, Any]], severity: str = "quarantine", **more: object) -> RuleSet:
    return RuleSet.model_validate({"name": "cases", "rules": [rule | {"severity": severity} | more for rule in rules]})


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.spark: SparkSession = lake_session(Runtime.from_env(), "rules")
        self.count = 0

    def frame(self, *rows: Row) -> Any:
        return self.spark.createDataFrame([(*row, DAY, "drop") for row in rows], COLUMNS)

    def audit(self, rules: RuleSet, *rows: Row) -> Report:
        self.count += 1
        expectations = row_expectations(rules, ("symbol",))
        return run_audit(self.home / f"audit{self.count}", [Subject("market.bars", self.frame(*rows), expectations)])

    def conditions(self) -> dict[str, list[bool]]:
        seen = {}
        for rule, bad in ROW_RULES:
            (checked,) = rule_set([rule]).quarantining()
            answers = self.frame(GOOD, bad).select(F.expr(checked.condition()).alias("kept")).collect()
            seen[rule["name"]] = [row.kept for row in answers]
        return seen

    def expectations(self) -> dict[str, Any]:
        rules = rule_set(ALL_ROWS)
        good = self.audit(rules, GOOD)
        bad = self.audit(rules, GOOD, GOOD, *(row for _, row in ROW_RULES))
        again = run_audit(
            self.home / "audit1", [Subject("market.bars", self.frame(GOOD), row_expectations(rules, ("symbol",)))]
        )
        warned = self.audit(rule_set(ALL_ROWS, "warn"), GOOD, GOOD, *(row for _, row in ROW_RULES))
        return {
            "good": [good.expectations, good.failed, good.warnings],
            "docs": Path(good.data_docs.removeprefix("file://")).is_file(),
            "again": again.failed,
            "bad": bad.failed,
            "warned": [warned.failed, len(warned.warnings)],
        }

    def budget(self) -> list[bool]:
        traded = {"name": "traded", "kind": "between", "columns": ["volume"], "min": 0, "strict_min": True}
        idle = ("IF", 5.93, 6.03, 0)
        within = self.audit(rule_set([traded], "fail", budget=0.25), GOOD, GOOD, GOOD, idle)
        over = self.audit(rule_set([traded], "fail", budget=0.25), GOOD, idle)
        return [not within.failed, not over.failed]

    def set_rules(self) -> list[list[str]]:
        """The rules that fail on facts that keep all of them, and on facts that break all of them."""
        checked = rule_set([rule for rule, _, _ in SET_RULES], "fail").set_rules()
        columns = ", ".join(f"{rule['kind']} double" for rule, _, _ in SET_RULES)
        seen = []
        for number, values in enumerate(zip(*(facts for _, *facts in SET_RULES), strict=True)):
            frame = self.spark.createDataFrame([values], columns)
            seen.append(run_audit(self.home / f"facts{number}", [facts_subject(frame, checked)]).failed)
        return seen

    def closed(self) -> dict[str, str]:
        rules = rule_set(ALL_ROWS)
        broken = self.frame(GOOD).withColumn("low", F.expr("raise_error('the column cannot be read')").cast("double"))
        acts: dict[str, Callable[[], object]] = {
            "no rows": lambda: self.audit(rules),
            "no column": lambda: run_audit(
                self.home / "c", [Subject("t", self.frame(GOOD).drop("low"), row_expectations(rules, ("symbol",)))]
            ),
            "no rules": lambda: run_audit(self.home / "n", [Subject("t", self.frame(GOOD), [])]),
            "exception": lambda: run_audit(
                self.home / "e", [Subject("t", broken, row_expectations(rules, ("symbol",)))]
            ),
            "broken rule": lambda: self.audit(rules, GOOD, GOOD).require_passed(),
        }
        seen = {}
        for name, act in acts.items():
            try:
                act()
                seen[name] = "passed"
            except AfterbellError as error:
                seen[name] = f"{type(error).__name__}: {error}"
        return seen

    def facts(self) -> dict[str, float | None]:
        days = [date(2016, 6, day) for day in (22, 23, 24, 27, 28, 29)]
        rows = [(symbol, day) for day in days for symbol in ("A", "B", "C", "D")] + [("N", days[0])]
        rows += [("A", DAY), ("B", DAY), ("C", DAY), ("A", DAY), ("X", DAY)]
        bars = self.spark.createDataFrame(rows, "symbol string, session date")
        drops = self.spark.createDataFrame(
            [("prices", DAY, 98, 2, "landed"), ("prices", DAY, 0, 50, "quarantined"), ("other", DAY, 1, 9, "landed")],
            "source string, session date, rows bigint, quarantined bigint, state string",
        )
        return {
            "ratio": row_count_ratio(bars, DAY, days),
            "ratio_of_nothing": row_count_ratio(bars, date(2016, 7, 1), days),
            "ratio_too_early": row_count_ratio(bars, DAY, days[:4]),
            "coverage": symbol_coverage(bars, DAY, days),
            "coverage_too_early": symbol_coverage(bars, days[0], [date(2016, 6, day) for day in range(1, 10)]),
            "share": quarantine_share(drops, DAY, ["prices"]),
            "share_of_nothing": quarantine_share(drops, date(2016, 7, 1), ["prices"]),
        }


def main() -> None:
    home = Path(sys.argv[1]).parent
    scenario = Scenario(home)
    seen = {
        "conditions": scenario.conditions(),
        "expectations": scenario.expectations(),
        "budget": scenario.budget(),
        "set_rules": scenario.set_rules(),
        "closed": scenario.closed(),
        "facts": scenario.facts(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
