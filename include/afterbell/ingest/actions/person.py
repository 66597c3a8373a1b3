"""Applies a person's decisions to corporate actions. Pure.

A decision is one more row, known from the instant on at which it was made. While it stands, nothing that evidence shows
about its symbol and ex-session from then on becomes a row; ``vendor`` ends that. So the newest row is the one that
counts, as everywhere, and the rows are the same however the drops are taken in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, WITHDRAWN
from afterbell.ingest.actions.kinds import DIVIDEND, SPLIT
from afterbell.ingest.actions.overrides import FILE, NONE, PREFIX, VENDOR, Adjustment, Decision

PERSON = "person"
"""Basis of a row that a person decided."""

KEY = ["symbol", "ex_session"]
KINDS = (SPLIT, DIVIDEND, NONE)
"""Kinds of rows that state what takes effect on a session; rows of any other kind are not actions."""


class Word(NamedTuple):
    """From when on a person's decision counts, and whether it silences the evidence."""

    symbol: str
    ex_session: date
    decided: datetime
    stands: bool


@dataclass(frozen=True)
class Decisions:
    """The decisions that a run knows of.

    Attributes:
        due: those it writes, the earliest first.
        words: of these and of all that the lake has.
        waiting: how many are of a later time than the run's session.
        overtaken: a sentence about each that comes too late to count: it is written by no run.
    """

    due: tuple[Decision, ...] = ()
    words: tuple[Word, ...] = ()
    waiting: int = 0
    overtaken: tuple[str, ...] = ()


NO_DECISIONS = Decisions()


def weigh_decisions(decisions: Iterable[Decision], lake_rows: pl.DataFrame, horizon: datetime) -> Decisions:
    """Choose the decisions that a run writes.

    Args:
        decisions: all of the file.
        lake_rows: the lake's rows about their symbols and ex-sessions, and all of earlier decisions: ``ACTIONS``.
        horizon: when the newest content of the run's last session is known (UTC).

    Returns:
        Decisions that come too late to count are left out and named: the lake already has a row that became known after
        them, and what is newer counts.
    """
    lake_rows = lake_rows.filter(pl.col("kind").is_in(KINDS))
    written = set(lake_rows["drop_id"].to_list())
    new = [decision for decision in decisions if decision.drop_id not in written]
    due = sorted((decision for decision in new if decision.decided <= horizon), key=lambda decision: decision.decided)
    late = {decision: reason for decision in due if (reason := _overtaken(decision, lake_rows))}
    due = [decision for decision in due if decision not in late]
    applied = lake_rows.filter(pl.col("drop_id").str.starts_with(PREFIX))
    rows = applied.select(*KEY, "knowledge_time", "basis").iter_rows()
    words = [Word(symbol, session, decided, basis == PERSON) for symbol, session, decided, basis in rows]
    words += [Word(*decision.key, decision.decided, decision.action != VENDOR) for decision in due]
    return Decisions(tuple(due), tuple(words), len(new) - len(due) - len(late), tuple(late.values()))


def _overtaken(decision: Decision, lake_rows: pl.DataFrame) -> str:
    """Why a decision comes too late to count; empty where it does not."""
    about = (pl.col("symbol") == decision.symbol) & (pl.col("ex_session") == decision.ex_session)
    later = lake_rows.filter(about & (pl.col("knowledge_time") >= decision.decided)).sort("knowledge_time")
    if later.is_empty():
        return ""
    row = later.row(-1, named=True)
    added = (
        " An entry that was applied is not edited: add another." if (row["drop_id"] or "").startswith(PREFIX) else ""
    )
    return (
        f"{FILE}: the decision of {decision.by} about {decision.symbol} {decision.ex_session} is not written: decided: "
        f"expected an instant after {row['knowledge_time'].isoformat()}, from which on the lake knows factor "
        f"{row['factor']:g} ({row['basis']}) of that session, found {decision.decided.isoformat()}. Write a later "
        f"`decided`, such as the present time: what was known before it stays as it was.{added}"
    )


def silence(rows: pl.DataFrame, words: Sequence[Word]) -> pl.DataFrame:
    """``ACTIONS`` without those that become known while a person's decision about the same key stands."""
    if not words or rows.is_empty():
        return rows
    keys = pl.DataFrame([word[:2] for word in words], schema={"symbol": pl.String, "ex_session": pl.Date}, orient="row")
    about = rows.join(keys.unique(), on=KEY, how="semi", maintain_order="left")
    if about.is_empty():
        return rows
    stays = [_counts(row, words) for row in about.iter_rows(named=True)]
    others = rows.join(keys, on=KEY, how="anti", maintain_order="left")
    return pl.concat([others, about.filter(pl.Series(stays, dtype=pl.Boolean))]).sort("knowledge_time", *KEY)


def _counts(row: dict[str, object], words: Sequence[Word]) -> bool:
    about_key = [word for word in words if word[:2] == (row["symbol"], row["ex_session"])]
    before = [word for word in about_key if word.decided <= row["knowledge_time"]]  # type: ignore[operator]
    if not before:
        return True
    newest = max(before, key=lambda word: word.decided)
    # What evidence shows at the very instant of `vendor` is what its row has.
    return not newest.stands and newest.decided != row["knowledge_time"]


def rows_of(decisions: Iterable[Decision], derived: pl.DataFrame) -> pl.DataFrame:
    """The rows of decisions.

    Args:
        decisions: those to write.
        derived: ``ACTIONS``, all that evidence justifies about the keys of decisions that end an earlier one.

    Returns:
        ``ACTIONS``; for ``vendor`` what the evidence showed at that instant.
    """
    rows = [_row(decision, derived) for decision in decisions]
    return pl.DataFrame(rows, schema=ACTIONS, orient="row")


def _row(decision: Decision, derived: pl.DataFrame) -> tuple[object, ...]:
    note = f"{PERSON}: {decision.by}: {decision.reason}"
    factor, kind, basis, confidence = 1.0, NONE, PERSON, 1.0
    if isinstance(decision.action, Adjustment):
        factor, kind = decision.action.factor, decision.action.kind
    elif decision.action == VENDOR:
        factor, kind, basis, confidence, witnesses = _newest(decision, derived)
        note = f"{witnesses}; {note}" if witnesses else note
    return (*decision.key, factor, kind, basis, decision.decided, decision.drop_id, confidence, note)


def _newest(decision: Decision, derived: pl.DataFrame) -> tuple[float, str, str, float, str]:
    about = (pl.col("symbol") == decision.symbol) & (pl.col("ex_session") == decision.ex_session)
    known = derived.filter(about & (pl.col("knowledge_time") <= decision.decided)).sort("knowledge_time")
    if known.is_empty():
        return 1.0, NONE, WITHDRAWN, 0.0, ""
    row = known.row(-1, named=True)
    return row["factor"], row["kind"], row["basis"], row["confidence"], row["rests_on"] or ""
