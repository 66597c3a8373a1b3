"""The results that the steps of a run left in the artifact store, as the pages show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TypeVar

from pydantic import model_validator

from afterbell.airflow.pages.documents import Document, Documents
from afterbell.airflow.pages.views import View
from afterbell.errors import ConfigError
from afterbell.release.manifest import Champion
from afterbell.run.contracts.base import Figure, Inputs, Record
from afterbell.run.contracts.data import RefusedDrop
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.run.steps import EVALUATE, EXPERIMENT_RUNS, INGEST, PUBLISH, STEPS, VALIDATE, Out_co, Step
from afterbell.stores.protocols import StoredObject

_RESULT = re.compile(
    r"runs/(?P<session>[\d-]{10})/(?P<slug>[A-Za-z0-9_]{1,200})/(?P<name>[a-z_]{1,40})(?P<beside>\.failure|\.progress)?\.json"
)
_BEGINNING = datetime.min.replace(tzinfo=UTC)
FORECAST = "forecast"


class ReportedDrop(Record):
    """A drop that was late or missing, as a report has it; early versions had the source alone."""

    source: str = ""
    late_minutes: Figure | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_a_source(cls, content: object) -> object:
        return {"source": content} if isinstance(content, str) else content


class ReportInputs(Record):
    """The inputs of a report, as far as the pages show them."""

    late_drops: tuple[ReportedDrop, ...] = ()
    missing_drops: tuple[ReportedDrop, ...] = ()


class ReportChange(Record):
    """A figure of a report, and the same of the session before."""

    name: str = ""
    before: Figure | str | None = None
    now: Figure | str | None = None


class ReportSince(Record):
    """The changes since the session before, as a report has them."""

    session: str = ""
    changes: tuple[ReportChange, ...] = ()


class ReportFigures(Record):
    """``metrics.json`` of a report, as far as the pages show it."""

    inputs: ReportInputs = ReportInputs()
    since: ReportSince = ReportSince()


Document_co = TypeVar("Document_co", bound=Record, covariant=True)


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

    def has(self, name: str) -> bool:
        """Whether a document was read, and is not empty."""
        return bool(self.read.get(name))

    def result(self, step: Step[Inputs, Out_co]) -> Out_co | None:
        """The result of a step; None where it is missing, or can't be read."""
        return self.document(step.name, step.result)

    def document(self, name: str, model: type[Document_co]) -> Document_co | None:
        """A document that was read; None where it is missing, or is no such document."""
        content = self.read.get(name)
        if not content or "unreadable" in content:
            return None
        try:
            return model.read(content)
        except ConfigError:
            return None

    def figures(self) -> ReportFigures:
        """The figures of its report; empty where there is none."""
        return self.document("metrics", ReportFigures) or ReportFigures()


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


class VerdictView(View):
    """The verdict of a run, and what became of the champion.

    Attributes:
        verdict: ``publish``, ``keep`` or ``hold``; empty where it was not judged.
        reason: of the verdict.
        outcome: why the champion moved, or did not.
        published: the release that was made.
        champion: the release that serves.
        provisional: the release that scores because nothing serves yet, and that nobody has approved.
        moved: whether the champion moved.
        metrics: by horizon.
    """

    verdict: str
    reason: str
    outcome: str
    published: str | None
    champion: str | None
    provisional: str | None
    moved: bool | None
    metrics: Mapping[str, HorizonMetrics]


def verdict(run: Folder) -> VerdictView | None:
    """The verdict of the run, and what became of the champion; None while it has not been judged."""
    judged, published = run.result(EVALUATE), run.result(PUBLISH)
    if judged is None and published is None:
        return None
    own, outcome = (judged.reason if judged else ""), (published.reason if published else "")
    kind = judged.verdict if judged else ""
    release = published.release_id or None if published else None
    provisional = published is not None and published.provisional
    return VerdictView(
        verdict="hold" if (outcome or own).startswith("hold:") else kind,
        reason=own or outcome,
        outcome=outcome,
        published=published.published if published else None,
        champion=None if provisional else release,
        provisional=release if provisional else None,
        moved=published.moved if published else None,
        metrics=judged.metrics if judged else {},
    )


class ChangeView(View):
    """A figure of this run and of the run of the session before; None where one has none."""

    name: str
    before: Figure | str | None
    now: Figure | str | None


class SinceView(View):
    """The changes since the session before (ISO date), the largest first."""

    session: str
    changes: tuple[ChangeView, ...]


def since(run: Folder) -> SinceView | None:
    """The changes since the run of the session before; None if nothing was compared."""
    compared = run.figures().since
    if not compared.session:
        return None
    changes = tuple(ChangeView(name=change.name, before=change.before, now=change.now) for change in compared.changes)
    return SinceView(session=compared.session, changes=changes)


class LateView(View):
    """A drop that is late or missing, and by how many minutes, where that is known."""

    source: str
    late_minutes: Figure | None


class QualityView(View):
    """Drops, rows and what was set aside, as ``IngestResult`` and ``ValidateResult`` describe them.

    Empty where the run has not come that far.
    """

    drops: Mapping[str, int]
    rows: int | None
    quarantined_rows: int | None
    quarantine_by_rule: Mapping[str, int]
    refused_drops: tuple[RefusedDrop, ...]
    late_drops: tuple[LateView, ...]
    missing_drops: tuple[LateView, ...]
    expectations: int | None
    failed: int | None
    warnings: tuple[str, ...]
    data_docs: str


def quality(run: Folder) -> QualityView:
    """The quality of the data of a run."""
    landed, checked, inputs = run.result(INGEST), run.result(VALIDATE), run.figures().inputs
    return QualityView(
        drops=landed.drops if landed else {},
        rows=landed.rows if landed else None,
        quarantined_rows=landed.quarantined_rows if landed else None,
        quarantine_by_rule=landed.quarantine_by_rule if landed else {},
        refused_drops=landed.refused_drops if landed else (),
        late_drops=tuple(_late(drop) for drop in inputs.late_drops),
        missing_drops=tuple(_late(drop) for drop in inputs.missing_drops),
        expectations=checked.expectations if checked else None,
        failed=checked.failed if checked else None,
        warnings=checked.warnings if checked else (),
        data_docs=checked.data_docs if checked else "",
    )


def _late(drop: ReportedDrop) -> LateView:
    return LateView(source=drop.source, late_minutes=drop.late_minutes)
