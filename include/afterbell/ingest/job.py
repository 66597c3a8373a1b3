"""The ingest step: the drops up to a session that the ledger doesn't know, onto a branch that the audit will judge.

With the inputs ``since`` and ``until`` (sessions) it fills history: the drops of these sessions alone, each known from
its own day on. The run of a session whose ``origin`` is ``backfill`` takes its drops as known from their own days, too.

Every source's objects are listed on the driver; tasks fetch, parse and check them. Accepted rows, corporate actions,
symbol events, filings, set-aside lines and the ledger go to a branch of their tables, one of its own for every try;
``main`` moves only after the audit (``validate``). Run again, it finds nothing new and changes nothing.
"""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.environment_check import require_alike
from afterbell.config.runtime import Runtime
from afterbell.errors import ValidationFailedError
from afterbell.ingest.actions.decide import WINDOW
from afterbell.ingest.actions.person import NO_DECISIONS, Decisions
from afterbell.ingest.actions.settle import decisions_without_bars, find_decisions
from afterbell.ingest.base import Base, months_from_1970
from afterbell.ingest.history import chunks_of
from afterbell.ingest.levels import ImplausibleError
from afterbell.ingest.listing_releases import read_releases
from afterbell.ingest.month_task import Known, read_histories, read_slices
from afterbell.ingest.outcome import Outcome, OverBudgetError, check_outcomes, over_budget, rules_broken
from afterbell.ingest.past_prices import refuse_implausible
from afterbell.ingest.plan import (
    EMPTY,
    STATES,
    UNREADABLE,
    USABLE,
    DropTask,
    KnownDrop,
    SourcePlan,
    plan_source,
    refusal_id,
)
from afterbell.ingest.plan_history import plan_history
from afterbell.ingest.refusals import describe, listed, read_refusal, refusal_of, refuse
from afterbell.ingest.slices import DropSlice, share_out, with_staged
from afterbell.ingest.staged import StagedMonths
from afterbell.ingest.task_results import Parts
from afterbell.ingest.write import AUDITED, WriteContext, write_branch
from afterbell.lake.commit import commit_id
from afterbell.lake.files import discard_files
from afterbell.lake.scan import LakeFile
from afterbell.lake.spark import lake_session_beside
from afterbell.lake.tables import BARS, EVIDENCE, MINUTE_BARS
from afterbell.packages import SHARED
from afterbell.run.contracts.data import IngestInputs, IngestResult, RefusedDrop
from afterbell.run.job import StepArgs, run_slug
from afterbell.run.record import record_run
from afterbell.sources.arrival import complete, unfinished
from afterbell.sources.rules import RuleSet, rules_of
from afterbell.sources.source import Source, load_sources
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from afterbell.stores.preflight import check_stores
from afterbell.stores.protocols import StoredObject

_RECORDED = frozenset({"branch", "drops", "quarantine_by_rule", "refused_drops", "decisions"})
_REFUSALS = 3
"""Times that drops are left out and the others read again, before the run gives up."""
Sources = Mapping[str, tuple[Source, RuleSet]]


@dataclass(frozen=True)
class IngestSpan:
    """The sessions whose drops are taken in: up to ``last``; from ``since`` on, where a range is filled.

    ``history``: as if each had been taken in on its own day.
    """

    last: date
    since: date | None = None
    history: bool = False

    @classmethod
    def of(cls, args: StepArgs[IngestInputs]) -> IngestSpan:
        """The span that the inputs of the step name."""
        since, until = args.inputs.since, args.inputs.until
        history = since is not None or args.inputs.origin == "backfill"
        return cls(args.session if until is None else until, since, history)


@dataclass(frozen=True)
class IngestWork:
    """The work of one run.

    Attributes:
        sources: each with its rules, by name.
        tasks: the drops to read.
        strays: objects passed over, each with the reason.
        known: the ledger so far.
        released: ids of refusals that a person has lifted (``afterbell.ingest.refusals``).
        decisions: a person's, about corporate actions.
    """

    sources: Sources
    tasks: list[DropTask]
    strays: list[tuple[str, str]]
    known: list[KnownDrop]
    released: frozenset[str] = frozenset()
    decisions: Decisions = NO_DECISIONS

    def without(self, dropped: Sequence[DropTask], reasons: Mapping[str, str]) -> IngestWork:
        """A copy without some drops, which are skipped for the reasons given by key."""
        tasks = [task for task in self.tasks if task not in dropped]
        return replace(self, tasks=tasks, strays=[*self.strays, *reasons.items()])


