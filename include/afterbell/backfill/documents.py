"""The three documents of a backfill, ``backfills/<id>/{request,plan,state}.json`` in the artifact store; pure.

``request.json`` is the record of who requested what and why, and never changes. ``plan.json`` is what was to be done
when the plan was last made. ``state.json`` is what has been done, chunk by chunk. None of them decides anything: the
lake's own commits show what is filled, so a lost or old document costs a look, never a row.

Sizes are bytes as stored, times are seconds, instants are ISO 8601 in UTC, sessions are ISO dates.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

from afterbell.backfill.request import BackfillRequest, check_id
from afterbell.config.loader import Strict
from afterbell.run.contracts.base import ALIASES, stored_as

PREFIX = "backfills/"
Name = Literal["request", "plan", "state"]
Doing = Literal["planned", "waiting", "running", "cancelled", "done", "nothing", "failed"]
Basis = Literal["past runs", "assumed"]


def key_of(backfill_id: str, name: Name) -> str:
    """The key of a document in the artifact bucket.

    Raises:
        ConfigError: no backfill can have that id.
    """
    return f"{PREFIX}{check_id(backfill_id)}/{name}.json"


class BackfillRecord(Strict):
    """``request.json``.

    Attributes:
        backfill_id: the request's.
        request: what is filled.
        reason: why, as the first request states it.
        requested_by: the user; empty if unknown.
        requested_at: when.
    """

    model_config = ALIASES

    backfill_id: str
    request: BackfillRequest
    reason: str
    requested_by: Annotated[str, stored_as("asked_by")]
    requested_at: Annotated[datetime, stored_as("asked_at")]


class Estimate(Strict):
    """How long something takes, and how that is known.

    Attributes:
        seconds: with all cores to itself.
        basis: ``past runs``: as fast as those recorded in ``ops.runs``; ``assumed``: there are none yet.
    """

    seconds: float
    basis: Basis


class IngestPlan(Strict):
    """The plan of the ingestion.

    Attributes:
        sessions: number of sessions with drops that the ledger doesn't know.
        objects: those drops.
        bytes: their size.
        rows: about how many rows they hold.
        missing: sessions without any drop of a source that is required, neither listed nor known.
        time: expected.
    """

    sessions: int
    objects: int
    bytes: int
    rows: int
    missing: tuple[date, ...]
    time: Estimate


class SetPlan(Strict):
    """The plan of a factor set.

    Attributes:
        name: the set.
        definition: the hash of what it means now.
        sessions: that lack it, counting those whose drops are ingested first.
        stored: sessions of the range that have it.
        rows: about how many rows that makes.
        stale: sessions, in the range or after it, that are stored and look back at sessions whose drops are ingested
            only now: they stay as they were computed.
        time: expected.
    """

    name: str
    definition: str
    sessions: int
    stored: int
    rows: int
    stale: tuple[date, ...]
    time: Estimate


class ChunkPlan(Strict):
    """One chunk.

    Attributes:
        number: from 1.
        first: session.
        last: session.
        objects: drops to ingest.
        bytes: their size.
        features: sessions to compute, by factor set; sets that lack none are left out.
    """

    number: int
    first: date
    last: date
    objects: int
    bytes: int
    features: dict[str, int]

    def wants(self, step: str) -> bool:
        """Whether there is anything to do for ``step``."""
        return bool(self.objects if step == "ingest" else self.features)


class BackfillPlan(Strict):
    """``plan.json``.

    Attributes:
        backfill_id: the request's.
        made_at: when.
        sessions: of the exchange in the range.
        chunks: all of the range, ascending.
        ingest: None if that step wasn't requested.
        features: by set; empty if that step wasn't requested.
        seconds: expected for all of it, Spark's starts included.
    """

    backfill_id: str
    made_at: datetime
    sessions: int
    chunks: tuple[ChunkPlan, ...]
    ingest: IngestPlan | None
    features: tuple[SetPlan, ...]
    seconds: float

    def todo(self) -> dict[str, int]:
        """How many chunks have something to do, by step."""
        return {step: sum(chunk.wants(step) for chunk in self.chunks) for step in ("ingest", "features")}


class BackfillAttempt(Strict):
    """A run of the backfill: the first one, or one that goes on.

    Attributes:
        run_id: Airflow's.
        started_at: when.
        started_by: the user who started it.
        reason: why, in their words.
    """

    model_config = ALIASES

    run_id: str
    started_at: datetime
    started_by: Annotated[str, stored_as("asked_by")]
    reason: str


class ChunkState(Strict):
    """How far one step of one chunk is.

    Attributes:
        step: ``ingest`` (with its audit) or ``features``.
        number: the chunk's.
        first: session.
        last: session.
        state: ``waiting`` (for a daily run), ``running``, ``cancelled``, ``done``, ``nothing`` (there was nothing to
            do) or ``failed``.
        seconds: that it took, waiting for daily runs included.
        waited: seconds of these in which it waited for a daily run.
        rows: written.
        sessions: that were filled.
        commit_ids: of its commits.
        run_id: the Airflow run that did it last.
        at: when its state changed.
        message: the error of one that failed, what was set aside, or what is waited for.
    """

    step: str
    number: int
    first: date
    last: date
    state: Doing = "waiting"
    seconds: float = 0.0
    waited: float = 0.0
    rows: int = 0
    sessions: int = 0
    commit_ids: tuple[str, ...] = ()
    run_id: str = ""
    at: datetime | None = None
    message: str = ""


class State(Strict):
    """``state.json``.

    Attributes:
        backfill_id: the request's.
        attempts: the runs, oldest first.
        chunks: by step and number.
    """

    backfill_id: str
    attempts: tuple[BackfillAttempt, ...] = ()
    chunks: tuple[ChunkState, ...] = ()

    def began(self, attempt: BackfillAttempt) -> State:
        """A copy with one more run; a run that is tried again is the same run."""
        others = tuple(known for known in self.attempts if known.run_id != attempt.run_id)
        return self.model_copy(update={"attempts": (*others, attempt)})

    def with_chunks(self, chunks: Iterable[ChunkState]) -> State:
        """A copy in which ``chunks`` replace what was known of them."""
        states = {(chunk.step, chunk.number): chunk for chunk in (*self.chunks, *chunks)}
        ordered = sorted(states.values(), key=lambda chunk: (chunk.step != "ingest", chunk.step, chunk.number))
        return self.model_copy(update={"chunks": tuple(ordered)})

    def chunk(self, step: str, number: int) -> ChunkState | None:
        """The state of one chunk."""
        return next((chunk for chunk in self.chunks if (chunk.step, chunk.number) == (step, number)), None)

    def cancelled(self, step: str, at: datetime) -> State:
        """A copy with the unfinished chunks of ``step`` cancelled; the same request goes on from there."""
        ended = {"state": "cancelled", "at": at, "message": "cancelled: the same request goes on from here"}
        unfinished = [chunk for chunk in self.chunks if chunk.step == step and chunk.state in {"running", "waiting"}]
        return self.with_chunks(chunk.model_copy(update=ended) for chunk in unfinished)

    def word(self) -> Doing:
        """One word for the state of the whole: ``planned`` if nothing has begun."""
        states = {chunk.state for chunk in self.chunks}
        for worst in ("failed", "cancelled", "running", "waiting"):
            if worst in states:
                return worst
        return "done" if "done" in states else "nothing" if states else "planned"
