"""The ingest step: the drops up to a session that the ledger doesn't know, onto a branch that the audit will judge.

Every source's objects are listed on the driver; tasks fetch, parse and check them. Accepted rows, corporate actions,
symbol events, filings, set-aside lines and the ledger go to a branch of their tables, one of its own for every try;
``main`` moves only after the audit (``validate``). Run again, it finds nothing new and changes nothing.
"""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import SparkSession

from afterbell.cluster.job import StepArgs, run_slug
from afterbell.config.runtime import Runtime
from afterbell.ingest.flow import outcomes_of, read_drops
from afterbell.ingest.outcome import Outcome, check_outcomes, rules_broken
from afterbell.ingest.plan import STATES, DropTask, KnownDrop, plan_source
from afterbell.ingest.source import Source, load_sources
from afterbell.ingest.write import AUDITED, known_drops, write_branch
from afterbell.lake.commit import commit_id, ensure_table, head
from afterbell.lake.runs import record_run
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, DROPS
from afterbell.quality.rules import RuleSet, load_rules
from afterbell.stores.factory import drop_store


@dataclass(frozen=True)
class Work:
    """What there is to do: the sources with their rules, the tasks, objects passed over, and the ledger so far."""

    sources: dict[str, tuple[Source, RuleSet]]
    tasks: list[DropTask]
    strays: list[tuple[str, str]]
    known: list[KnownDrop]


def ingest(args: StepArgs) -> dict[str, Any]:
    """Ingest what is new; the result names the branch and its head."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env()
    sources = load_sources()
    for source in sources:
        source.knowledge_time(args.session)  # a day without a session ends here, before anything starts
    spark = lake_session(runtime, f"afterbell ingest {args.session}")
    for table in AUDITED:
        ensure_table(spark, table)
    base = {table.name: head(spark, table) for table in AUDITED}
    work = _plan(spark, runtime, sources, base[DROPS.name], args.session)
    branch = branch_name(args.run_id)
    outcomes: list[Outcome] = []
    made, wanted = base, ""
    if work.tasks:
        wanted = _commit_id(args.session, work)
        parts = read_drops(spark, work.tasks, work.sources, runtime).persist()
        try:
            outcomes = outcomes_of(parts)
            check_outcomes(sources, outcomes, work.known, args.session)
            made = write_branch(spark, parts, outcomes, base, branch=branch, wanted=wanted)
        finally:
            parts.unpersist()
    else:
        check_outcomes(sources, [], work.known, args.session)
    result = _result(work, outcomes, branch, made[BARS.name], wanted)
    record_run(
        spark,
        args,
        started,
        rows=result["rows"],
        snapshots_in=base,
        snapshots_out=made,
        commit_id=wanted,
        verdict="noop" if result["noop"] else "done",
        detail={key: result[key] for key in ("branch", "drops", "quarantine_by_rule", "refused_drops")},
    )
    return result


def branch_name(run_id: str) -> str:
    """A branch that no other try uses, so that one that was given up can neither be published nor be in the way."""
    return f"audit_{run_slug(run_id)}_{uuid.uuid4().hex[:8]}"


def _plan(spark: SparkSession, runtime: Runtime, sources: tuple[Source, ...], snapshot: int, session: date) -> Work:
    known = known_drops(spark, snapshot)
    tasks: list[DropTask] = []
    strays: list[tuple[str, str]] = []
    for source in sources:
        plan = plan_source(source, drop_store(source.store, runtime).list(source.prefix), known, session)
        tasks += plan.tasks
        strays += plan.strays
    rules = {source.name: (source, load_rules(source.quality)) for source in sources}
    return Work(rules, tasks, strays, known)


def _commit_id(session: date, work: Work) -> str:
    return commit_id(
        "ingest",
        session=session,
        inputs=sorted((task.store, task.key, task.version) for task in work.tasks),
        config={name: [part.model_dump(mode="json") for part in pair] for name, pair in work.sources.items()},
    )


def _result(work: Work, outcomes: list[Outcome], branch: str, bars_snapshot: int, wanted: str) -> dict[str, Any]:
    states = Counter(outcome.state for outcome in outcomes)
    refused = [(found.task.key, found.reason) for found in outcomes if found.reason and not found.rows]
    for key, reason in refused + work.strays:
        print(f"ingest: warning: {key}: {reason}", file=sys.stderr, flush=True)
    return {
        "branch": branch,
        "drops": {state: states.get(state, 0) for state in STATES},
        "rows": sum(outcome.rows for outcome in outcomes),
        "quarantined_rows": sum(outcome.quarantined for outcome in outcomes),
        "bars_snapshot": bars_snapshot,
        "commit_id": wanted,
        "noop": not outcomes,
        "quarantine_by_rule": rules_broken(outcomes),
        "refused_drops": [{"key": key, "reason": reason} for key, reason in refused + work.strays],
    }
