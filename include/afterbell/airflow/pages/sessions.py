"""The last sessions: what came in, what was set aside and why, and how each ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from afterbell.airflow.pages import clock, results
from afterbell.airflow.pages.data_docs import docs_pages
from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.results import Folder, quality, verdict

COUNT = 20
"""Sessions on one page."""
_READ = ("ingest", "validate", "evaluate", "publish")
_SHOWN_RULES = 3


def page(now: datetime, shown: Sequence[date], documents: Documents, *, older: bool) -> dict[str, Any]:
    """The sessions ``shown`` (newest first), each with its last run; one listing and a few reads a session."""
    folders = results.folders(documents, shown)
    last = [found[0] for found in folders.values() if found]
    read = {run.session: run for run in results.read(documents, last, _READ)}
    rows = [_row(day, read.get(day.isoformat()), len(folders[day.isoformat()])) for day in shown]
    first = clock.described(shown[-1])
    return {
        "now": now.isoformat(),
        "zone": first["zone"],
        "exchange": first["exchange"],
        "rows": rows,
        "with_runs": sum(1 for row in rows if row["runs"]),
        "older": first["before"],
        "newer": older,
    }


def _row(day: date, run: Folder | None, count: int) -> dict[str, Any]:
    session = clock.described(day)
    found = {"session": day.isoformat(), "close": session["close"], "half_day": session["half_day"], "runs": count}
    if run is None:
        return found | {"slug": None}
    told = quality(run)
    rules = sorted(told["quarantine_by_rule"].items(), key=lambda item: -_count(item[1]))
    return found | told | {
        "slug": run.slug,
        "docs_pages": docs_pages(run.slug),
        "modified": run.modified.isoformat(),
        "rules": [{"rule": str(name), "rows": lines} for name, lines in rules[:_SHOWN_RULES]],
        "more_rules": max(0, len(rules) - _SHOWN_RULES),
        "refused": refusals(told["refused_drops"]),
        "verdict": verdict(run),
        "steps": sorted(run.names),
        "has_report": "evaluate" in run.names,
        "has_quality": "quality" in run.names,
    }  # fmt: skip


def refusals(drops: Sequence[Any]) -> list[dict[str, Any]]:
    """Refused drops by reason, rare reasons first, each with one of its keys; what is most common is least news."""
    found: dict[str, list[str]] = {}
    for drop in drops:
        told = drop if isinstance(drop, Mapping) else {"reason": drop}
        found.setdefault(str(told.get("reason")), []).append(str(told.get("key", "")))
    rare = sorted(found.items(), key=lambda item: len(item[1]))
    return [{"reason": reason, "drops": len(keys), "key": keys[0]} for reason, keys in rare]


def _count(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