def _check(sources: Sequence[Source], session: date, runtime: Runtime) -> None:
    """Check before anything is read that the day is a session of every source, and that the stores can be used."""
    for source in sources:
        source.knowledge_time(session)
    check_stores(runtime)


def ingest(args: StepArgs[IngestInputs]) -> IngestResult:
    """Ingest what is new; the result names the branch and its heads."""
    started = datetime.now(UTC)
    runtime = Runtime.from_env().until(args.deadline)
    sources = load_sources()
    # Calendars and stores take as long as the session does.
    spark, _ = lake_session_beside(
        runtime, f"afterbell ingest {args.session}", partial(_check, sources, args.session, runtime)
    )
    require_alike(spark, SHARED)  # the run's first step; those that fit and apply models add the families'
    base = Base(spark, runtime.s3, AUDITED)
    span = IngestSpan.of(args)
    store = ArtifactStore(runtime.s3)
    work = _without_refused(store, _plan(runtime, sources, base, span, started), span)
    branch = branch_name(args.run_id)
    work, outcomes, heads, commit = _ingest_without_bad_drops(runtime, base, work, span, branch, store, args.run_id)
    without_bars = decisions_without_bars(base, work.decisions, heads[BARS.name])
    for warning in (*work.decisions.overtaken, *without_bars):
        print(f"ingest: warning: {warning}", file=sys.stderr, flush=True)
    result = _result(work, outcomes, span, branch, heads[BARS.name], commit, without_bars)
    record_run(
        spark,
        args,
        started,
        rows=result.rows,
        snapshots_in=base.heads,
        snapshots_out=heads,
        commit_id=commit,
        verdict="noop" if result.noop else "done",
        detail={name: value for name, value in result.to_json().items() if name in _RECORDED},
    )
    return result


def _ingest_without_bad_drops(
    runtime: Runtime, base: Base, work: IngestWork, span: IngestSpan, branch: str, store: ArtifactStore, run_id: str
) -> tuple[IngestWork, list[Outcome], dict[str, int], str]:
    """Ingest ``work``; a drop of another session that can't be taken in is left out and stops nothing else.

    Returns:
        The work that was done, followed by what ``_ingest`` returns for it.
    """
    for _ in range(_REFUSALS):
        try:
            return work, *_ingest(runtime, base, work, span, branch)
        except OverBudgetError as error:
            work = _without_over_budget(store, work, error.outcomes, span, run_id)
        except ImplausibleError as error:
            work = _without_implausible(store, work, error, span, run_id)
    return work, *_ingest(runtime, base, work, span, branch)


def branch_name(run_id: str) -> str:
    """A branch that no other try uses, so that an abandoned one can neither be published nor be in the way."""
    return f"audit_{run_slug(run_id)}_{uuid.uuid4().hex[:8]}"


def _plan(runtime: Runtime, sources: tuple[Source, ...], base: Base, span: IngestSpan, now: datetime) -> IngestWork:
    rules = {source.name: (source, rules_of(source)) for source in sources}

    def listing(source: Source) -> tuple[list[StoredObject], dict[str, str]]:
        objects = list(drop_store(source.store, runtime).list(source.prefix))
        return complete(source, objects, now), unfinished(source, objects, now)

    def plan(source: Source, objects: list[StoredObject], waiting: dict[str, str]) -> SourcePlan:
        last, since, history = span.last, span.since, span.history
        if source.is_history:
            return plan_history(
                source, objects, known, last, history=history, filling=since is not None, waiting=waiting
            )
        return plan_source(source, objects, known, last, since, history=history, waiting=waiting)

    with ThreadPoolExecutor(len(sources)) as pool:
        futures = [pool.submit(listing, source) for source in sources]
        known = base.known_drops()
        plans = [plan(source, *future.result()) for source, future in zip(sources, futures, strict=True)]
    tasks = [task for plan in plans for task in plan.tasks]
    decisions = find_decisions(base, _horizon(sources, span.last), {source.exchange for source in sources})
    return IngestWork(rules, tasks, [stray for plan in plans for stray in plan.strays], known, decisions=decisions)


