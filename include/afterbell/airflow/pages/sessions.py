"""The last sessions: what came in, what was set aside and why, and the verdict of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from afterbell.airflow.pages import clock, results
from afterbell.airflow.pages.data_docs import docs_pages
from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.results import Folder, quality, verdict
from afterbell.airflow.pages.runs import Run
from afterbell.airflow.pages.tonight import UNDER_WAY

COUNT = 20
"""Sessions on one page."""
_READ = ("ingest", "validate", "train", "evaluate", "publish")
_MOST_RUNS = 6
"""Newest runs of one session that are read."""
_SHOWN_RULES = 3


def page(
    now: datetime,
    shown: Sequence[date],
    documents: Documents,
    known: Mapping[str, Sequence[Run]],
    failures: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    older: bool,
) -> dict[str, Any]:
    """The sessions ``shown`` (newest first), a line each; one listing a session, and a few reads a run.

    Args:
        now: the time, UTC.
        shown: sessions.
        documents: of the artifact store.
        known: their runs in Airflow, newest first, by session (ISO).
        failures: why their tasks failed, by run and task.
        older: whether there are newer ones than these.
    """
    folders = {day: runs[:_MOST_RUNS] for day, runs in results.folders(documents, shown).items()}
    read = results.read(documents, [run for runs in folders.values() for run in runs], _READ)
    by_session: dict[str, list[Folder]] = {day: [] for day in folders}
    for run in read:
        by_session[run.session].append(run)
    rows = [_row(day, by_session[day.isoformat()], known.get(day.isoformat(), ()), failures) for day in shown]
    first = clock.described(shown[-1])
    return {
        "now": now.isoformat(),
        "zone": first["zone"],
        "exchange": first["exchange"],
        "rows": rows,
        "with_runs": sum(1 for row in rows if row["runs"]),
        "refresh": 10 if any(row["state"] in UNDER_WAY for row in rows) else None,
        "older": first["before"],
        "newer": older,
    }


def _row(
    day: date,
    stored: Sequence[Folder],
    known: Sequence[Run],
    failures: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> dict[str, Any]:
    session = clock.described(day)
    newest = known[0] if known else None
    row = {
        "session": day.isoformat(),
        "close": session["close"],
        "half_day": session["half_day"],
        "runs": len({run.slug for run in known} | {run.slug for run in stored}),
        "state": newest.state if newest else "",
        "run_id": newest.run_id if newest else None,
        "trouble": _trouble(newest, stored, failures),
    }
    chosen = standing(stored)
    if chosen is None:
        return row | {"slug": None}
    landed, judged = chosen.landed, chosen.judged
    figures = quality(landed) | {name: quality(judged)[name] for name in ("late_drops", "missing_drops")}
    rules = sorted(figures["quarantine_by_rule"].items(), key=lambda item: -_count(item[1]))
    return row | figures | {
        "slug": landed.slug,
        "judged_slug": judged.slug,
        "docs_pages": docs_pages(landed.slug),
        "modified": max(landed.modified, judged.modified).isoformat(),
        "rules": [{"rule": str(name), "rows": count} for name, count in rules[:_SHOWN_RULES]],
        "more_rules": max(0, len(rules) - _SHOWN_RULES),
        "refused": refusals(figures["refused_drops"]),
        "verdict": verdict(judged),
        "steps": sorted(landed.names | judged.names),
        "has_report": "evaluate" in judged.names,
        "has_quality": "quality" in landed.names,
    }  # fmt: skip


def _trouble(
    newest: Run | None, stored: Sequence[Folder], failures: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, str] | None:
    """The task that the newest run failed at, and the reason; None where it did not fail."""
    if newest is not None:
        if newest.state != "failed":
            return None
        for task, reason in failures.get(newest.run_id, {}).items():
            return {"step": task, "kind": str(reason.get("kind") or ""), "what": str(reason.get("what") or "")}
        return {"step": "", "kind": "", "what": "its tasks left no reason; see the run"}
    broken = [name for run in stored[:1] for name in sorted(run.beside) if name.endswith(".failure")]
    steps = [name.removesuffix(".failure") for name in broken]
    left = [step for step in steps if step not in stored[0].names]
    return {"step": left[0], "kind": "", "what": "see the run"} if left else None


def refusals(drops: Sequence[Any]) -> list[dict[str, Any]]:
    """Refused drops by reason, each with one of its keys; rare reasons come first, because they are news."""
    keys_by_reason: dict[str, list[str]] = {}
    for drop in drops:
        entry = drop if isinstance(drop, Mapping) else {"reason": drop}
        keys_by_reason.setdefault(str(entry.get("reason")), []).append(str(entry.get("key", "")))
    rare = sorted(keys_by_reason.items(), key=lambda item: len(item[1]))
    return [{"reason": reason, "drops": len(keys), "key": keys[0]} for reason, keys in rare]


def _count(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


@dataclass(frozen=True)
class SessionRuns:
    """The runs whose figures a session's line shows.

    Attributes:
        landed: the first whose data passed the audit, else the newest that took any in, else the newest.
        judged: the newest that trained and was judged, else the first that was judged, else the newest.
    """

    landed: Folder
    judged: Folder


def standing(runs: Sequence[Folder]) -> SessionRuns | None:
    """Choose among ``runs`` (newest first, ``ingest``, ``train`` and ``publish`` read); None for no runs."""
    if not runs:
        return None
    took_in = [run for run in runs if run.get("ingest") and not run.get("ingest").get("noop")]
    passed = [run for run in took_in if "validate" in run.names]
    judged = [run for run in runs if "publish" in run.names or "evaluate" in run.names]
    trained = [run for run in judged if not run.get("train").get("noop")]
    landed = passed[-1] if passed else (took_in or list(runs))[0]
    return SessionRuns(landed, trained[0] if trained else judged[-1] if judged else runs[0])
