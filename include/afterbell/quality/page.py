"""The quality report as one self-contained HTML page, light and dark, that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from shlex import quote
from typing import Any

from afterbell.quality.moves import LARGE
from afterbell.reporting import markup

Row = Mapping[str, Any]
Links = Mapping[str, str]
_WORDS = frozenset(
    {
        "symbol", "session", "source", "rule", "fact", "severity", "kept", "key", "state", "reason", "raw", "kind",
        "basis", "rests_on", "knowledge_time", "drop_id", "first_drop", "ex_session", "first", "last", "change", "name",
        "name_before", "delisted_before",
    }
)  # fmt: skip
"""Columns of text; the others are figures."""


def render(report: Row) -> str:
    """The page of ``report`` (``afterbell.quality.report.build_report``); the same report gives the same bytes."""
    session = str(report["session"])
    passed = bool(report["passed"])
    outcome = "Passed: this may be published" if passed else "Failed: main did not move"
    reason = (
        f"{report['expectations']} expectations, {len(report['failed'])} failed, {len(report['warnings'])} warnings"
    )
    links = {symbol: f"bars-{number}" for number, symbol in enumerate(_by_symbol(report["bars"]), start=1)}
    body = [
        markup.heading(f"Quality of the data: session {session}", 1),
        markup.subtitle(f"Run {report['run_id']}. What the run added, and the session beside those before it."),
        markup.verdict("publish" if passed else "hold", outcome, reason),
        markup.tiles(_headline(report)),
        *_sentences("Failed", report["failed"]),
        *_sentences("Warnings", report["warnings"]),
        *_session(report),
        *_coverage(report),
        *_moves(report, links),
        *_actions(report, links),
        *_listings(report, links),
        *_drops(report),
        *_quarantine(report, links),
        *_odd(report, links),
        *_bars(report, links),
        markup.heading("Provenance"),
        markup.pairs({"run": report["run_id"], "Data Docs": report["data_docs"]}),
    ]
    return markup.page(f"Quality of {session}: {'passed' if passed else 'failed'}", body)


def _headline(report: Row) -> dict[str, str]:
    aside = sum(line["lines"] for line in report["quarantine"])
    drops = sum(line["drops"] for line in report["drops"]["by_state"])
    return {
        "drops": f"{drops:,}",
        "bars added": f"{report['rows'].get('market.bars', 0):,}",
        "lines set aside": f"{aside:,}",
        "corporate actions": f"{report['actions']['in_all']:,}",
        "jumps held": f"{report['jumps']['held_in_all']:,}",
        "jumps confirmed": f"{report['jumps']['confirmed_in_all']:,}",
    }


def _sentences(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [markup.heading(title), markup.pairs({str(number): line for number, line in enumerate(lines, start=1)})]


def _session(report: Row) -> list[str]:
    facts = [line | {"kept": "kept" if line["kept"] else f"broken ({line['severity']})"} for line in report["facts"]]
    missing = {
        f"missing symbols, {name}": ", ".join(symbols) for name, symbols in report["missing_symbols"].items() if symbols
    }
    columns = ("source", "rule", "fact", "value", "min", "max", "sessions", "kept")
    return [
        markup.heading("The session as a whole"),
        _table(columns, facts, "nothing was compared"),
        *([markup.pairs(missing)] if missing else []),
        markup.heading("The sessions before it", 3),
        _table(("session", "source", "bars", "without_volume", "repeating"), report["trailing"], "none"),
    ]


def _drops(report: Row) -> list[str]:
    drops = report["drops"]
    return [
        markup.heading("Drops"),
        _table(("source", "state", "drops", "rows", "quarantined"), drops["by_state"], "no drop"),
        markup.heading(f"With a remark: {drops['with_reasons_in_all']}", 3),
        _table(("key", "session", "state", "reason"), drops["with_reasons"], "none"),
    ]


def _quarantine(report: Row, links: Links) -> list[str]:
    boxes = [markup.heading("Lines set aside"), _table(("rule", "lines", "drops"), report["quarantine"], "none")]
    for line in report["quarantine"]:
        boxes += [
            markup.heading(f"{line['rule']}: {line['lines']:,}, such as", 3),
            _table(("key", "line", "symbol", "reason", "raw"), line["samples"], "none", links),
        ]
    return boxes


def _coverage(report: Row) -> list[str]:
    """Bars by session, beside what its neighbours have; the sessions that stand out."""
    boxes = [markup.heading("Coverage by session")]
    for source in sorted({line["source"] for line in report["coverage"]}):
        mine = [line for line in report["coverage"] if line["source"] == source]
        if len(mine) > 1:
            boxes.append(markup.card(_plot(source, mine), "plot"))
    return [*boxes, *_thin(report["thin_sessions"])]


def _thin(sentences: Sequence[str]) -> list[str]:
    numbered = {str(number): line for number, line in enumerate(sentences, start=1)}
    return [
        markup.heading("Sessions with less than those around them, or without a drop of their own", 3),
        markup.pairs(numbered) if numbered else markup.note("none"),
    ]


def _plot(source: str, lines: Sequence[Row]) -> str:
    import numpy as np  # noqa: PLC0415 - drawing is imported late, as the audit's library is

    from afterbell.reporting import plots  # noqa: PLC0415 - matplotlib takes half a second

    days = [date.fromisoformat(line["session"]) for line in lines]
    named = {"delivered by the session's own drops": "on_night", "with what later drops brought": "bars"}
    named["median of the sessions around it"] = "usual"
    series = {
        name: np.asarray([np.nan if line[key] is None else line[key] for line in lines], np.float64)
        for name, key in named.items()
    }
    return plots.lines(f"Symbols with a bar, {source}", days, series, level=0.0, unit="symbols")


def _actions(report: Row, links: Links) -> list[str]:
    actions = report["actions"]
    columns = ("symbol", "ex_session", "kind", "basis", "factor", "confidence", "rests_on", "knowledge_time")
    inferred = actions["inferred"]
    return [
        markup.heading("Corporate actions"),
        _table(("kind", "basis", "actions"), actions["by_kind"], "none found"),
        markup.heading(f"Inferred, not reported for their session: {inferred['in_all']:,}", 3),
        _table(columns, inferred["rows"], "none", links),
        markup.heading("The newest", 3),
        _table(columns, actions["newest"], "none", links),
        markup.heading(f"Bars that look like another security's, held or let go: {report['held']['in_all']:,}", 3),
        _rows(report["held"]["rows"], links),
        markup.heading(f"Renamed securities, and symbols taken by others: {report['who_is_who']['in_all']:,}", 3),
        _rows(report["who_is_who"]["rows"], links),
        markup.heading("Sessions without evidence: no action of them could be seen", 3),
        _table(("source", "session"), report["unseen"], "none: every session was delivered with the one before it"),
    ]


def _moves(report: Row, links: Links) -> list[str]:
    weighty, restated = report["unexplained"], report["restated"]
    return [
        markup.heading(f"Unexplained moves of more than {LARGE:.0%}: {weighty['in_all']:,}"),
        markup.subtitle("Those with the most dollars traded first, and why each is believed, or isn't."),
        _rows(weighty["rows"], links),
        markup.heading("The largest remaining moves of any size", 3),
        _rows(report["moves"], links),
        markup.heading(f"Closes that a later drop changed: {restated['in_all']:,}"),
        _rows(restated["rows"], links),
    ]


def _listings(report: Row, links: Links) -> list[str]:
    listings = report["listings"]
    return [
        markup.heading(f"New, renamed, re-used and delisted symbols: {listings['in_all']:,}"),
        _rows(listings["rows"], links),
    ]


def _bars(report: Row, links: Links) -> list[str]:
    """The bars beside everything above that has a link."""
    boxes = [markup.heading("Bars")]
    for symbol, rows in _by_symbol(report["bars"]).items():
        shown = [{name: value for name, value in row.items() if name != "symbol"} for row in rows]
        command = f"./afterbell bars --symbol {quote(symbol)} --session {rows[-1]['session']}"
        boxes += [markup.anchored(symbol, links[symbol]), markup.subtitle(command), _rows(shown, {})]
    return boxes if len(boxes) > 1 else []


def _by_symbol(bars: Sequence[Row]) -> dict[str, list[Row]]:
    rows_by_symbol: dict[str, list[Row]] = {}
    for row in bars:
        rows_by_symbol.setdefault(str(row["symbol"]), []).append(row)
    return rows_by_symbol


def _odd(report: Row, links: Links) -> list[str]:
    jumps, stale = report["jumps"], report["stale"]
    return [
        markup.heading(f"Jumps held until the next drop: {jumps['held_in_all']}"),
        _table(("symbol", "session", "key", "raw"), jumps["held"], "none", links),
        markup.heading(f"Jumps that were delivered again: {jumps['confirmed_in_all']}", 3),
        _table(("symbol", "session", "close", "drop_id"), jumps["confirmed"], "none", links),
        markup.heading("Bars that repeat the one before them"),
        _table(("symbol", "session", "run"), stale["runs"], "none for as long as the rule warns of"),
        markup.heading("Set aside as stale", 3),
        _table(("symbol", "session"), stale["set_aside"], "none"),
        markup.heading(f"Bars without volume: {report['without_volume']['in_all']:,}"),
        _table(("symbol", "session"), report["without_volume"]["newest"], "none"),
        markup.heading(f"Gaps inside the history, left open: {report['gaps']['in_all']:,}"),
        _table(("symbol", "first", "last", "sessions"), report["gaps"]["newest"], "none"),
    ]


def _rows(rows: Sequence[Row], links: Links) -> str:
    """All columns of ``rows``."""
    return _table(tuple(rows[0]) if rows else (), rows, "none", links)


def _table(columns: Sequence[str], rows: Iterable[Row], nothing: str, links: Links | None = None) -> str:
    lines = [{name: _cell(name, row.get(name)) for name in columns} for row in rows]
    if not lines:
        return markup.note(nothing)
    return markup.whole(lines, _WORDS, links)


def _cell(name: str, value: object) -> str:
    if isinstance(value, float) and name == "dollars":
        return f"{value:,.0f}"
    return f"{value:+,.1%}" if isinstance(value, float) and name == "return" else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
