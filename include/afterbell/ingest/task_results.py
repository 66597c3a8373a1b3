"""The results of an ingest task, for the driver: named pieces, packed as Arrow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from afterbell.errors import ObjectChangedError
from afterbell.ingest.outcome import Outcome
from afterbell.lake.files import NewFile

LEDGER, SEEN, EVIDENCE, REJECTS = "ledger", "seen", "evidence", "rejects"
REPEATS, CHANGED, RENAMED, FILES = "repeats", "changed", "renamed", "files"
FILINGS, SYMBOLS, REPORTS, LEVELS, STAGED = "filings", "symbols", "reports", "levels", "staged"
"""Names of parts: the drops' outcomes; those of drops that another task reports on; what bars show of actions;
lines set aside; bars that repeat the session before, which the driver judges; bars that came late or changed;
securities that go on under another symbol; data files; rows of the small kinds; some closes of each drop; data files
that other tasks number the rows of."""


@dataclass(frozen=True)
class Part:
    """One piece.

    Attributes:
        name: what it is.
        kind: of the source it comes from.
        frame: its rows.
    """

    name: str
    kind: str
    frame: pl.DataFrame


def pack(frame: pl.DataFrame) -> bytes:
    """``frame`` as compressed Arrow IPC."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


def unpack(payload: bytes) -> pl.DataFrame:
    """The frame that ``pack`` packed."""
    return pl.read_ipc(io.BytesIO(payload))


def outcomes_frame(outcomes: Iterable[Outcome]) -> pl.DataFrame:
    """Outcomes as rows of text."""
    return pl.DataFrame({"outcome": [outcome.to_json() for outcome in outcomes]}, schema={"outcome": pl.String})


def files_frame(files: Iterable[NewFile]) -> pl.DataFrame:
    """Data files as rows."""
    return pl.DataFrame([asdict(file) for file in files])


class Parts:
    """All parts that the tasks of a run returned."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    def __add__(self, other: Parts) -> Parts:
        """The parts of both."""
        return Parts([*self._parts, *other._parts])

    def rows(self, name: str, kind: str | None = None) -> pl.DataFrame | None:
        """All rows of a part, of one kind if it is named; None where there are none."""
        frames = [
            part.frame for part in self._parts if part.name == name and kind in {None, part.kind} and part.frame.height
        ]
        return pl.concat(frames, how="diagonal") if frames else None

    def outcomes(self) -> list[Outcome]:
        """The ledger's lines, in the order of source, session and key.

        Raises:
            ObjectChangedError: two tasks read different versions of one object.
        """
        outcomes = self._outcomes(LEDGER)
        by_key = {(outcome.task.source, outcome.task.key): outcome for outcome in outcomes}
        for seen in self._outcomes(SEEN):
            own = by_key[seen.task.source, seen.task.key]
            if (own.sha256, own.failure) != (seen.sha256, seen.failure):
                raise ObjectChangedError(
                    f"drop {seen.task.key} was replaced while it was read: one task found version {own.task.version}, "
                    f"another {seen.task.version} ({seen.reason or own.reason or 'both whole'}); read it again"
                )
        return sorted(
            outcomes,
            key=lambda outcome: (outcome.task.source, outcome.task.session, outcome.task.key, outcome.task.version),
        )

    def _outcomes(self, name: str) -> list[Outcome]:
        rows = self.rows(name)
        return [] if rows is None else [Outcome.from_json(text) for text in rows["outcome"].to_list()]

    def staged(self) -> list[NewFile]:
        """The data files whose rows are not numbered yet."""
        rows = self.rows(STAGED)
        return [] if rows is None else [NewFile(**row) for row in rows.rows(named=True)]

    def files(self, kind: str | None = None) -> list[NewFile]:
        """The data files that tasks wrote for bars of a kind, or for any."""
        rows = self.rows(FILES, kind)
        return [] if rows is None else [NewFile(**row) for row in rows.rows(named=True)]
