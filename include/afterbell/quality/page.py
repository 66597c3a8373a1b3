"""The quality report as one self-contained HTML page, light and dark, that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from shlex import quote
from typing import TYPE_CHECKING

from jinja2 import Environment

from afterbell.quality.moves import LARGE
from afterbell.quality.report_document import Cell, QualityReport, Row, SessionCoverage
from afterbell.reporting import rendering

if TYPE_CHECKING:
    from markupsafe import Markup

_WORDS = frozenset(
    {
        "symbol", "session", "source", "rule", "fact", "severity", "kept", "key", "state", "reason", "raw", "kind",
        "basis", "rests_on", "knowledge_time", "drop_id", "first_drop", "ex_session", "first", "last", "change", "name",
        "name_before", "delisted_before", "predecessor",
    }
)  # fmt: skip
"""Columns of text; the others are figures."""


def render(report: QualityReport) -> str:
    """The page of ``report``; the same report gives the same bytes."""
    bars = _by_symbol(report.bars)
    return (
        _environment()
        .get_template("quality.html")
        .render(
            report=report,
            links={symbol: f"bars-{number}" for number, symbol in enumerate(bars, start=1)},
            headline=_headline(report),
            facts=[_fact_row(fact.model_dump()) for fact in report.facts],
            missing=_missing(report.missing_symbols),
            quarantine=[rejected.model_dump() for rejected in report.quarantine],
            unseen=[unseen.model_dump(mode="json") for unseen in report.unseen],
            coverage=list(_plots(report.coverage)),
            bars={symbol: [_without_symbol(row) for row in rows] for symbol, rows in bars.items()},
            large=f"{LARGE:.0%}",
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = rendering.environment("afterbell.quality")
    environment.filters |= {"cell": _cell, "kinds": _kinds, "shell": quote}
    return environment


def _headline(report: QualityReport) -> dict[str, str]:
    counts = {
        "drops": sum(int(line["drops"] or 0) for line in report.drops.by_state),
        "bars added": report.rows.get("market.bars", 0),
        "lines set aside": sum(rejected.lines for rejected in report.quarantine),
        "corporate actions": report.actions.in_all,
        "jumps held": report.jumps.held_in_all,
        "jumps confirmed": report.jumps.confirmed_in_all,
    }
    return {name: f"{count:,}" for name, count in counts.items()}


def _fact_row(fact: Row) -> Row:
    return {**fact, "kept": "kept" if fact["kept"] else f"broken ({fact['severity']})"}


def _missing(symbols: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {f"missing symbols, {source}": ", ".join(names) for source, names in symbols.items() if names}


def _without_symbol(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "symbol"}


def _by_symbol(bars: Sequence[Row]) -> dict[str, list[Row]]:
    rows_by_symbol: dict[str, list[Row]] = {}
    for row in bars:
        rows_by_symbol.setdefault(str(row["symbol"]), []).append(row)
    return rows_by_symbol


def _plots(coverage: Sequence[SessionCoverage]) -> Iterator[Markup]:
    """A plot for each source of several sessions: bars by session, beside what its neighbours have."""
    for source in sorted({line.source for line in coverage}):
        own = [line for line in coverage if line.source == source]
        if len(own) > 1:
            yield _plot(source, own)


def _plot(source: str, sessions: Sequence[SessionCoverage]) -> Markup:
    import numpy as np  # noqa: PLC0415 - drawing is imported late, as the audit's library is

    from afterbell.reporting import plots  # noqa: PLC0415 - matplotlib takes half a second

    series = {
        "delivered by the session's own drops": [line.on_night for line in sessions],
        "with what later drops brought": [line.bars for line in sessions],
        "median of the sessions around it": [np.nan if line.usual is None else line.usual for line in sessions],
    }
    days = [line.session for line in sessions]
    curves = {name: np.asarray(values, np.float64) for name, values in series.items()}
    return plots.lines(f"Symbols with a bar, {source}", days, curves, level=0.0, unit="symbols")


def _kinds(name: str) -> str:
    """The classes of a column's cells."""
    kinds = {"words": name in _WORDS, "raw": name == "raw", "day": name.endswith("session"), "symbol": name == "symbol"}
    return " ".join(kind for kind, applies in kinds.items() if applies)


def _cell(value: Cell, name: str) -> str:
    """A value of the column ``name`` as text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:{_FORMATS.get(name, ',.6g')}}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


_FORMATS = {"dollars": ",.0f", "return": "+,.1%"}
"""Formats of figures, by column."""
