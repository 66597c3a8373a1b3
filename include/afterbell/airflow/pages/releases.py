"""Releases: a list of them, the one that serves and its history, the contents of one, and how two differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from afterbell.airflow.pages.documents import Document, Documents
from afterbell.errors import DigestMismatchError
from afterbell.release.manifest import RELEASE_ID, Champion, Manifest, parse_manifest

COUNT = 30
"""Sessions whose releases stand on one page."""
_MOVES = 15
_AUDIT = re.compile(r"audit/[A-Za-z0-9._-]{1,120}\.json")


def champion(documents: Documents) -> Document:
    """The pointer; empty while nothing has been published, ``{"refused": reason}`` for one that is not proven."""
    pointer = documents.champion()
    if not isinstance(pointer, Champion):
        return {"refused": pointer} if pointer else {}
    names = ("release_id", "session", "moved_at", "previous", "run_id", "audit")
    return {name: _text(getattr(pointer, name)) for name in names}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


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


def history(documents: Documents, pointer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The moves that led to the pointer, newest first, out of the audit trail that each names; at most 15."""
    moves: list[dict[str, Any]] = []
    current: Mapping[str, Any] = pointer
    while current and len(moves) < _MOVES:
        entry = _entry(documents, current.get("audit"))
        previous = entry.get("source")
        source: Mapping[str, Any] = previous if isinstance(previous, Mapping) else {}
        moves.append(
            {
                "at": _text(entry.get("at") or current.get("moved_at")),
                "action": str(entry.get("action") or "publish"),
                "by": str(entry.get("by") or ""),
                "reason": str(entry.get("reason") or ""),
                "run_id": str(entry.get("run_id") or current.get("run_id") or ""),
                "source": _text(source.get("release_id") or current.get("previous")),
                "target": _text(current.get("release_id")),
            }
        )
        current = source
    return moves


def _entry(documents: Documents, key: object) -> Document:
    if not isinstance(key, str) or not _AUDIT.fullmatch(key):
        return {}
    return documents.documents([key]).get(key, {})


def line(release_id: str, manifest: Manifest | str | None, pointer: Mapping[str, Any]) -> dict[str, Any]:
    """One release in the list."""
    row: dict[str, Any] = {"release_id": release_id, "champion": release_id == pointer.get("release_id")}
    if not isinstance(manifest, Manifest):
        return row | {"unreadable": manifest or "its manifest is gone"}
    return row | {
        "session": manifest.session.isoformat(),
        "models": len(manifest.models),
        "families": sorted({model.family for model in manifest.models}),
        "horizons": sorted({model.horizon for model in manifest.models}),
        "sets": [factors.set for factors in manifest.features.sets],
        "factors": len(manifest.features.names),
        "metrics": {name: headline(figures) for name, figures in sorted(manifest.metrics.items())},
        "verdict": manifest.verdict,
    }


def headline(metrics: object) -> dict[str, Any]:
    """The figures of a horizon that a list has room for."""
    figures = metrics if isinstance(metrics, Mapping) else {}
    return {name: figures.get(name) for name in ("rank_ic", "ic", "sharpe_net")}


def described(manifest: Manifest) -> dict[str, Any]:
    """All of a release, as rows of name and value."""
    body = manifest.model_dump(mode="json")
    return {
        "release_id": manifest.release_id,
        "session": manifest.session.isoformat(),
        "candidate_id": manifest.candidate_id,
        "verdict": manifest.verdict,
        "code_version": manifest.code_version,
        "metrics": table_of(manifest.metrics),
        "models": body["models"],
        "sets": body["features"]["sets"],
        "inputs": flat(manifest.inputs),
        "spec": flat(manifest.spec),
        "environment": dict(sorted(manifest.environment.items())),
    }


def table_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as one table: a column a horizon, a row a figure."""
    columns = sorted(metrics)
    rows = {name: flat(metrics[name]) for name in columns}
    names = sorted({name for figures in rows.values() for name in figures})
    return {"columns": columns, "rows": [{"name": name, "values": [rows[column].get(name) for column in columns]}
                                         for name in names]}  # fmt: skip


def flat(value: object, before: str = "") -> dict[str, Any]:
    """Nested mappings as one, names joined by dots; lists of plain values as text."""
    if isinstance(value, Mapping):
        flattened: dict[str, Any] = {}
        for name in sorted(value):
            flattened |= flat(value[name], f"{before}.{name}" if before else str(name))
        return flattened
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            return flat({str(number): item for number, item in enumerate(value, start=1)}, before)
        return {before: ", ".join(str(item) for item in value)}
    return {before: value}
