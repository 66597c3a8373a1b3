"""Whether what a source calls prices can be prices: their level beside what is known, or beside declared bounds. Pure.

A scale that is forgotten, or wrong by ten, moves every price at once, and each bar by itself still looks like one. So
the closes of a session's drops are compared, symbol by symbol, with the last ones known of their source: their median
ratio is near 1, whatever single symbols do. Where nothing is known yet, their median close must lie within the source's
bounds. One symbol alone can be worth a hundred times more after its shares are put together, and 700,000 dollars at any
time: it is judged by its own past, and only a level far beyond any such event is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10
from statistics import median

import numpy as np
import polars as pl

from afterbell.errors import ValidationFailedError
from afterbell.ingest.outcome import Outcome
from afterbell.sources.source import Source

SAMPLE = 200
"""About so many symbols of a drop are compared: those with the smallest hashes, so that drops have them in common."""
_ENOUGH = 5
"""From so many symbols on nothing but a mistake moves their median."""
_FEW_TIMES, _LONE_TIMES = 50.0, 500.0
"""Up to so many times its past the price of a few symbols, or of one, can change by itself."""
_SEED, _HASHES = 7, 2**64


class ImplausibleError(ValidationFailedError):
    """Drops whose prices can't be prices: correct the source's ``scale``, or declare ``plausible``.

    Attributes:
        drops: these drops, each with the reason.
    """

    def __init__(self, drops: Sequence[tuple[Outcome, str]]) -> None:
        super().__init__("; ".join(reason for _, reason in drops[:3]))
        self.drops = drops


def sample_closes(drops: Sequence[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """The last closes of some symbols of each drop, of all where they are few.

    Args:
        drops: the id and the rows of each.

    Returns:
        drop_id, symbol, close (Float64), in the order of the drops, sorted by symbol.
    """
    when = "at" if "at" in drops[0][1].columns else "session"
    few = [_few_symbols(rows.select("symbol", when, "close"), when) for _, rows in drops]
    numbers = np.repeat(np.arange(len(few), dtype=np.uint32), [rows.height for rows in few])
    rows = pl.concat(few).with_columns(pl.Series("_drop", numbers)).filter(pl.col("close") > 0)
    closes = rows.group_by("_drop", "symbol").agg(pl.col("close").sort_by(when).last())  # in no order, so sorted below
    closes = closes.sort("_drop", "symbol")
    names = pl.Series("drop_id", [name for name, _ in drops], dtype=pl.String)
    return closes.select(names.gather(closes["_drop"]), "symbol", "close")


def _few_symbols(rows: pl.DataFrame, when: str) -> pl.DataFrame:
    """The rows of about ``SAMPLE`` symbols."""
    # A lower bound of their number, and quicker to compute than the number itself.
    symbols = rows.height // max(1, rows[when].n_unique())
    if symbols <= SAMPLE:
        return rows
    return rows.filter(rows["symbol"].hash(_SEED) < _HASHES // symbols * SAMPLE)


@dataclass(frozen=True)
class _DropCloses:
    """The closes of one drop."""

    place: int
    closes: Mapping[str, float]

    def ratios(self, last: Mapping[str, float]) -> list[float]:
        """Decimal logarithms of the ratios of its closes to those known before, of symbols that have one."""
        return [log10(close / last[symbol]) for symbol, close in self.closes.items() if symbol in last]


def check_levels(
    source: Source,
    outcomes: Sequence[Outcome],
    closes: Mapping[str, Mapping[str, float]],
    past: Mapping[str, float],
    *,
    known: bool,
) -> dict[int, str]:
    """Find the drops of a source whose prices are not plausible.

    Args:
        source: of bars or of minute bars.
        outcomes: of the run; those of other sources are passed over.
        closes: by drop id, the closes of its symbols.
        past: the last close of symbols before the first of these drops.
        known: whether anything of the source is known from there, of whatever symbols.

    Returns:
        A reason for each such drop, by its place in ``outcomes``.
    """
    last = dict(past)
    reasons: dict[int, str] = {}
    for drops in _by_session(source, outcomes, closes):
        bad = _far_from_past(source, drops, last)
        good = [drop for drop in drops if drop.place not in bad]
        bad |= _out_of_bounds(source, good, last, known=known)
        for drop in good:
            if drop.place not in bad:
                last.update(drop.closes)
                known = True
        reasons |= {place: f"drop {outcomes[place].task.key}: {reason}" for place, reason in bad.items()}
    return reasons


def _by_session(
    source: Source, outcomes: Sequence[Outcome], closes: Mapping[str, Mapping[str, float]]
) -> Iterator[list[_DropCloses]]:
    mine = [
        (outcome.task.session, _DropCloses(place, closes[outcome.drop_id]))
        for place, outcome in enumerate(outcomes)
        if outcome.task.source == source.name and outcome.drop_id in closes and outcome.rows
    ]
    mine.sort(key=lambda pair: (pair[0], pair[1].place))
    for _, pairs in groupby(mine, key=lambda pair: pair[0]):
        yield [drop for _, drop in pairs]


def _far_from_past(source: Source, drops: Iterable[_DropCloses], last: Mapping[str, float]) -> dict[int, str]:
    drops = list(drops)
    all_ratios = [ratio for drop in drops for ratio in drop.ratios(last)]
    moved = bool(all_ratios) and abs(median(all_ratios)) > log10(_times(source, len(all_ratios)))
    bad = {}
    for drop in drops:
        ratios = drop.ratios(last)
        if not ratios:
            continue
        # Where all of a session's prices moved, a drop of one symbol has no other reason than the others.
        times = source.price_change() if moved else _times(source, len(ratios))
        if abs(median(ratios)) > log10(times):
            known_symbols = [symbol for symbol in drop.closes if symbol in last]
            bad[drop.place] = _moved(source, drop, [last[symbol] for symbol in known_symbols], known_symbols)
    return bad


def _times(source: Source, symbols: int) -> float:
    """How many times their past, or one over it, the prices of so many symbols may be."""
    usual = source.price_change()
    if symbols >= _ENOUGH:
        return usual
    return max(usual, _LONE_TIMES if symbols == 1 else _FEW_TIMES)


def _out_of_bounds(
    source: Source, drops: Sequence[_DropCloses], last: Mapping[str, float], *, known: bool
) -> dict[int, str]:
    newcomers = {drop.place: [close for symbol, close in drop.closes.items() if symbol not in last] for drop in drops}
    closes = [close for prices in newcomers.values() for close in prices]
    symbols = sum(len(drop.closes) for drop in drops)
    # A newcomer or two beside known symbols may have any price.
    if not closes or 2 * len(closes) < symbols or (known and len(closes) < _ENOUGH):
        return {}
    low, high = source.price_bounds()
    middle = median(closes)
    if low <= middle <= high:
        return {}
    name = _column(source)
    return {
        place: f"column {name}: expected prices, with a median close of {len(closes)} symbols between {low:g} and "
        f"{high:g}, found {middle:g}; {_remedy(source)}"
        for place, prices in newcomers.items()
        if prices
    }


def _moved(source: Source, drop: _DropCloses, before: Sequence[float], symbols: Sequence[str]) -> str:
    ratio = 10 ** median(drop.ratios(dict(zip(symbols, before, strict=True))))
    middle = median(drop.closes[symbol] for symbol in symbols)
    what = symbols[0] if len(symbols) == 1 else f"{len(symbols)} symbols"
    return (
        f"column {_column(source)}: expected prices near those known of {what}, with a median close of "
        f"{median(before):g}, found {middle:g}, {ratio:.3g} times as much; {_remedy(source)}"
    )


def _column(source: Source) -> str:
    return next(vendors for vendors, column in source.columns.items() if column.name == "close")


def _remedy(source: Source) -> str:
    return (
        f"check the scale of the price columns in include/config/sources/{source.name}.yaml, or ask the vendor; where "
        "these are prices, declare plausible there. Nothing of it was loaded"
    )
