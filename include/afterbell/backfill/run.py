"""The two Spark jobs of a backfill: each goes through the chunks in one driver and notes what it did after each.

The lake's own commits show what is done: a job that is started again finds nothing to do in the chunks that are filled,
and goes on with the others. A daily run goes first: nothing is begun or published while one is at work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from afterbell.backfill.documents import BackfillPlan, BackfillRecord, ChunkPlan, ChunkState, Doing
from afterbell.backfill.repository import Shelf
from afterbell.backfill.yielding import Patience
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError, StaleInputError
from afterbell.run.active import active
from afterbell.run.contracts.backfills import BackfillFillInputs, BackfillFillResult
from afterbell.run.contracts.data import FeaturesInputs, IngestInputs, ValidateInputs
from afterbell.run.job import StepArgs
from afterbell.run.steps import FEATURES, INGEST, VALIDATE
from afterbell.stores.artifacts import ArtifactStore


@dataclass(frozen=True)
class Filled:
    """The outcome of filling one chunk.

    Attributes:
        rows: written.
        sessions: filled.
        commit_ids: of its commits; none where there was nothing to do.
        message: what was set aside.
    """

    rows: int = 0
    sessions: int = 0
    commit_ids: tuple[str, ...] = ()
    message: str = ""


Args = StepArgs[BackfillFillInputs]
Fill = Callable[[Args, ChunkPlan], Filled]


class Backfill:
    """One backfill, as the driver of one of its steps sees it.

    Args:
        args: the step's; its input ``backfill_id`` names the documents.
        step: ``ingest`` or ``features``.
    """

    def __init__(self, args: Args, step: str) -> None:
        store = ArtifactStore(Runtime.from_env().s3)
        self._args, self._step, self._shelf = args, step, Shelf(store)
        backfill_id = args.inputs.backfill_id
        self.record: BackfillRecord = self._shelf.record(backfill_id)
        self.plan: BackfillPlan = self._require_plan(backfill_id)
        self.patience = Patience(lambda: active(store, datetime.now(UTC)))

    def _require_plan(self, backfill_id: str) -> BackfillPlan:
        plan = self._shelf.plan(backfill_id)
        if plan is None:
            raise StaleInputError(f"backfill {backfill_id} has no plan: clear the task 'plan' and all after it")
        return plan

    def run(self, fill: Fill) -> BackfillFillResult:
        """Fill the chunks one after the other; the result of the step.

        Raises:
            AfterbellError: a chunk failed; those before it stay, and the same request goes on from there.
        """
        chunks = [chunk for chunk in self.plan.chunks if chunk.wants(self._step)]
        done = []
        for chunk in chunks:
            done.append(self._fill(fill, chunk))
            print(f"backfill: {self._step} {len(done)} of {len(chunks)}: {_format_chunk(done[-1])}", flush=True)
        return BackfillFillResult(
            backfill_id=self.record.backfill_id,
            chunks=len(done),
            rows=sum(state.rows for state in done),
            sessions=sum(state.sessions for state in done),
            commit_ids=tuple(commit for state in done for commit in state.commit_ids),
            waited=round(sum(state.waited for state in done), 3),
            noop=all(state.state == "nothing" for state in done),
        )

    def _fill(self, fill: Fill, chunk: ChunkPlan) -> ChunkState:
        self.patience.waited = 0.0
        blank = ChunkState(
            step=self._step, number=chunk.number, first=chunk.first, last=chunk.last, run_id=self._args.run_id
        )
        began = time.monotonic()
        self._note(blank, "running")
        self.patience.on_wait = lambda names: self._note_wait(blank, names)
        self.patience.wait()
        # Each chunk is a run of its own to the steps that fill it: the same names would collide.
        args = replace(self._args, session=chunk.last, run_id=f"{self._args.run_id}.c{chunk.number}")
        try:
            filled = fill(args, chunk)
        except AfterbellError as error:
            self._note(blank, "failed", **self._spent(began), message=f"{type(error).__name__}: {error}")
            raise
        word: Doing = "done" if filled.commit_ids else "nothing"
        return self._note(blank, word, **self._spent(began), **asdict(filled))

    def _note_wait(self, blank: ChunkState, names: list[str]) -> ChunkState:
        if names:
            return self._note(blank, "waiting", message=f"waits for the daily run {', '.join(names)}")
        return self._note(blank, "running")

    def _spent(self, began: float) -> dict[str, float]:
        return {"seconds": round(time.monotonic() - began, 3), "waited": round(self.patience.waited, 3)}

    def _note(self, blank: ChunkState, word: Doing, **details: object) -> ChunkState:
        chunk = blank.model_copy(update={"state": word, "at": datetime.now(UTC)} | details)
        self._shelf.change(self.record.backfill_id, lambda state: state.with_chunks([chunk]))
        return chunk


def _format_chunk(chunk: ChunkState) -> str:
    return f"{chunk.first} to {chunk.last} {chunk.state}, {chunk.rows} rows, {chunk.seconds:.0f} s {chunk.message}"


def backfill_ingest(args: Args) -> BackfillFillResult:
    """Take in and audit the drops of a range, a chunk after the other."""
    from afterbell.ingest.job import ingest  # noqa: PLC0415 - Spark's rooms, entered by the driver alone
    from afterbell.quality.job import validate  # noqa: PLC0415
    from afterbell.quality.library import import_in_background  # noqa: PLC0415

    import_in_background()
    backfill = Backfill(args, "ingest")

    def fill(chunk_args: Args, chunk: ChunkPlan) -> Filled:
        taken = ingest(chunk_args.for_step(INGEST, IngestInputs(since=chunk.first, until=chunk.last)))
        aside = [drop.key for drop in taken.refused_drops]
        message = f"{len(aside)} drops were set aside, such as {aside[0]}" if aside else ""
        if taken.noop:
            return Filled(message=message)
        # The audit looks at one session as a whole: the last that there is.
        inputs = ValidateInputs(since=chunk.first, until=chunk.last, branch=taken.branch)
        audit = chunk_args.for_step(VALIDATE, inputs, session=taken.last_usable or chunk.last)
        validate(audit, before_publish=backfill.patience.wait)
        return Filled(
            rows=taken.rows,
            sessions=taken.sessions,
            commit_ids=(taken.commit_id,),
            message=message,
        )

    return backfill.run(fill)


def backfill_features(args: Args) -> BackfillFillResult:
    """Compute factor sets for the sessions of a range that lack them, a chunk after the other."""
    from afterbell.features.job import features  # noqa: PLC0415 - Spark's rooms, entered by the driver alone
    from afterbell.lake.commit import ensure_table, head  # noqa: PLC0415
    from afterbell.lake.spark import lake_session  # noqa: PLC0415
    from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS  # noqa: PLC0415

    backfill = Backfill(args, "features")
    spark = lake_session(Runtime.from_env(), "afterbell backfill features")
    for table in (BARS, CORPORATE_ACTIONS, FUNDAMENTALS):
        ensure_table(spark, table)
    # Resolved once: all chunks are computed from the same snapshots, whoever publishes meanwhile.
    inputs = FeaturesInputs(
        bars_snapshot=head(spark, BARS),
        actions_snapshot=head(spark, CORPORATE_ACTIONS),
        filings_snapshot=head(spark, FUNDAMENTALS),
        factor_sets=tuple(factors.name for factors in backfill.plan.features),
    )

    def fill(chunk_args: Args, chunk: ChunkPlan) -> Filled:
        done = features(chunk_args.for_step(FEATURES, inputs.model_copy(update={"since": chunk.first})))
        commits = tuple(factors.commit_id for factors in done.sets.values() if not factors.noop)
        return Filled(rows=done.rows, sessions=done.sessions, commit_ids=commits)

    return backfill.run(fill)
