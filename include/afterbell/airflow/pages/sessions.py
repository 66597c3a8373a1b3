"""The last sessions: what came in, what was set aside and why, and the verdict of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import Field

from afterbell.airflow.pages import clock, results
from afterbell.airflow.pages.data_docs import docs_pages
from afterbell.airflow.pages.documents import Documents
from afterbell.airflow.pages.results import Folder, LateView, QualityView, VerdictView, quality, verdict
from afterbell.airflow.pages.runs import Reports, Run
from afterbell.airflow.pages.stages import UNDER_WAY
from afterbell.airflow.pages.views import View
from afterbell.run.contracts.data import RefusedDrop
from afterbell.run.steps import INGEST, TRAIN

COUNT = 20
"""Sessions on one page."""
_READ = ("ingest", "validate", "train", "evaluate", "publish")
_MOST_RUNS = 6
"""Newest runs of one session that are read."""
_SHOWN_RULES = 3


class TroubleView(View):
    """The step that the newest run failed at, the kind of the error, and what happened."""

    step: str
    kind: str
    what: str


class RefusalView(View):
    """A reason why drops were refused, how many, and the key of one of them."""

    reason: str
    drops: int
    key: str


class RuleView(View):
    """A rule, and the rows that were set aside by it."""

    rule: str
    rows: int


class DocsView(View):
    """A page of the Data Docs on this machine, and the suite that it shows."""

    suite: str
    page: str


class SessionRow(View):
    """A session's line; what is known only of a run is missing where none left anything.

    Attributes:
        session: ISO date.
        close: ISO instant.
        half_day: whether it is one.
        runs: how many there were.
        state: Airflow's, of the newest.
        run_id: of the newest.
        trouble: what it failed at.
        slug: the folder of the run whose data are shown.
        judged_slug: of the run whose verdict is shown.
        docs_pages: its Data Docs on this machine.
        modified: when the last of their documents was written.
        rules: that set most rows aside.
        more_rules: how many more.
        refused: drops, by reason.
        verdict: of the run that was judged.
        steps: that have a result.
        has_report: whether there is a report.
        has_quality: whether there is a quality report.

    All others are those of ``QualityView``.
    """

    session: str
    close: str
    half_day: bool
    runs: int
    state: str
    run_id: str | None
    trouble: TroubleView | None
    slug: str | None
    judged_slug: str = ""
    docs_pages: tuple[DocsView, ...] = ()
    modified: str = ""
    rules: tuple[RuleView, ...] = ()
    more_rules: int = 0
    refused: tuple[RefusalView, ...] = ()
    verdict: VerdictView | None = None
    steps: tuple[str, ...] = ()
    has_report: bool = False
    has_quality: bool = False
    drops: Mapping[str, int] = Field(default_factory=dict)
    rows: int | None = None
    quarantined_rows: int | None = None
    quarantine_by_rule: Mapping[str, int] = Field(default_factory=dict)
    refused_drops: tuple[RefusedDrop, ...] = ()
    late_drops: tuple[LateView, ...] = ()
    missing_drops: tuple[LateView, ...] = ()
    expectations: int | None = None
    failed: int | None = None
    warnings: tuple[str, ...] = ()
    data_docs: str = ""


class SessionsPage(View):
    """The page of the last sessions; ``jumped``: the session that it begins with because the newest have no run."""

    now: str
    zone: str
    exchange: str
    rows: tuple[SessionRow, ...]
    with_runs: int
    refresh: int | None
    older: str | None
    newer: bool
    jumped: str


def page(
    now: datetime,
    shown: Sequence[date],
    documents: Documents,
    known: Mapping[str, Sequence[Run]],
    failures: Mapping[str, Reports],
    *,
    older: bool,
) -> SessionsPage:
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
    return SessionsPage(
        now=now.isoformat(),
        zone=first.zone,
        exchange=first.exchange,
        rows=tuple(rows),
        with_runs=sum(1 for row in rows if row.runs),
        refresh=10 if any(row.state in UNDER_WAY for row in rows) else None,
        older=first.before,
        newer=older,
        jumped="",
    )


def _row(
    day: date,
    stored: Sequence[Folder],
    known: Sequence[Run],
    failures: Mapping[str, Reports],
) -> SessionRow:
    session = clock.described(day)
    newest = known[0] if known else None
    row = SessionRow(
        session=day.isoformat(),
        close=session.close,
        half_day=session.half_day,
        runs=len({run.slug for run in known} | {run.slug for run in stored}),
        state=newest.state if newest else "",
        run_id=newest.run_id if newest else None,
        trouble=_trouble(newest, stored, failures),
        slug=None,
    )
    chosen = standing(stored)
    if chosen is None:
        return row
    landed, judged = chosen.landed, chosen.judged
    figures, reported = quality(landed), quality(judged)
    rules = sorted(figures.quarantine_by_rule.items(), key=lambda item: -item[1])
    shown = {name: getattr(figures, name) for name in QualityView.model_fields}
    return row.model_copy(
        update=shown
        | {
            "late_drops": reported.late_drops,
            "missing_drops": reported.missing_drops,
            "slug": landed.slug,
            "judged_slug": judged.slug,
            "docs_pages": tuple(DocsView(**page) for page in docs_pages(landed.slug)),
            "modified": max(landed.modified, judged.modified).isoformat(),
            "rules": tuple(RuleView(rule=name, rows=count) for name, count in rules[:_SHOWN_RULES]),
            "more_rules": max(0, len(rules) - _SHOWN_RULES),
            "refused": refusals(figures.refused_drops),
            "verdict": verdict(judged),
            "steps": tuple(sorted(landed.names | judged.names)),
            "has_report": "evaluate" in judged.names,
            "has_quality": "quality" in landed.names,
        }
    )


def _trouble(newest: Run | None, stored: Sequence[Folder], failures: Mapping[str, Reports]) -> TroubleView | None:
    """The task that the newest run failed at, and the reason; None where it did not fail."""
    if newest is not None:
        if newest.state != "failed":
            return None
        for task, reason in failures.get(newest.run_id, {}).items():
            return TroubleView(step=task, kind=reason.kind, what=reason.what)
        return TroubleView(step="", kind="", what="its tasks recorded no reason; see the run")
    broken = [name for run in stored[:1] for name in sorted(run.beside) if name.endswith(".failure")]
    steps = [name.removesuffix(".failure") for name in broken]
    left = [step for step in steps if step not in stored[0].names]
    return TroubleView(step=left[0], kind="", what="see the run") if left else None


def refusals(drops: Sequence[RefusedDrop]) -> tuple[RefusalView, ...]:
    """Refused drops by reason, each with one of its keys; rare reasons come first, because they are news."""
    keys_by_reason: dict[str, list[str]] = {}
    for drop in drops:
        keys_by_reason.setdefault(drop.reason, []).append(drop.key)
    rare = sorted(keys_by_reason.items(), key=lambda item: len(item[1]))
    return tuple(RefusalView(reason=reason, drops=len(keys), key=keys[0]) for reason, keys in rare)


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
    took_in = [run for run in runs if (landed := run.result(INGEST)) and not landed.noop]
    passed = [run for run in took_in if "validate" in run.names]
    judged = [run for run in runs if "publish" in run.names or "evaluate" in run.names]
    trained = [run for run in judged if not ((result := run.result(TRAIN)) and result.noop)]
    first = passed[-1] if passed else (took_in or list(runs))[0]
    return SessionRuns(first, trained[0] if trained else judged[-1] if judged else runs[0])
