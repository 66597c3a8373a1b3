"""The quality report as a document: what its JSON has, for its writer and its readers.

A report of an earlier version lacks what was not reported then: it is read as one that has nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, JsonValue

Cell = str | int | float | bool | None
"""A value of a table; days and instants (UTC) as ISO text."""
Row = Mapping[str, Cell]
"""One row, by column; the columns are those of the frame that it comes from."""


class _ReportPart(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShownRows(_ReportPart):
    """The first rows of a table, and how many it has."""

    rows: tuple[Row, ...] = ()
    in_all: int = 0


class NewestRows(_ReportPart):
    """The latest rows of a table, and how many it has."""

    newest: tuple[Row, ...] = ()
    in_all: int = 0


class ReportedDrops(_ReportPart):
    """Drops counted by source and state, and those that have a reason for theirs."""

    by_state: tuple[Row, ...]
    with_reasons: tuple[Row, ...]
    with_reasons_in_all: int


class RejectedLines(_ReportPart):
    """Lines that a rule set aside, the drops that they are of, and a few of them."""

    rule: str
    lines: int
    drops: int
    samples: tuple[Row, ...]


class ReportedFact(_ReportPart):
    """A fact of the session as a whole, the rule that bounds it, and whether it keeps within."""

    source: str
    rule: str
    fact: str
    value: float
    min: float | None
    max: float | None
    sessions: int
    severity: str
    kept: bool


class SourceSession(_ReportPart):
    """A session of a source."""

    source: str
    session: date


class RefusedSession(SourceSession):
    """A session whose drops are refused, with a sentence for each rule that it breaks."""

    reasons: tuple[str, ...]


class SessionCoverage(SourceSession):
    """A session beside its neighbours, as ``afterbell.quality.neighbours.Coverage`` explains it."""

    bars: int
    on_night: int
    usual: float | None
    expected: int
    present: int
    present_on_night: int
    missing: tuple[str, ...] = ()
    delivered: bool = True


class ReportedActions(NewestRows):
    """Corporate actions: counts by kind and basis, the newest, and those that no vendor reported for their session."""

    by_kind: tuple[Row, ...] = ()
    inferred: ShownRows = ShownRows()


class ReportedJumps(_ReportPart):
    """Bars held for a jump, and held ones that a later drop delivered again."""

    held: tuple[Row, ...]
    held_in_all: int
    confirmed: tuple[Row, ...]
    confirmed_in_all: int


class RepeatedBars(_ReportPart):
    """Bars that repeat the one before them: the longest runs, and those set aside."""

    runs: tuple[Row, ...]
    set_aside: tuple[Row, ...]


class QualityReport(_ReportPart):
    """The quality report of one run.

    Attributes:
        session: the session that was run.
        run_id: of the run.
        passed: whether what the run added may be published.
        expectations: how many were evaluated.
        failed: a sentence for each broken expectation that stops the publishing.
        warnings: a sentence for each that doesn't.
        data_docs: the first page of the Data Docs.
        rows: added, by table.
        drops: the drops of the run.
        quarantine: lines set aside by rule, most first.
        facts: of the session as a whole.
        trailing: sessions that the facts are compared with.
        missing_symbols: by source, symbols that were expected and have no bar.
        refused_sessions: sessions whose drops are refused.
        actions: corporate actions.
        held: bars of another security that begin to be held, or are let go.
        who_is_who: securities that go on under another symbol, and symbols that others take.
        unseen: sessions about whose corporate actions nothing could be seen.
        moves: the largest remaining moves, with the reason that each is believed.
        thin_sessions: a sentence for each session that has less than its neighbours, or no drop of its own.
        coverage: sessions beside their neighbours.
        unexplained: large moves that no action explains.
        restated: closes that a later drop changed.
        bars: around all that is shown.
        listings: new, renamed, re-used and delisted symbols.
        jumps: bars held for a jump.
        stale: bars that repeat the one before them.
        gaps: inside the history, left open.
        without_volume: bars without volume.
    """

    session: date
    run_id: str
    passed: bool
    expectations: int
    failed: tuple[str, ...]
    warnings: tuple[str, ...]
    data_docs: str
    rows: Mapping[str, int]
    drops: ReportedDrops
    quarantine: tuple[RejectedLines, ...]
    facts: tuple[ReportedFact, ...]
    trailing: tuple[Row, ...] = ()
    missing_symbols: Mapping[str, tuple[str, ...]] = {}
    refused_sessions: tuple[RefusedSession, ...] = ()
    actions: ReportedActions
    held: ShownRows = ShownRows()
    who_is_who: ShownRows = ShownRows()
    unseen: tuple[SourceSession, ...] = ()
    moves: tuple[Row, ...] = ()
    thin_sessions: tuple[str, ...] = ()
    coverage: tuple[SessionCoverage, ...] = ()
    unexplained: ShownRows = ShownRows()
    restated: ShownRows = ShownRows()
    bars: tuple[Row, ...] = ()
    listings: ShownRows = ShownRows()
    jumps: ReportedJumps
    stale: RepeatedBars
    gaps: NewestRows = NewestRows()
    without_volume: NewestRows = NewestRows()

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values."""
        return self.model_dump(mode="json")

    def to_text(self) -> str:
        """The document that is stored; equal reports give equal bytes.

        Raises:
            ValueError: a figure is not finite.
        """
        return json.dumps(self.to_json(), sort_keys=True, allow_nan=False, indent=1)