def _horizon(sources: Sequence[Source], last: date) -> datetime:
    """When the newest content of session ``last`` that says something of prices is known."""
    prices = [source for source in sources if source.kind in {"bars", "actions"}] or sources
    return max(source.knowledge_time(last) for source in prices)


def _commit_id(span: IngestSpan, work: IngestWork, read: Sequence[Outcome]) -> str:
    # Of what was read alone: a drop that its store refuses today and gives tomorrow makes another commit.
    keys = {(outcome.task.store, outcome.task.key) for outcome in read}
    return commit_id(
        "ingest",
        session=span.last,
        inputs=sorted((task.store, task.key, task.version) for task in work.tasks if (task.store, task.key) in keys),
        config={name: [part.model_dump(mode="json") for part in pair] for name, pair in work.sources.items()},
        **({"since": span.since} if span.history else {}),
        **({"decisions": [decision.drop_id for decision in work.decisions.due]} if work.decisions.due else {}),
    )


def _without_refused(store: ArtifactStore, work: IngestWork, span: IngestSpan) -> IngestWork:
    """``work`` without the drops that an audit has refused and nobody has released.

    Raises:
        ValidationFailedError: a drop of the session's own is among them, and its source is required.
    """
    refused, released = listed(store)
    work = replace(work, released=released)
    ids = {task: refusal_id(task.source, task.store, task.key, task.version) for task in work.tasks}
    held = {task: refused[name] for task, name in ids.items() if name in refused and name not in released}
    reasons = {task.key: describe(read_refusal(store, key)) for task, key in held.items()}
    for task in held:
        if span.since is None and task.session == span.last and work.sources[task.source][0].required:
            raise ValidationFailedError(f"drop {task.key} of session {task.session} itself was {reasons[task.key]}")
    return work.without(list(held), reasons)


def _without_over_budget(
    store: ArtifactStore, work: IngestWork, outcomes: Sequence[Outcome], span: IngestSpan, run_id: str
) -> IngestWork:
    """``work`` without the drops that broke their source's budget, which are refused.

    Raises:
        ValidationFailedError: a drop of the session's own is among them.
    """
    refusals = {}
    for outcome in outcomes:
        task = outcome.task
        source = work.sources[task.source][0]
        refusals[task] = refusal_of(vars(task), (str(over_budget(source, f"drop {task.key}", [outcome])),), run_id)
    refuse(store, refusals.values())
    own = [task for task in refusals if span.since is None and task.session == span.last]
    if own:
        raise ValidationFailedError("; ".join(describe(refusals[task]) for task in own))
    return work.without(list(refusals), {task.key: describe(refusal) for task, refusal in refusals.items()})


def _without_implausible(
    store: ArtifactStore, work: IngestWork, error: ImplausibleError, span: IngestSpan, run_id: str
) -> IngestWork:
    """``work`` without the drops whose prices can't be prices, which are refused.

    Raises:
        ValidationFailedError: they are the session's own, or the first that a source delivers. Then its file may be
            wrong, so nothing is written down: once it is corrected, the next run reads the same drops.
    """
    bad = {(outcome.task.source, outcome.task.key): (outcome.task, reason) for outcome, reason in error.drops}
    for name, (source, _) in work.sources.items():
        mine = [task for task in work.tasks if task.source == name]
        own = [task for task in mine if span.since is None and task.session == span.last]
        known = any(drop.source == name and drop.state in USABLE for drop in work.known)
        judged = own or ([] if known else mine)
        wrong = [bad[name, task.key][1] for task in judged if (name, task.key) in bad]
        # Where each object is about one symbol, a few of them stop those symbols only.
        few = 2 * len(wrong) <= len(judged) and (source.symbol_in_key or not own)
        if wrong and not few:
            more = f" (and {len(wrong) - 1} more drops of source {name})" if len(wrong) > 1 else ""
            raise ValidationFailedError(f"source {name}: {wrong[0]}{more}")
    refusals = {task: refusal_of(vars(task), (reason,), run_id) for task, reason in bad.values()}
    refuse(store, refusals.values())
    dropped = [task for task in work.tasks if (task.source, task.key) in bad]
    return work.without(dropped, {task.key: describe(refusal) for task, refusal in refusals.items()})


