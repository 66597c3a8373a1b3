"""The validate step: audit what the branch of an ingest run adds, then move ``main`` of every table to it.

Inputs: branch; since and until, where history was ingested (``afterbell.ingest.job``). A branch that is gone was
published (or the ingest found nothing new): then the session's bars must be on ``main``, where only audited rows get.
Where another writer published in between, the drops are ingested again on the new base and audited again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from afterbell.config.runtime import Runtime
from afterbell.errors import BaseMovedError, ConfigError, ValidationFailedError
from afterbell.ingest.job import ingest
from afterbell.ingest.plan import USABLE
from afterbell.ingest.refusals import describe, listed, refusal_of, refuse
from afterbell.ingest.write import AUDITED, publish
from afterbell.lake.commit import has_branch, head
from afterbell.lake.span import note_span
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS, FUNDAMENTALS
from afterbell.quality.audit import Report
from afterbell.quality.audit_branch import Judgement, judge_branch
from afterbell.quality.branch import BranchReader
from afterbell.quality.library import import_in_background
from afterbell.quality.report import known_report, store_report
from afterbell.run.contracts.data import IngestInputs, ValidateInputs, ValidateResult
from afterbell.run.job import StepArgs, run_slug
from afterbell.run.record import record_run
from afterbell.run.steps import INGEST
from afterbell.stores.artifacts import ArtifactStore

_BRANCH = re.compile(r"audit_[A-Za-z0-9_]{1,200}_[0-9a-f]{8}")
_BASES = 3
"""How many times the base may move during a run before the run fails."""


def validate(args: StepArgs[ValidateInputs], before_publish: Callable[[], None] = lambda: None) -> ValidateResult:
    """Audit and publish one branch; ``before_publish`` is called when it may be, and may wait."""
    started = datetime.now(UTC)
    branch, inputs = args.inputs.branch, args.inputs
    if not _BRANCH.fullmatch(branch):
        raise ConfigError(f"input branch {branch!r} is not allowed: ingest names it audit_<run>_<8 hexadecimal digits>")
    runtime = Runtime.from_env()
    import_in_background()
    spark = lake_session(runtime, f"afterbell validate {args.session}")
    before = {table.name: head(spark, table) for table in AUDITED}
    report, key = Report(), ""
    left_out: list[str] = []
    for attempt in range(1, _BASES + 1):
        try:
            report, key = _judge_and_report(spark, runtime, args, branch, left_out)
            before_publish()
            publish(spark, branch)
            break
        except (BaseMovedError, _OthersRefusedError) as error:
            if attempt == _BASES:
                raise
            if isinstance(error, _OthersRefusedError):
                left_out += error.refused
                print(f"validate: warning: {error}; judging the others without them", file=sys.stderr, flush=True)
            else:
                print(f"validate: warning: {error}; trying again on the new base", file=sys.stderr, flush=True)
            again = IngestInputs(origin=inputs.origin, since=inputs.since, until=inputs.until)
            branch = ingest(args.for_step(INGEST, again)).branch
    after = {table.name: head(spark, table) for table in AUDITED}
    noop = before == after
    if before[BARS.name] != after[BARS.name]:
        note_span(spark, runtime)
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
        verdict="noop" if noop else "published",
        detail={"branch": branch, "expectations": report.expectations, "warnings": report.warnings},
    )
    return ValidateResult(
        bars_snapshot=after[BARS.name],
        actions_snapshot=after[CORPORATE_ACTIONS.name],
        filings_snapshot=after[FUNDAMENTALS.name],
        drops_snapshot=after[DROPS.name],
        expectations=report.expectations,
        failed=len(report.failed),
        warnings=tuple(report.warnings),
        data_docs=report.data_docs,
        quality_report=key,
        noop=noop,
    )


def _is_open(spark: SparkSession, branch: str) -> bool:
    """Whether any table has the branch still; what an earlier try began to publish is judged again as a whole."""
    return any(has_branch(spark, table, branch) for table in AUDITED)


class _OthersRefusedError(ValidationFailedError):
    """Sessions beside the one that is run broke rules about whole sessions: their drops are refused."""

    def __init__(self, refused: list[str]) -> None:
        super().__init__("; ".join(refused))
        self.refused = refused


def _judge_and_report(
    spark: SparkSession, runtime: Runtime, args: StepArgs[ValidateInputs], branch: str, left_out: list[str]
) -> tuple[Report, str]:
    """Audit the branch and keep the quality report; the key of an earlier one, where there is no branch any more.

    ``left_out`` are the drops that this run has refused so far, a sentence each.
    """
    reader, store = BranchReader(spark, runtime.s3, branch), ArtifactStore(runtime.s3)
    report, key = Report(), known_report(args, runtime)
    if _is_open(spark, branch):
        folder = runtime.home / "quality" / run_slug(args.run_id)
        _, released = listed(store)
        judgement = judge_branch(reader, args.session, folder, released, filling=args.inputs.since is not None)
        report = judgement.report
        report.warnings += left_out
        report.failed += _refuse_broken(store, judgement, args)
        key = store_report(judgement, args, runtime, folder)
        report.require_passed()
    if not left_out or args.inputs.since is None:
        _require_session(reader, args.session)
    return report, key


def _refuse_broken(store: ArtifactStore, judgement: Judgement, args: StepArgs[ValidateInputs]) -> list[str]:
    """Refuse the drops of sessions that break a rule about whole sessions; a sentence for each.

    Raises:
        _OthersRefusedError: nothing else is wrong, and the session that is run is not among them.
    """
    broken = judgement.findings.broken()
    refusals = [
        refusal_of(drop, tuple(broken[drop["source"], drop["session"]]), args.run_id)
        for drop in judgement.findings.ledger.iter_rows(named=True)
        if (drop["source"], drop["session"]) in broken and drop["state"] in USABLE
    ]
    refuse(store, refusals)
    sentences = [f"drop {refusal.key} of session {refusal.session} was {describe(refusal)}" for refusal in refusals]
    own = args.inputs.since is None and any(refusal.session == args.session for refusal in refusals)
    if sentences and not own and _failed_only_for(judgement, broken):
        raise _OthersRefusedError(sentences)
    return sentences


def _failed_only_for(judgement: Judgement, broken: Collection[tuple[str, date]]) -> bool:
    """Whether all that failed are the facts of the session that is judged as a whole, which is refused for them."""
    subjects = {f" on session_facts.{source}: " for source, _ in broken}
    return all(any(subject in failed for subject in subjects) for failed in judgement.report.failed)


def _require_session(reader: BranchReader, session: date) -> None:
    if reader.between(BARS, "session", session, session).is_empty():
        raise ValidationFailedError(
            f"market.bars: expected bars of session {session}, found none; run ingest for it, then validate again"
        )
