"""Rows of one drop about the same thing: equal ones, different ones, and what a pair of sessions shows. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from afterbell.ingest.actions.evidence import with_context
from afterbell.ingest.parsing.several import Places, bounds_of, in_each_drop, numbers_of
from afterbell.ingest.parsing.sift import ASIDE, Check, sift
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Kind, Source

KEYS: dict[Kind, tuple[str, ...]] = {"bars": ("symbol", "session"), "minute_bars": ("symbol", "at")}
"""The key of a row of these kinds, whether a rule declares it or not."""
SUPERSEDED = "superseded"
_SESSIONS = 2
_QUIET = 1.5
"""With a limit below this, a split that shows in the price alone could itself be taken for a jump."""
_NEARLY = 0.99
_SLOT_BITS = 16


def collapse(source: Source, rules: RuleSet, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One of each set of equal rows; of rows that differ under one key what ``source.duplicates`` declares.

    Args:
        source: whose rows.
        rules: of the source.
        rows: with ``line``; of several drops with ``drop`` (UInt32), which numbers them.

    Returns:
        The rows that stay, and rows set aside, as ``ASIDE``. All others were equal to one that stays.
    """
    unique_rules = rules.unique_keys()
    key = list(unique_rules[0].columns if unique_rules else KEYS.get(source.kind, ()))
    values = [name for name in rows.columns if name != "line"]
    places = _alike(rows, key or values)
    if not places.size:
        return rows, ASIDE.to_frame()
    alike = rows[places.tolist()]
    last_wins = source.duplicates == "last_wins"
    distinct = alike.unique(values, keep="last" if last_wins else "first", maintain_order=True)
    good, bad = _one_a_key(source, rules, distinct, key) if key else (distinct, ASIDE.to_frame())
    stays = np.ones(rows.height, np.bool_)
    stays[places] = alike["line"].is_in(good["line"].implode()).to_numpy()
    return rows.filter(pl.Series(stays)), bad


def _one_a_key(
    source: Source, rules: RuleSet, distinct: pl.DataFrame, key: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    unique_rules, named = rules.unique_keys(), ", ".join(key)
    key = in_each_drop(distinct, key)
    if source.duplicates == "last_wins":
        reason = pl.lit(f"a later line of the drop has other values for the same {named}")
        return sift(distinct, [Check(SUPERSEDED, ~pl.struct(key).is_last_distinct(), reason)])
    reason = pl.lit(f"the drop has other values for the same {named}")
    return sift(
        distinct,
        [Check(unique_rules[0].name if unique_rules else "one_row_per_drop", pl.struct(key).is_duplicated(), reason)],
    )


def _alike(rows: pl.DataFrame, columns: list[str]) -> Places:
    """Ascending places of all rows that may have the same values in ``columns`` as another one of their drop.

    Few others are among them.
    """
    hashes = rows[columns].hash_rows().to_numpy()
    # A drop at a time: its slots fit a core's cache.
    places = [start + _alike_in_a_drop(hashes[start : start + length]) for _, start, length in bounds_of(rows)]
    return np.concatenate(places) if places else np.empty(0, np.int64)


def _alike_in_a_drop(hashes: npt.NDArray[np.uint64]) -> Places:
    # Each row takes the slot that its hash names: whoever lost a slot shares it, with its like or by chance.
    size = 1 << max(_SLOT_BITS, (4 * hashes.size).bit_length())
    slots = np.zeros(size, np.int32)
    slot_of_row = (hashes & np.uint64(size - 1)).astype(np.int32)
    numbers = np.arange(hashes.size, dtype=np.int32)
    slots[slot_of_row] = numbers
    slots[slot_of_row[slots[slot_of_row] != numbers]] = -1
    places = np.flatnonzero(slots[slot_of_row] == -1)
    shared = np.sort(hashes[places])
    again = shared[1:][shared[1:] == shared[:-1]]
    return places[np.isin(hashes[places], again)] if again.size else places[:0]


def hold_jumps(rules: RuleSet, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars whose close lies too far from the one before in the same drop, corporate actions accounted for.

    Args:
        rules: those of the source; without a rule on jumps all rows stay.
        rows: bars with ``line``, at most one a symbol and session; of several drops with ``drop`` (UInt32).

    Returns:
        The rows that stay, and those held, as ``ASIDE``.
    """
    jump = rules.jump()
    if jump is None or jump.severity != "quarantine":
        return rows, ASIDE.to_frame()
    # The full look costs as much as reading the drop, and nearly all symbols are quiet.
    places = _comparing(rows, _moved(rows, jump.limit * _NEARLY) if jump.limit > _QUIET else np.arange(rows.height))
    if not places.size:
        return rows, ASIDE.to_frame()
    seen = with_context(rows[places])
    check = Check(jump.name, ~pl.sql_expr(jump.condition()), _jumped(jump.explain()))
    _, held = sift(seen, [check])
    return (rows.filter(~pl.col("line").is_in(held["line"].implode())) if held.height else rows), held


def _jumped(words: str) -> pl.Expr:
    template = "{}; found {} after {}, explained by {}"
    return pl.format(template, pl.lit(words), *(pl.col(name) for name in ("close", "previous_close", "adjustment")))


def _comparing(rows: pl.DataFrame, places: Places) -> Places:
    """Those of ``places`` that are of drops with bars of two sessions: others compare nothing."""
    drops = numbers_of(rows)[places]
    two = [
        drop
        for drop, start, length in bounds_of(rows)
        if (drops == drop).any() and rows["session"].slice(start, length).n_unique() == _SESSIONS
    ]
    return places[np.isin(drops, two)]


def _moved(rows: pl.DataFrame, limit: float) -> Places:
    """Places of the bars that may break a rule on jumps, and of those before: the close moved by over ``limit`` times.

    An adjustment, the vendor's or one seen in the price alone, is believed only where the price agrees with it: it may
    explain a jump and never makes one.
    """
    symbols, close, drops = rows["symbol"].hash().to_numpy(), rows["close"].to_numpy(), numbers_of(rows)
    beside = (symbols[:-1] == symbols[1:]) & (drops[:-1] == drops[1:])
    jumps = np.flatnonzero(beside & _far(close, limit))
    # Vendors write the sessions of a symbol one after the other, or all of one session first; what isn't beside its
    # pair is sorted to it.
    single = np.ones(symbols.size, np.bool_)
    single[:-1] &= ~beside
    single[1:] &= ~beside
    places = np.flatnonzero(single)
    places = places[np.lexsort((symbols[places], drops[places]))]
    pairs = (symbols[places][:-1] == symbols[places][1:]) & (drops[places][:-1] == drops[places][1:])
    pairs &= _far(close[places], limit)
    left, right = places[:-1][pairs], places[1:][pairs]
    return np.unique(np.concatenate([jumps, jumps + 1, left, right]))


def _far(prices: npt.NDArray[np.float64], limit: float) -> npt.NDArray[np.bool_]:
    """Whether each price lies more than ``limit`` times from the next one, either way."""
    one, other = prices[:-1], prices[1:]
    far: npt.NDArray[np.bool_] = (one > other * limit) | (other > one * limit)
    return far
