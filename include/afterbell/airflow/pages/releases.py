"""Releases: a list of them, the one that serves and its history, the contents of one, and how two differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import Field, JsonValue

from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.views import View
from afterbell.errors import ConfigError, DigestMismatchError
from afterbell.release.manifest import RELEASE_ID, Champion, Manifest, ModelFile, SetSchema, parse_manifest
from afterbell.run.contracts.base import Figure, Record
from afterbell.run.contracts.models import ScorerMetrics

COUNT = 30
"""Sessions whose releases stand on one page."""
_MOVES = 15
_AUDIT = re.compile(r"audit/[A-Za-z0-9._-]{1,120}\.json")


class PointerView(View):
    """A pointer to the champion, as ``afterbell.release.manifest.Champion`` describes it."""

    release_id: str
    session: str
    moved_at: str
    previous: str | None
    run_id: str
    audit: str | None


class AuditPointer(Record):
    """The pointer that an entry of the audit trail names; early ones lack some of it."""

    release_id: str | None = None
    moved_at: str | None = None
    previous: str | None = None
    run_id: str | None = None
    audit: str | None = None


class AuditEntry(Record):
    """One entry of the audit trail, as far as the page shows it."""

    at: str | None = None
    action: str = "publish"
    by: str = ""
    reason: str = ""
    run_id: str = ""
    source: AuditPointer | None = None


class MoveView(View):
    """A move of the champion: when, what, by whom and why, and from which release to which."""

    at: str | None
    action: str
    by: str
    reason: str
    run_id: str
    source: str | None
    target: str | None


class HeadlineView(View):
    """The figures of a horizon that a list has room for."""

    rank_ic: Figure | None
    ic: Figure | None
    sharpe_net: Figure | None


class ReleaseLine(View):
    """One release in the list; ``unreadable`` says why its manifest can't be used, and nothing else is there then."""

    release_id: str
    champion: bool
    unreadable: str = ""
    session: str = ""
    models: int = 0
    families: tuple[str, ...] = ()
    horizons: tuple[int, ...] = ()
    sets: tuple[str, ...] = ()
    factors: int = 0
    metrics: Mapping[str, HeadlineView] = Field(default_factory=dict)
    verdict: Mapping[str, str] = Field(default_factory=dict)


class FigureRow(View):
    """A figure, and its value in each column."""

    name: str
    values: tuple[JsonValue, ...]


class FigureTable(View):
    """Metrics as one table: a column a horizon, a row a figure."""

    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]


class ReleaseView(View):
    """All of a release, as ``afterbell.release.manifest.Manifest`` describes it; nested parts as rows of text."""

    release_id: str
    session: str
    candidate_id: str
    verdict: Mapping[str, str]
    code_version: str
    metrics: FigureTable
    models: tuple[ModelFile, ...]
    sets: tuple[SetSchema, ...]
    inputs: Mapping[str, JsonValue]
    spec: Mapping[str, JsonValue]
    environment: Mapping[str, str]


def champion(documents: Documents) -> PointerView | str | None:
    """The pointer, or the reason why it is not proven; None while nothing has been published."""
    pointer = documents.champion()
    if not isinstance(pointer, Champion):
        return pointer or None
    return PointerView(
        release_id=pointer.release_id,
        session=pointer.session.isoformat(),
        moved_at=pointer.moved_at,
        previous=pointer.previous,
        run_id=pointer.run_id,
        audit=pointer.audit,
    )


def listed(documents: Documents, sessions: Sequence[date]) -> list[str]:
    """Ids of the releases of these sessions, newest first; one listing a session."""
    listings = documents.listings(f"releases/{session.isoformat()}-" for session in sessions)
    paths = [stored.key.split("/") for objects in listings.values() for stored in objects]
    ids = {path[1] for path in paths if len(path) == 3 and path[2] == "manifest.json"}
    return sorted((release_id for release_id in ids if re.fullmatch(RELEASE_ID, release_id)), reverse=True)


def manifests(documents: Documents, ids: Sequence[str]) -> dict[str, Manifest | str]:
    """The manifests that are there, by release; a reason in place of one that is not valid."""
    keys = {f"releases/{release_id}/manifest.json": release_id for release_id in ids}
    bodies = documents.bodies(keys)
    return {keys[key]: _parsed(body, key) for key, body in bodies.items()}


