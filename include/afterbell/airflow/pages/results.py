"""The results that the steps of a run left in the artifact store, as the pages show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from afterbell.airflow.pages.documents import Document, Documents
from afterbell.release.manifest import Champion
from afterbell.run.steps import EXPERIMENT_RUNS, STEPS
from afterbell.stores.protocols import StoredObject

_RESULT = re.compile(
    r"runs/(?P<session>[\d-]{10})/(?P<slug>[A-Za-z0-9_]{1,200})/(?P<name>[a-z_]{1,40})(?P<beside>\.failure|\.progress)?\.json"
)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
FORECAST = "forecast"


@dataclass(frozen=True)
class Folder:
    """The results of one run: which there are, when the last was written, and those that were read.

    Attributes:
        session: ISO date.
        slug: the run's folder.
        names: steps and other documents that have a result.
        beside: ``<step>.failure`` and ``<step>.progress`` of steps that recorded their failure or progress.
        modified: UTC.
        read: documents by name; only those that were requested.
    """

    session: str
    slug: str
    names: frozenset[str]
    modified: datetime
    beside: frozenset[str] = frozenset()
    read: dict[str, Document] = field(default_factory=dict)

    @property
    def report(self) -> str:
        """The key of the run's report."""
        return f"reports/{self.session}/{self.slug}/report.html"

    def key(self, name: str) -> str:
        """The key of one of its documents."""
        return f"runs/{self.session}/{self.slug}/{name}.json"

    def get(self, name: str) -> Mapping[str, Any]:
        """A document that was read; empty where it is missing."""
        return self.read.get(name, {})


def folders(documents: Documents, sessions: Iterable[date]) -> dict[str, list[Folder]]:
    """The runs that left results, by session, newest first; one listing a session."""
    prefixes = {f"runs/{session.isoformat()}/": session.isoformat() for session in sessions}
    listed = documents.listings(prefixes)
    return {prefixes[prefix]: _folders(objects) for prefix, objects in listed.items()}


def _folders(objects: Iterable[StoredObject]) -> list[Folder]:
    entries: dict[tuple[str, str], list[tuple[str, datetime]]] = {}
    for stored in objects:
        if match := _RESULT.fullmatch(stored.key):
            run_key, name = (match["session"], match["slug"]), match["name"] + (match["beside"] or "")
            entries.setdefault(run_key, []).append((name, stored.modified or _BEGINNING))
    runs = [
        _folder(session, slug, dict(inside)) for (session, slug), inside in entries.items() if _is_daily(slug, inside)
    ]
    return sorted(runs, key=lambda run: run.modified, reverse=True)


def _is_daily(slug: str, inside: Iterable[tuple[str, datetime]]) -> bool:
    """Other kinds of work (maintenance, a backfill of a range, an experiment) keep their results beside these."""
    return not slug.startswith(EXPERIMENT_RUNS) and any(name.partition(".")[0] in STEPS for name, _ in inside)


def _folder(session: str, slug: str, inside: Mapping[str, datetime]) -> Folder:
    names = frozenset(name for name in inside if "." not in name)
    return Folder(session, slug, names, max(inside.values()), frozenset(inside) - names)


def read(documents: Documents, runs: Iterable[Folder], names: Iterable[str]) -> list[Folder]:
    """The same runs with those of ``names`` that they have, and with the figures of their reports (``metrics``)."""
    selected, requested = list(runs), list(names)
    keys = {
        (run.slug, run.session, name): run.key(name)
        for run in selected
        for name in requested
        if name in run.names or name in run.beside
    }
    keys |= {
        (run.slug, run.session, "metrics"): run.report.replace("report.html", "metrics.json")
        for run in selected
        if "evaluate" in run.names
    }
    contents = documents.documents(keys.values())
    return [
        replace(run, read={
            name: contents[key]
            for (slug, session, name), key in keys.items()
            if (slug, session) == (run.slug, run.session) and key in contents
        })
        for run in selected
    ]  # fmt: skip


def newest_release(documents: Documents) -> str:
    """The session of the champion (ISO date); empty where nothing is published, or the pointer is not proven."""
    champion = documents.champion()
    return champion.session.isoformat() if isinstance(champion, Champion) else ""


def verdict(run: Folder) -> dict[str, Any] | None:
    """The verdict of the run, and what became of the champion; None while it has not been judged."""
    judged, published = run.get("evaluate"), run.get("publish")
    if not judged and not published:
        return None
    reason = published.get("reason") or judged.get("reason") or ""
    kind = str(judged.get("verdict") or "")
    if str(reason).startswith("hold:"):
        kind = "hold"
    return {
        "verdict": kind,
        "reason": str(judged.get("reason") or reason),
        "outcome": str(published.get("reason") or ""),
        "published": published.get("published"),
        "champion": published.get("release_id"),
        "moved": published.get("moved"),
        "metrics": judged.get("metrics") or {},
    }


def since(run: Folder) -> dict[str, Any] | None:
    """What changed since the run of the session before, the largest change first; None where nothing was compared."""
    comparison = _mapping(run.get("metrics").get("since"))
    changes = [change for change in _list(comparison.get("changes")) if isinstance(change, Mapping)]
    if not comparison.get("session"):
        return None
    rows = [{name: change.get(name) for name in ("name", "before", "now")} for change in changes]
    return {"session": str(comparison["session"]), "changes": rows}


def quality(run: Folder) -> dict[str, Any]:
    """Drops, rows and what was set aside; zeros and empty lists where the run has not come that far."""
    landed, checked = run.get("ingest"), run.get("validate")
    inputs = _mapping(run.get("metrics").get("inputs"))
    return {
        "drops": _mapping(landed.get("drops")),
        "rows": landed.get("rows"),
        "quarantined_rows": landed.get("quarantined_rows"),
        "quarantine_by_rule": _mapping(landed.get("quarantine_by_rule")),
        "refused_drops": _list(landed.get("refused_drops")),
        "late_drops": [_drop(drop) for drop in _list(inputs.get("late_drops"))],
        "missing_drops": [_drop(drop) for drop in _list(inputs.get("missing_drops"))],
        "expectations": checked.get("expectations"),
        "failed": checked.get("failed"),
        "warnings": _list(checked.get("warnings")),
        "data_docs": str(checked.get("data_docs") or ""),
    }


def _drop(drop: object) -> dict[str, Any]:
    entry = drop if isinstance(drop, Mapping) else {"source": drop}
    minutes = entry.get("late_minutes")
    return {"source": str(entry.get("source")), "late_minutes": minutes if isinstance(minutes, int | float) else None}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else []
