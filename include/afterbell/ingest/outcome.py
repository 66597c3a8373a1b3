"""What became of each drop: the lines of the ledger, and whether the run may go on with them. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from afterbell import errors
from afterbell.errors import AfterbellError, CorruptDropError, MissingDropsError, ValidationFailedError
from afterbell.ingest.plan import QUARANTINED, UNREADABLE, USABLE, DropTask, KnownDrop
from afterbell.ingest.sources.source import Source


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
        failure: the class of an error of its store; it stops the run, unless the store refused this object alone
            (``UNREADABLE``). Empty where there is none.
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
    failure: str = ""

    @property
    def quarantined(self) -> int:
        """Lines set aside."""
        return sum(self.rules.values())

    def to_json(self) -> str:
        """The outcome as text."""
        return json.dumps(asdict(self) | {"task": self.task.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """The outcome that ``to_json`` wrote."""
        found = json.loads(text)
        return cls(**found | {"sessions": tuple(found["sessions"]), "task": DropTask.from_json(found["task"])})

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
        }


def rules_broken(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Quarantined lines by rule, over all ``outcomes``."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        counts.update(outcome.rules)
    return dict(sorted(counts.items()))


def check_outcomes(
    sources: Sequence[Source], outcomes: Sequence[Outcome], known: Sequence[KnownDrop], run: date, *, own: bool = True
) -> None:
    """Stop the run where it must not go on.

    Args:
        sources: those of the run.
        outcomes: what was read.
        known: the ledger.
        run: the session.
        own: whether the drops of ``run`` itself have to be there; not where history is filled.

    Raises:
        AfterbellError: a store failed while a drop was read, or refused the drop of ``run`` itself (the store's own
            class of error).
        CorruptDropError: the drop of ``run`` itself can't be read.
        MissingDropsError: the drop of ``run`` itself, of a required source, is empty.
        ValidationFailedError: more lines were set aside than the budget of their source allows.
    """
    for outcome in outcomes:
        if outcome.failure and outcome.state != UNREADABLE:
            raise _error_of(outcome, f"drop {outcome.task.key}: {outcome.reason}")
    for source in sources:
        mine = [outcome for outcome in outcomes if outcome.task.source == source.name]
        if own:
            _check_own_drop(source, mine, known, run)
        _check_budget(source, mine)


def _error_of(outcome: Outcome, message: str) -> Exception:
    found: Exception = getattr(errors, outcome.failure, AfterbellError)(message)
    return found


def _check_own_drop(source: Source, outcomes: list[Outcome], known: Sequence[KnownDrop], run: date) -> None:
    states: dict[str, list[tuple[str, str]]] = {}
    for drop in known:
        if drop.source == source.name and drop.session == run:
            states.setdefault(drop.key, []).append((drop.state, ""))
    for found in outcomes:
        if found.task.session == run:
            states.setdefault(found.task.key, []).append((found.state, found.reason))
    # Several objects may make up a session; one of them that never could be read leaves a hole in it.
    unread = {key: told[-1] for key, told in states.items() if not any(state in USABLE for state, _ in told)}
    for found in outcomes:
        if found.state == UNREADABLE and found.task.session == run and found.task.key in unread:
            raise _error_of(found, f"the drop {found.task.key} of session {run} itself cannot be used: {found.reason}")
    for key, (state, reason) in unread.items():
        if state == QUARANTINED:
            raise CorruptDropError(f"the drop of session {run} itself cannot be used: {reason or key}")
    if source.required and states and len(unread) == len(states):
        raise MissingDropsError(
            f"source {source.name}: drop {', '.join(unread)} of session {run} is empty: expected a header and data "
            "lines, found none; ask the vendor to deliver it again"
        )


def _check_budget(source: Source, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if source.quarantine_budget.exceeded(outcome.quarantined, outcome.lines):
            raise _over_budget(source, f"drop {outcome.task.key}", [outcome])
    if source.quarantine_budget.exceeded(
        sum(found.quarantined for found in outcomes), sum(found.lines for found in outcomes)
    ):
        raise _over_budget(source, f"{len(outcomes)} drops of source {source.name}", outcomes)


def _over_budget(source: Source, what: str, outcomes: list[Outcome]) -> ValidationFailedError:
    set_aside, lines = sum(found.quarantined for found in outcomes), sum(found.lines for found in outcomes)
    counts = ", ".join(f"{rule} {count}" for rule, count in rules_broken(outcomes).items())
    budget = source.quarantine_budget
    return ValidationFailedError(
        f"{what}: {set_aside} of {lines} lines broke a rule ({set_aside / lines:.1%}); the budget of source "
        f"{source.name} is {budget.share:.1%} and {budget.lines} lines. By rule: {counts}. Nothing was published"
    )
