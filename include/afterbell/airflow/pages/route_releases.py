"""Routes of releases: the list with the champion's history, one release, and two side by side."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from afterbell.airflow.pages import clock, releases
from afterbell.airflow.pages.compare import SectionView, compare
from afterbell.airflow.pages.documents import Documents, open_documents
from afterbell.airflow.pages.results import newest_release
from afterbell.airflow.pages.security import checked
from afterbell.airflow.pages.view import answer
from afterbell.airflow.pages.views import View
from afterbell.release.manifest import Manifest

router = APIRouter()


class ReleasesPage(View):
    """The releases of the last sessions, the champion (or why its pointer is not trusted) and its history."""

    now: str
    zone: str
    first: str
    last: str
    older: str | None
    newer: bool
    champion: releases.PointerView | None
    refused: str | None
    history: tuple[releases.MoveView, ...]
    releases: tuple[releases.ReleaseLine, ...]


class ComparePage(View):
    """Two releases side by side."""

    now: str
    left: str
    right: str
    sections: tuple[SectionView, ...]


class ReleasePage(releases.ReleaseView):
    """One release, and the one that serves."""

    now: str
    champion: str | None
    refused: str | None
    is_champion: bool
    zone: str


@router.get("/releases")
def show_releases(request: Request, before: str = "") -> Response:
    """The releases of the last sessions, the champion and how it came to serve."""
    documents = open_documents()
    pointer = releases.champion(documents)
    shown = clock.last_sessions(clock.session_of(before or _last(documents)), releases.COUNT)
    ids = releases.listed(documents, shown)
    manifests = releases.manifests(documents, ids)
    first = clock.described(shown[-1])
    proven = pointer if isinstance(pointer, releases.PointerView) else None
    serves = proven.release_id if proven else ""
    return answer(request, "releases", ReleasesPage(
        now=datetime.now(UTC).isoformat(),
        zone=first.zone,
        first=shown[-1].isoformat(),
        last=shown[0].isoformat(),
        older=first.before,
        newer=bool(before),
        champion=proven,
        refused=pointer if isinstance(pointer, str) else None,
        history=tuple(releases.history(documents, proven)) if proven else (),
        releases=tuple(releases.line(release_id, manifests.get(release_id), serves) for release_id in ids),
    ))  # fmt: skip


def _last(documents: Documents) -> str:
    """Tonight's session; the champion's, where that is so old that it would not be on the page."""
    tonight, known = clock.tonight(datetime.now(UTC)), newest_release(documents)
    oldest = clock.last_sessions(tonight, releases.COUNT)[-1].isoformat()
    return known if known and known < oldest else tonight.isoformat()


@router.get("/releases/compare")
def show_difference(request: Request, left: str, right: str) -> Response:
    """Two releases side by side."""
    ids = [checked("release", left), checked("release", right)]
    documents = open_documents()
    manifests = [_manifest(documents, release_id) for release_id in ids]
    sections = compare(manifests[0], manifests[1])
    page = ComparePage(now=datetime.now(UTC).isoformat(), left=left, right=right, sections=sections)
    return answer(request, "releases_compare", page)


@router.get("/releases/{release_id}")
def show_release(request: Request, release_id: str) -> Response:
    """One release: metrics, models, features, inputs, specification."""
    documents = open_documents()
    manifest = _manifest(documents, checked("release", release_id, 404))
    pointer = releases.champion(documents)
    serves = pointer.release_id if isinstance(pointer, releases.PointerView) else None
    release = releases.described(manifest)
    return answer(request, "releases_one", ReleasePage(
        **{name: getattr(release, name) for name in releases.ReleaseView.model_fields},
        now=datetime.now(UTC).isoformat(),
        champion=serves,
        refused=pointer if isinstance(pointer, str) else None,
        is_champion=serves == release_id,
        zone=clock.exchange().zone,
    ))  # fmt: skip


def _manifest(documents: Documents, release_id: str) -> Manifest:
    manifest = releases.manifests(documents, [release_id]).get(release_id)
    if manifest is None:
        raise HTTPException(404, f"release {release_id} does not exist")
    if isinstance(manifest, str):
        raise HTTPException(502, manifest)
    return manifest
