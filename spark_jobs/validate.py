"""Audit what the branch of an ingest run adds, then move ``main`` of every table to it; or publish nothing.

Inputs: branch. A branch that is gone was published (or the ingest found nothing new): then the session's bars must
be on ``main``, where only audited rows get.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name the field uses
from pyspark.sql.types import DoubleType, StructField, StructType

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.job import StepArgs, run_slug, run_step
from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, ValidationFailedError
from afterbell.ingest.source import Source, load_sources
from afterbell.ingest.write import AUDITED
from afterbell.lake.commit import added_rows, has_branch, head, on_branch, publish_branch
from afterbell.lake.runs import record_run
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, FUNDAMENTALS, SYMBOLS
from afterbell.quality.audit import Report, Subject, facts_subject, run_audit
from afterbell.quality.expectations import row_expectations
from afterbell.quality.facts import quarantine_share, row_count_ratio, symbol_coverage
from afterbell.quality.rules import load_rules
from afterbell.quality.set_rules import SetRule

_TABLES = {"bars": BARS, "filings": FUNDAMENTALS, "symbols": SYMBOLS}


def validate(args: StepArgs) -> dict[str, Any]:
    """Audit and publish one branch."""
    started = datetime.now(UTC)
    branch = str(args.require("branch"))
    if not re.fullmatch(r"audit_[A-Za-z0-9_]{1,200}", branch):
        raise ConfigError(f"input branch {branch!r} is not allowed: ingest names it audit_<run>")
    runtime = Runtime.from_env()
    spark = lake_session(runtime, f"afterbell validate {args.session}")
    before = {table.name: head(spark, table) for table in AUDITED}
    report = Report()
    open_branch = has_branch(spark, DROPS, branch)
    # A branch of the ledger without one of the bars: an earlier try passed the audit and broke off while publishing.
    if open_branch and has_branch(spark, BARS, branch):
        folder = runtime.home / "quality" / run_slug(args.run_id)
        report = run_audit(folder, _subjects(spark, branch, args.session, report_to := Report()))
        report.warnings += report_to.warnings
        report.require_passed()
    _require_session(on_branch(spark, BARS, branch if has_branch(spark, BARS, branch) else "main"), args.session)
    for table in AUDITED:
        if has_branch(spark, table, branch):
            publish_branch(spark, table, branch)
    after = {table.name: head(spark, table) for table in AUDITED}
    for warning in report.warnings:
        print(f"validate: warning: {warning}", file=sys.stderr, flush=True)
    record_run(
        spark,
        args,
        started,
        rows=0,
        snapshots_in=before,
        snapshots_out=after,
        commit_id="",
        verdict="published" if open_branch else "noop",
        detail={"branch": branch, "expectations": report.expectations, "warnings": report.warnings},
    )
    return {
        "bars_snapshot": after[BARS.name],
        "actions_snapshot": after[CORPORATE_ACTIONS.name],
        "drops_snapshot": after[DROPS.name],
        "expectations": report.expectations,
        "failed": len(report.failed),
        "warnings": report.warnings,
        "data_docs": report.data_docs,
        "noop": not open_branch,
    }


def _subjects(spark: SparkSession, branch: str, session: date, notes: Report) -> list[Subject]:
    """What the branch adds to each audited kind, and the facts of the session."""
    found = []
    for kind, table in _TABLES.items():
        added = added_rows(spark, table, branch)
        if added is None:
            continue
        columns = ("symbol", "session") if kind == "bars" else ("symbol", "period_end", "amended", "doc_type")
        found.append(Subject(table.name, added, row_expectations(load_rules(kind), columns)))
    facts = _facts(spark, branch, session, notes)
    return [*found, *facts]


def _facts(spark: SparkSession, branch: str, session: date, notes: Report) -> list[Subject]:
    sources = [source for source in load_sources() if source.kind == "bars"]
    bars, drops = on_branch(spark, BARS, branch), on_branch(spark, DROPS, branch)
    rules, values = [], {}
    for source in sources:
        for rule in load_rules(source.quality).set_rules():
            value = _fact(rule, source, bars, drops, session)
            if value is None:
                notes.warnings.append(f"rule {rule.name}: not checked for {session}, too little history before it")
            else:
                rules.append(rule)
                values[rule.kind] = value
    if not rules:
        return []
    schema = StructType([StructField(name, DoubleType()) for name in values])
    return [facts_subject(spark.createDataFrame([tuple(values.values())], schema), rules)]


def _fact(rule: SetRule, source: Source, bars: DataFrame, drops: DataFrame, session: date) -> float | None:
    trailing = Exchange(source.exchange).before(session, rule.sessions)
    match rule.kind:
        case "row_count_ratio":
            return row_count_ratio(bars, session, trailing)
        case "symbol_coverage":
            return symbol_coverage(bars, session, trailing)
        case "quarantine_share":
            return quarantine_share(drops, session, [source.name])
    raise ConfigError(f"rule {rule.name!r}: kind {rule.kind!r} has no fact")


def _require_session(bars: DataFrame, session: date) -> None:
    if bars.where(F.col("session") == F.lit(session)).isEmpty():
        raise ValidationFailedError(
            f"market.bars: expected bars of session {session}, found none; run ingest for it, then validate again"
        )


if __name__ == "__main__":
    sys.exit(run_step("validate", validate))