def _parsed(body: bytes | str, key: str) -> Manifest | str:
    if isinstance(body, str):
        return body
    try:
        return parse_manifest(body, key)
    except DigestMismatchError as error:
        return str(error)


def history(documents: Documents, pointer: PointerView) -> list[MoveView]:
    """The moves that led to the pointer, newest first, out of the audit trail that each names; at most 15."""
    moves: list[MoveView] = []
    current: AuditPointer | None = AuditPointer.read(pointer.to_json())
    while current is not None and len(moves) < _MOVES:
        entry = _entry(documents, current.audit)
        moves.append(
            MoveView(
                at=entry.at or current.moved_at,
                action=entry.action,
                by=entry.by,
                reason=entry.reason,
                run_id=entry.run_id or current.run_id or "",
                source=(entry.source.release_id if entry.source else None) or current.previous,
                target=current.release_id,
            )
        )
        current = entry.source
    return moves


def _entry(documents: Documents, key: str | None) -> AuditEntry:
    if key is None or not _AUDIT.fullmatch(key):
        return AuditEntry()
    try:
        return AuditEntry.read(documents.documents([key]).get(key, {}))
    except ConfigError:
        return AuditEntry()


def line(release_id: str, manifest: Manifest | str | None, champion_id: str) -> ReleaseLine:
    """One release in the list; ``champion_id`` is the one that serves, or empty."""
    serves = release_id == champion_id
    if not isinstance(manifest, Manifest):
        return ReleaseLine(release_id=release_id, champion=serves, unreadable=manifest or "its manifest is gone")
    return ReleaseLine(
        release_id=release_id,
        champion=serves,
        session=manifest.session.isoformat(),
        models=len(manifest.models),
        families=tuple(sorted({model.family for model in manifest.models})),
        horizons=tuple(sorted({model.horizon for model in manifest.models})),
        sets=tuple(factors.set for factors in manifest.features.sets),
        factors=len(manifest.features.names),
        metrics={name: headline(figures) for name, figures in sorted(manifest.metrics.items())},
        verdict=manifest.verdict,
    )


def headline(metrics: JsonValue) -> HeadlineView:
    """The figures of a horizon that a list has room for."""
    figures = ScorerMetrics.read(metrics if isinstance(metrics, dict) else {})
    return HeadlineView(rank_ic=figures.rank_ic, ic=figures.ic, sharpe_net=figures.sharpe_net)


def described(manifest: Manifest) -> ReleaseView:
    """All of a release, as rows of name and value."""
    return ReleaseView(
        release_id=manifest.release_id,
        session=manifest.session.isoformat(),
        candidate_id=manifest.candidate_id,
        verdict=manifest.verdict,
        code_version=manifest.code_version,
        metrics=table_of(manifest.metrics),
        models=manifest.models,
        sets=manifest.features.sets,
        inputs=flat(manifest.inputs),
        spec=flat(manifest.spec),
        environment=dict(sorted(manifest.environment.items())),
    )


def table_of(metrics: Mapping[str, JsonValue]) -> FigureTable:
    """Metrics as one table: a column a horizon, a row a figure."""
    columns = sorted(metrics)
    by_column = {name: flat(metrics[name]) for name in columns}
    names = sorted({name for figures in by_column.values() for name in figures})
    rows = (FigureRow(name=name, values=tuple(by_column[column].get(name) for column in columns)) for name in names)
    return FigureTable(columns=tuple(columns), rows=tuple(rows))


def flat(value: JsonValue, before: str = "") -> dict[str, JsonValue]:
    """Nested mappings as one, names joined by dots; lists of plain values as text."""
    if isinstance(value, dict):
        flattened: dict[str, JsonValue] = {}
        for name in sorted(value):
            flattened |= flat(value[name], f"{before}.{name}" if before else str(name))
        return flattened
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            return flat({str(number): item for number, item in enumerate(value, start=1)}, before)
        return {before: ", ".join(str(item) for item in value)}
    return {before: value}
