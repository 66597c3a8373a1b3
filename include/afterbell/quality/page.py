"""The quality report as one self-contained HTML page, light and dark, that needs no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from afterbell.evaluation import markup

Row = Mapping[str, Any]


def render(report: Row) -> str:
    """The page of ``report`` (``afterbell.quality.report.build_report``); the same report gives the same bytes."""
    session = str(report["session"])
    passed = bool(report["passed"])
    said = "Passed: this may be published" if passed else "Failed: main did not move"
    reason = (
        f"{report['expectations']} expectations, {len(report['failed'])} failed, {len(report['warnings'])} warnings"
    )
    body = [
        markup.heading(f"Quality of the data: session {session}", 1),
        markup.subtitle(f"Run {report['run_id']}. What the run added, and the session beside those before it."),
        markup.verdict("publish" if passed else "hold", said, reason),
        markup.tiles(_headline(report)),
        *_sentences("Failed", report["failed"]),
        *_sentences("Warnings", report["warnings"]),
        *_session(report),
        *_drops(report),
        *_quarantine(report),
        *_actions(report),
        *_moves(report),
        *_odd(report),
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
        f"missing symbols, {name}": ", ".join(found) for name, found in report["missing_symbols"].items() if found
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
    found = report["drops"]
    return [
        markup.heading("Drops"),
        _table(("source", "state", "drops", "rows", "quarantined"), found["by_state"], "no drop"),
        markup.heading(f"With a remark: {found['with_reasons_in_all']}", 3),
        _table(("key", "session", "state", "reason"), found["with_reasons"], "none"),
    ]


def _quarantine(report: Row) -> list[str]:
    boxes = [markup.heading("Lines set aside"), _table(("rule", "lines", "drops"), report["quarantine"], "none")]
    for line in report["quarantine"]:
        boxes += [
            markup.heading(f"{line['rule']}: {line['lines']:,}, such as", 3),
            _table(("key", "line", "symbol", "reason", "raw"), line["samples"], "none"),
        ]
    return boxes


def _actions(report: Row) -> list[str]:
    found = report["actions"]
    columns = ("symbol", "ex_session", "kind", "basis", "factor", "confidence", "rests_on", "knowledge_time")
    return [
        markup.heading("Corporate actions"),
        _table(("kind", "basis", "actions"), found["by_kind"], "none found"),
        markup.heading("The newest", 3),
        _table(columns, found["newest"], "none"),
        markup.heading("Sessions of which no action could be seen", 3),
        _table(("source", "session"), report["unseen"], "none: every session was told together with the one before it"),
    ]


def _moves(report: Row) -> list[str]:
    moves = report["moves"]
    columns = tuple(moves[0]) if moves else ()
    return [
        markup.heading("The largest remaining moves, and why they are believed"),
        _table(columns, moves, "none"),
    ]


def _odd(report: Row) -> list[str]:
    jumps, stale = report["jumps"], report["stale"]
    return [
        markup.heading(f"Jumps held until the next drop: {jumps['held_in_all']}"),
        _table(("symbol", "session", "key", "raw"), jumps["held"], "none"),
        markup.heading(f"Jumps that were told again: {jumps['confirmed_in_all']}", 3),
        _table(("symbol", "session", "close", "drop_id"), jumps["confirmed"], "none"),
        markup.heading("Bars that repeat the one before them"),
        _table(("symbol", "session", "run"), stale["runs"], "none for as long as the rule warns of"),
        markup.heading("Set aside as stale", 3),
        _table(("symbol", "session"), stale["set_aside"], "none"),
        markup.heading(f"Bars without volume: {report['without_volume']['in_all']:,}"),
        _table(("symbol", "session"), report["without_volume"]["newest"], "none"),
        markup.heading(f"Gaps inside the history, left open: {report['gaps']['in_all']:,}"),
        _table(("symbol", "first", "last", "sessions"), report["gaps"]["newest"], "none"),
    ]


def _table(columns: Sequence[str], rows: Iterable[Row], nothing: str) -> str:
    lines = [[_text(row.get(name)) for name in columns] for row in rows]
    if not lines:
        return markup.pairs({nothing: ""})
    return markup.table([name.replace("_", " ") for name in columns], lines)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
