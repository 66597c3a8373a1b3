"""Bars beside those of the session before: how far prices moved, and for how long they repeated. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from afterbell.ingest.actions.evidence import drop_session, with_context
from afterbell.sources.row_rules import MOVE, RUN, Jump

BARS = (
    "symbol", "session", "open", "high", "low", "close", "volume", "adj_close", "knowledge_time", "revision",
    "drop_id",
)  # fmt: skip
"""The columns of ``market.bars`` that these functions read."""

LOOK_CLOSER = 2.0
"""A move by more than this, either way, that no action on record explains is examined as ingest saw it."""

_VALUES = ("open", "high", "low", "close", "volume")
_KEY = ["symbol", "session"]
_ORDER = ["knowledge_time", "revision"]


@dataclass(frozen=True)
class Scope:
    """The sessions and drops that are judged.

    Attributes:
        calendar: the exchange's sessions, ascending and without a gap; those judged, and enough before them.
        judged: the sessions whose bars are judged.
        drops: the drops whose bars are judged.
        comparing: the sources whose drops carry the session before, so that a jump shows at first sight.
    """

    calendar: Sequence[date]
    judged: Collection[date]
    drops: Collection[str]
    comparing: Collection[str]


@dataclass(frozen=True)
class Sight:
    """Findings on the bars of some sessions.

    Attributes:
        symbols: symbol, of each with a judged bar.
        far: the farthest move of each symbol, as ``moves`` gives it.
        runs: as ``runs`` gives them.
        gaps: as ``afterbell.quality.sequence.gaps`` gives them.
        idle: symbol and session of the judged bars without volume.
    """

    symbols: pl.DataFrame
    far: pl.DataFrame
    runs: pl.DataFrame
    gaps: pl.DataFrame
    idle: pl.DataFrame


def newest(bars: pl.DataFrame) -> pl.DataFrame:
    """The newest revision of each bar, sorted by symbol and session."""
    ordered = bars.sort([*_KEY, *_ORDER])
    return ordered.unique(_KEY, keep="last", maintain_order=True)


def drop_source() -> pl.Expr:
    """The source that a ``drop_id`` names."""
    return pl.col("drop_id").str.split_exact(":", 1).struct.field("field_0")


def moves(
    bars: pl.DataFrame, actions: pl.DataFrame, scope: Scope, uncompared: pl.DataFrame | None = None
) -> pl.DataFrame:
    """How far each bar lies from the one before it, as it was when it was first delivered.

    A bar that a later drop delivers again has been confirmed by it, and is not examined.

    Args:
        bars: all revisions of whole symbols, ``BARS``.
        actions: symbol, ex_session, factor of every action that is or was believed.
        scope: what is judged.
        uncompared: symbol and session of bars whose drop did not have the session before: nothing was compared there.

    Returns:
        symbol, session, previous_close, close, adjustment (of the factors on record, that which ingest saw in the drop,
        or none: the one that explains the move best) and move, the ratio that is left (Float64); rows
        with a close before them only.
    """
    judged = bars.filter(pl.col("session").is_in(list(scope.judged)) & pl.col("drop_id").is_in(list(scope.drops)))
    own_drop = drop_session(pl.col("drop_id")) == pl.col("session")
    delivered = judged.filter(own_drop & drop_source().is_in(list(scope.comparing))).select(*_KEY, "close", *_ORDER)
    if uncompared is not None:
        delivered = delivered.join(uncompared, on=_KEY, how="anti")
    before = bars.select(
        "symbol", pl.col("session").alias("_before"), previous_close="close", _known="knowledge_time", _nth="revision"
    )
    pairs = (
        delivered.join(_previous(scope.calendar), on="session", how="inner")
        .join(before, on=["symbol", "_before"], how="inner")
        .filter(pl.col("_known") <= pl.col("knowledge_time"))
        .sort("_known", "_nth")
        .unique([*_KEY, *_ORDER], keep="last")
    )
    factors = actions.select("symbol", pl.col("ex_session").alias("session"), adjustment="factor").unique()
    plain = pairs.with_columns(adjustment=pl.lit(1.0))
    explained = _best([plain, pairs.join(factors, on=_KEY, how="inner").select(plain.columns)])
    far = explained.filter(pl.col(MOVE).log().abs() > pl.lit(LOOK_CLOSER).log())
    return _best([explained.drop(MOVE), _as_delivered(far, bars)]).select(
        *_KEY, "previous_close", "close", "adjustment", MOVE
    )


def _previous(calendar: Sequence[date]) -> pl.DataFrame:
    days = list(calendar)
    return pl.DataFrame({"session": days[1:], "_before": days[:-1]}, schema={"session": pl.Date, "_before": pl.Date})


def _best(candidates: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Of the adjustments of each pair of bars the one that leaves the least move."""
    ratio = pl.sql_expr(Jump(name="jump", kind="jump", severity="quarantine").move()).alias(MOVE)
    ordered = pl.concat(candidates).with_columns(ratio).filter(pl.col(MOVE) > 0).sort(pl.col(MOVE).log().abs())
    return ordered.unique([*_KEY, *_ORDER], keep="first").sort(_KEY)