def _ingest(
    runtime: Runtime, base: Base, work: IngestWork, span: IngestSpan, branch: str
) -> tuple[list[Outcome], dict[str, int], str]:
    """Read the drops and write the branch; without tasks, only check that the ledger has what the session needs.

    Returns:
        The outcome of each drop, the heads of the branch by table name, and the commit id; empty where nothing was
        read and nothing decided.
    """
    sources = [source for source, _ in work.sources.values()]
    if not work.tasks and not work.decisions.due:
        check_outcomes(sources, [], work.known, span.last, own=span.since is None)
        return [], base.heads, ""
    context, parts = _read(runtime, base, work, span)
    context = replace(context, releases=read_releases(ArtifactStore(runtime.s3)))
    try:
        outcomes = parts.outcomes()
        check_outcomes(sources, outcomes, work.known, span.last, own=span.since is None, released=work.released)
        refuse_implausible(base, sources, outcomes, parts, released=work.released)
    except Exception:
        discard_files(parts.files(), runtime.s3)
        raise
    read = [outcome for outcome in outcomes if outcome.state != UNREADABLE]
    if not read and not work.decisions.due:
        return outcomes, base.heads, ""
    commit = _commit_id(span, work, read)
    return outcomes, write_branch(base, context, parts, read, branch=branch, commit_id=commit), commit


def _read(runtime: Runtime, base: Base, work: IngestWork, span: IngestSpan) -> tuple[WriteContext, Parts]:
    """Read the drops: first the objects that carry a history, then all others, numbering the bars of both."""
    histories = [task for task in work.tasks if work.sources[task.source][0].is_history]
    tasks = [task for task in work.tasks if task not in set(histories)] if histories else work.tasks
    parts, staged = Parts([]), []
    if histories:
        parts = read_histories(base.spark, chunks_of(histories), work.sources, base.shape(BARS), runtime)
        staged = parts.staged()
    try:
        months = StagedMonths.gather(staged, histories, _exchange_of(work, histories), span.last)
        context = _context(base, work, tasks, months, span)
        slices = with_staged(
            share_out(tasks, {name: source.kind for name, (source, _) in work.sources.items()}), months.files
        )
        known = _known(base, context, slices, work, months)
        if not slices:
            return context, parts
        return context, parts + read_slices(base.spark, list(zip(slices, known, strict=True)), work.sources, runtime)
    finally:
        discard_files(staged, runtime.s3)


def _exchange_of(work: IngestWork, tasks: Sequence[DropTask]) -> str:
    return next((work.sources[task.source][0].exchange for task in tasks), "")


def _context(
    base: Base, work: IngestWork, tasks: Sequence[DropTask], months: StagedMonths, span: IngestSpan
) -> WriteContext:
    """The evidence of the sessions that the drops touch, and of those before that decide about them."""
    limits = {
        name: limit
        for name, (source, rules) in work.sources.items()
        if source.kind == "bars" and (limit := rules.stale_limit()) is not None
    }
    touched = [
        (day, work.sources[task.source][0].exchange)
        for task in tasks
        if work.sources[task.source][0].kind == "bars"
        for day in task.carried
    ]
    if months.files:
        touched += [(day, months.exchange) for day in months.sessions_of(min(months.files))]
    sources = [source for source, _ in work.sources.values()]
    prices = {source.name for source in sources if source.kind in {"bars", "actions"}}
    instants = [drop.knowledge_time for drop in work.known if drop.source in prices and drop.knowledge_time]
    days = [span.last, *(day for day, _ in touched)]
    context = WriteContext(
        pl.DataFrame(base.shape(EVIDENCE).schema.empty_table()),
        limits,
        decisions=work.decisions,
        sources=sources,
        sessions=(min(days), max(days)),
        known=max([_horizon(sources, span.last), *instants]),
    )
    if not touched:
        return context
    first, exchange = min(touched)
    # An action may depend on evidence of WINDOW sessions on either side of its ex-session, itself that far away.
    back = max(2 * WINDOW, *limits.values(), 0) + 1
    low = Exchange(exchange).before(first, back)[0]
    # Without an end: a late drop meets what came after it.
    return replace(context, evidence=base.rows(EVIDENCE, "session", low, date.max))


