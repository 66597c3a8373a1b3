"""The outcome of each drop: the lines of the ledger, and whether the run may go on with them. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from afterbell import errors
from afterbell.errors import AfterbellError, CorruptDropError, MissingDropsError, ValidationFailedError
from afterbell.ingest.plan import QUARANTINED, UNREADABLE, USABLE, DropTask, KnownDrop, refusal_id
from afterbell.sources.source import Source


@dataclass(frozen=True)
class Outcome:
    """One drop, read.

    Attributes:
        task: what was read.
        drop_id: the drop's id in every table: ``<source>:<session>:<digest>``.
        sha256: of the bytes as stored.
        state: one of ``STATES``, or ``UNREADABLE``.
        reason: why it is empty or quarantined, or what is odd about it.
        lines: data lines.
        rows: accepted rows.
        collapsed: rows that repeated another one exactly.
        rules: quarantined lines by rule.
        sessions: the sessions of its accepted rows, as ISO dates.
        compared: symbols with bars of both the session and the one before it, where the source shows corporate actions
            that way; None where it doesn't.
        text_bytes: of an object that carries its history: how much of its text was taken in, from its beginning on.
        text_sha256: the digest of that.
        left_rows: rows of later sessions, which another run takes in.
        failure: the class of an error of its store; it stops the run, unless the store refused this object alone
            (``UNREADABLE``). Empty where there was no error.
    """

    task: DropTask
    drop_id: str
    sha256: str
    state: str
    reason: str = ""
    lines: int = 0
    rows: int = 0
    collapsed: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    sessions: tuple[str, ...] = ()
    compared: int | None = None
    text_bytes: int | None = None
    text_sha256: str | None = None
    left_rows: int | None = None
    failure: str = ""

    @property
    def quarantined(self) -> int:
        """Lines set aside."""
        return sum(self.rules.values())

    def to_json(self) -> str:
        """The outcome as text."""
        return json.dumps(vars(self) | {"task": self.task.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """The outcome that ``to_json`` wrote."""
        document = json.loads(text)
        return cls(**document | {"sessions": tuple(document["sessions"]), "task": DropTask.from_json(document["task"])})

    def ledger_row(self) -> dict[str, str | int | date | datetime | None]:
        """Its row of ``raw.drops``."""
        task = self.task
        return {
            "drop_id": self.drop_id,
            "source": task.source,
            "store": task.store,
            "key": task.key,
            "size": task.size,
            "version": task.version,
            "sha256": self.sha256,
            "session": task.session,
            "knowledge_time": task.knowledge_time,
            "rows": self.rows,
            "quarantined": self.quarantined,
            "collapsed": self.collapsed,
            "state": self.state,
            "reason": self.reason or None,
            "compared": self.compared,
            "text_bytes": self.text_bytes,
            "text_sha256": self.text_sha256,
            "left_rows": self.left_rows,
        }


class OverBudgetError(ValidationFailedError):
    """More lines of some drops were set aside than the budget of their source allows.

    Attributes:
        outcomes: of the drops that broke it.
    """

    def __init__(self, message: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(message)
        self.outcomes = outcomes


def rules_broken(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Quarantined lines by rule, over all ``outcomes``."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.rules)
    return dict(sorted(counts.items()))


def check_outcomes(
    sources: Sequence[Source],
    outcomes: Sequence[Outcome],
    known: Sequence[KnownDrop],
    run: date,
    *,
    own: bool = True,
    released: Collection[str] = (),
) -> None:
    """Stop the run where it must not go on.

    Args:
        sources: those of the run.
        outcomes: what was read.
        known: the ledger.
        run: the session.
        own: whether the drops of ``run`` itself have to be there; not where history is filled.
        released: ids of refusals that a person has lifted: the budget does not hold for these drops.

    Raises:
        AfterbellError: a store failed while a drop was read, or refused the drop of ``run`` itself (the store's own
            class of error).
        CorruptDropError: the drop of ``run`` itself can't be read.
        MissingDropsError: the drop of ``run`` itself, of a required source, is empty.
        OverBudgetError: more lines were set aside than the budget of their source allows.
    """
    for outcome in outcomes:
        if outcome.failure and outcome.state != UNREADABLE:
            raise _error_of(outcome, f"drop {outcome.task.key}: {outcome.reason}")
    for source in sources:
        mine = [outcome for outcome in outcomes if outcome.task.source == source.name]
        if own:
            _check_own_drop(source, mine, known, run)
        _check_budget(source, [outcome for outcome in mine if id_of(outcome.task) not in released])


def id_of(task: DropTask) -> str:
    """The id that a refusal of this drop has."""
    return refusal_id(task.source, task.store, task.key, task.version)


def _error_of(outcome: Outcome, message: str) -> Exception:
    error: Exception = getattr(errors, outcome.failure, AfterbellError)(message)
    return error


def _states(
    source: Source, outcomes: list[Outcome], known: Sequence[KnownDrop], run: date
) -> dict[str, list[tuple[str, str]]]:
    """State and reason of each version of the drops of ``run``, by key."""
    states: dict[str, list[tuple[str, str]]] = {}
    for drop in known:
        if drop.source == source.name and drop.session == run:
            states.setdefault(drop.key, []).append((drop.state, ""))
    for outcome in outcomes:
        if outcome.task.session == run:
            states.setdefault(outcome.task.key, []).append((outcome.state, outcome.reason))
    return states


def _check_own_drop(source: Source, outcomes: list[Outcome], known: Sequence[KnownDrop], run: date) -> None:
    states = _states(source, outcomes, known, run)
    # Several objects may make up a session; one of them that could never be read leaves a gap in it.
    unread = {
        key: versions[-1] for key, versions in states.items() if not any(state in USABLE for state, _ in versions)
    }
    if _stop_only_their_symbols(source, len(unread), len(states)):
        return
    for outcome in outcomes:
        if outcome.state == UNREADABLE and outcome.task.session == run and outcome.task.key in unread:
            name = f"the drop {outcome.task.key} of session {run} itself"
            raise _error_of(outcome, f"{name} cannot be used: {outcome.reason}")
    for key, (state, reason) in unread.items():
        if state == QUARANTINED:
            raise CorruptDropError(f"the drop of session {run} itself cannot be used: {reason or key}")
    if source.required and states and len(unread) == len(states):
        raise MissingDropsError(
            f"source {source.name}: drop {', '.join(unread)} of session {run} is empty: expected a header and data "
            "lines, found none; ask the vendor to deliver it again"
        )


def _stop_only_their_symbols(source: Source, unread: int, drops: int) -> bool:
    """Whether unread drops are few of many, each about one symbol: such a drop stops its symbol, and not the run."""
    few = 2 * unread <= drops and not source.quarantine_budget.exceeded(unread, drops)
    return source.symbol_in_key and few


def _check_budget(source: Source, outcomes: list[Outcome]) -> None:
    budget = source.quarantine_budget
    worst = [outcome for outcome in outcomes if budget.exceeded(outcome.quarantined, outcome.lines)]
    if not worst and budget.exceeded(
        sum(outcome.quarantined for outcome in outcomes), sum(outcome.lines for outcome in outcomes)
    ):
        # Each alone is within the lines that are allowed, all of them are not: those with a larger share are too many.
        worst = [
            outcome for outcome in outcomes if outcome.lines and outcome.quarantined / outcome.lines > budget.share
        ]
    if worst:
        what = f"drop {worst[0].task.key}" if len(worst) == 1 else f"{len(worst)} drops of source {source.name}"
        raise over_budget(source, what, worst)


def over_budget(source: Source, what: str, outcomes: Sequence[Outcome]) -> OverBudgetError:
    """The error of drops that broke the budget of ``source``; ``what`` names them."""
    set_aside, lines = sum(outcome.quarantined for outcome in outcomes), sum(outcome.lines for outcome in outcomes)
    counts = ", ".join(f"{rule} {count}" for rule, count in rules_broken(outcomes).items())
    budget = source.quarantine_budget
    return OverBudgetError(
        f"{what}: {set_aside} of {lines} lines broke a rule ({set_aside / lines:.1%}); the budget of source "
        f"{source.name} is {budget.share:.1%} and {budget.lines} lines. By rule: {counts}. Nothing was published",
        outcomes,
    )