def _as_delivered(far: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """``far`` with the adjustment that ingest saw in the drop itself."""
    rows = [far.drop(MOVE).head(0)]
    few = bars.join(far.select("symbol").unique(), on="symbol", how="semi")
    for _, pairs in far.group_by("session"):
        own = pairs.select(*_KEY, *_ORDER)
        before = pairs.select("symbol", session="_before", knowledge_time="_known", revision="_nth")
        drop = pl.concat([few.join(keys, on=[*_KEY, *_ORDER], how="semi") for keys in (before, own)])
        # Two bars of a symbol are what the drop had, whichever drops the lake has them from.
        seen = with_context(drop.unique(_KEY, keep="last", maintain_order=True)).select(*_KEY, seen="adjustment")
        rows.append(pairs.join(seen, on=_KEY, how="inner").with_columns(adjustment="seen").select(rows[0].columns))
    return pl.concat(rows)


def runs(known: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """For how many sessions in a row each judged bar with volume has repeated the one before it exactly.

    Args:
        known: bars as ``newest`` gives them.
        scope: what is judged; its calendar bounds the length of a run.

    Returns:
        symbol, session, run (UInt32), where it is 1 or more.
    """
    place = pl.DataFrame({"session": list(scope.calendar)}, schema={"session": pl.Date}).with_row_index("_at")
    known = known.join(place, on="session", how="inner", maintain_order="left")
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("symbol", *_VALUES))
    follows = pl.col("_at") == pl.col("_at").shift(1) + 1
    marked = known.with_columns(_same=(same & follows & (pl.col("volume") > 0)).fill_null(value=False))
    counted = marked.with_columns(_group=(~pl.col("_same")).cum_sum()).with_columns(
        pl.col("_same").cast(pl.UInt32).cum_sum().over("_group").alias(RUN)
    )
    return counted.filter(pl.col("_same") & pl.col("session").is_in(list(scope.judged))).select(*_KEY, RUN)


def look(bars: pl.DataFrame, actions: pl.DataFrame, scope: Scope, uncompared: pl.DataFrame | None = None) -> Sight:
    """Examine the bars of some sessions; the arguments are those of ``moves``."""
    known = newest(bars)
    judged = known.filter(pl.col("session").is_in(list(scope.judged)))
    return Sight(
        judged.select("symbol").unique(),
        _farthest([moves(bars, actions, scope, uncompared)]),
        runs(known, scope),
        gaps(known, scope.calendar, scope.judged),
        judged.filter(pl.col("volume") == 0).select(*_KEY),
    )


def by_symbol(sights: Sequence[Sight]) -> pl.DataFrame:
    """The farthest move and the longest run of each symbol, over all ``sights``.

    Every bar keeps the rules on jumps and on stale bars if and only if these do: one row a symbol is what is audited.

    Returns:
        symbol, session (of the move), previous_close, close, adjustment, move, run_session, run (Int64, 0 for none),
        sorted by symbol.
    """
    symbols = pl.concat([sight.symbols for sight in sights]).unique()
    longest = pl.concat([sight.runs for sight in sights]).sort(RUN, "session").unique("symbol", keep="last")
    rows = symbols.join(_farthest([sight.far for sight in sights]), on="symbol", how="left").join(
        longest.rename({"session": "run_session"}), on="symbol", how="left"
    )
    return rows.with_columns(pl.col(RUN).fill_null(0).cast(pl.Int64)).sort("symbol")


def _farthest(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    ordered = pl.concat(frames).sort(pl.col(MOVE).log().abs(), "session")
    return ordered.unique("symbol", keep="last")


def gaps(known: pl.DataFrame, calendar: Sequence[date], judged: Collection[date]) -> pl.DataFrame:
    """The gaps that end with a judged bar: it and the bar before it are not of neighbouring sessions.

    Args:
        known: the newest revision of each bar, sorted by symbol and session (``afterbell.quality.sequence.newest``).
        calendar: the exchange's sessions, ascending; a gap that reaches back before the first is not seen.
        judged: the sessions whose bars are judged.

    Returns:
        symbol, first and last (the sessions without a bar, Date), sessions (how many, Int64), sorted.
    """
    days = pl.Series("session", list(calendar), dtype=pl.Date)
    place = pl.DataFrame({"session": days}).with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    position, before = pl.col("_at"), pl.col("_at").shift(1).over("symbol")
    ends = (
        known.select("symbol", "session")
        .join(place, on="session", how="inner", maintain_order="left")
        .with_columns(_missing=position - before - 1)
        .filter((pl.col("_missing") > 0) & pl.col("session").is_in(list(judged)))
    )
    return ends.select(
        "symbol",
        first=days.gather(ends["_at"] - ends["_missing"]),
        last=days.gather(ends["_at"] - 1),
        sessions="_missing",
    ).sort("symbol", "first")