def _known(
    base: Base, context: WriteContext, slices: list[DropSlice], work: IngestWork, months: StagedMonths
) -> list[Known | None]:
    """What the task of each slice needs from the lake; None for the small kinds."""
    days = {one: [day for task in one.tasks for day in task.carried] for one in slices if one.bucket is not None}
    staged = {one: months.of(one) for one in days if months.of(one)}
    days |= {one: [*days[one], *months.sessions(one)] for one in staged}
    files: dict[DropSlice, list[LakeFile]] = {one: [] for one in slices}
    for kind, table in (("bars", BARS), ("minute_bars", MINUTE_BARS)):
        mine = [one for one in days if one.kind == kind and days[one]]
        if mine:
            all_days = [day for one in mine for day in days[one]]
            table_files = base.files(table, "session", min(all_days), max(all_days))
            files |= {one: [file for file in table_files if file.partition in _partitions(one)] for one in mine}
    repeated = context.evidence.filter("unchanged").select("symbol", "session")
    return [
        Known(
            base.shape(BARS if one.kind == "bars" else MINUTE_BARS),
            tuple(files[one]),
            repeated.filter(pl.col("session").is_in(days[one])),
            work.sources[one.tasks[0].source][0].exchange if one.tasks else months.exchange,
            tuple(staged.get(one, ())),
            months.delivered,
        )
        if one in days
        else None
        for one in slices
    ]


def _partitions(work: DropSlice) -> tuple[int, ...]:
    """The partitions that the bars of a bucket lie in: a month; a day, and the next where minutes pass midnight UTC."""
    if work.bucket is None:
        return ()
    day = (work.bucket - date(1970, 1, 1)).days
    return (day, day + 1) if work.kind == "minute_bars" else (months_from_1970(work.bucket),)


def _last_usable(work: IngestWork, outcomes: list[Outcome], span: IngestSpan) -> date | None:
    """The newest session of the span with a drop of bars that could be read."""
    drops = [(drop.source, drop.session, drop.state) for drop in work.known]
    drops += [(outcome.task.source, outcome.task.session, outcome.state) for outcome in outcomes]
    bars = {name for name, (source, _) in work.sources.items() if source.kind == "bars"}
    first = span.since or date.min
    days = [day for name, day, state in drops if name in bars and state in USABLE and first <= day <= span.last]
    return max(days, default=None)


def _result(
    work: IngestWork,
    outcomes: list[Outcome],
    span: IngestSpan,
    branch: str,
    bars_snapshot: int,
    commit: str,
    without_bars: Sequence[str],
) -> IngestResult:
    states = Counter(outcome.state for outcome in outcomes)
    without_rows = sorted(
        (outcome for outcome in outcomes if not outcome.rows), key=lambda outcome: outcome.state == EMPTY
    )
    refused = [(outcome.task.key, outcome.reason) for outcome in without_rows if outcome.reason]
    odd = [(outcome.task.key, outcome.reason) for outcome in outcomes if outcome.reason and outcome.rows]
    for key, reason in refused + work.strays + odd:
        print(f"ingest: warning: {key}: {reason}", file=sys.stderr, flush=True)
    return IngestResult(
        branch=branch,
        drops={state: states.get(state, 0) for state in STATES},
        rows=sum(outcome.rows for outcome in outcomes),
        quarantined_rows=sum(outcome.quarantined for outcome in outcomes),
        bars_snapshot=bars_snapshot,
        commit_id=commit,
        noop=not commit,
        quarantine_by_rule=rules_broken(outcomes),
        refused_drops=tuple(RefusedDrop(key=key, reason=reason) for key, reason in refused + work.strays),
        decisions=tuple(f"{decision.symbol} {decision.ex_session}" for decision in work.decisions.due),
        decisions_waiting=work.decisions.waiting,
        decisions_overtaken=work.decisions.overtaken,
        decisions_without_bars=tuple(without_bars),
        last_usable=_last_usable(work, outcomes, span),
        sessions=len({outcome.task.session for outcome in outcomes if outcome.state in USABLE}),
    )
