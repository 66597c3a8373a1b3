"""Routes of what runs did: tonight, sessions, and the documents that each run left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from afterbell.airflow.pages import clock, results, runs, sessions, stages, tonight
from afterbell.airflow.pages.chart import ChartView, GaugeView, chart, gauge
from afterbell.airflow.pages.data_docs import docs_page
from afterbell.airflow.pages.documents import Documents, fault_of, open_documents
from afterbell.airflow.pages.results import Folder, newest_release
from afterbell.airflow.pages.runs import Run
from afterbell.airflow.pages.security import DAG, STORED, checked, headers
from afterbell.airflow.pages.view import answer
from afterbell.airflow.pages.views import FailureView, RunLine, View
from afterbell.errors import AfterbellError
from afterbell.run.contracts.base import stored_as
from afterbell.run.steps import STEPS

router = APIRouter()
_RECENT = 12
_READ = (*STEPS, results.FORECAST, *(f"{step}.{kind}" for step in STEPS for kind in ("failure", "progress")))
_PAGES = {"report": "reports/{session}/{slug}/report.html", "quality": "runs/{session}/{slug}/quality.html"}


@router.get("/tonight")
def show_tonight(request: Request, db: SessionDep, session: str = "", run: str = "", dag: str = DAG) -> Response:
    """A session's run against its deadline; the session under way where none is named."""
    if dag != DAG:
        return answer(request, "error", {"status": 404, "error": f"these pages show the runs of {DAG} alone"}, 404)
    now, recent = datetime.now(UTC), runs.newest(db, _RECENT)
    named = runs.of_id(db, checked("run", run)) if run else None
    if run and named is None:
        raise HTTPException(404, f"Airflow knows no run {run!r} of {DAG}")
    if named is not None and not clock.is_session(named.session):
        return answer(
            request,
            "tonight_none",
            _without_session(db, named, recent),
        )
    text = session or (named.session if named else tonight.chosen(clock.tonight(now), recent))
    day = clock.session_of(text)
    known = runs.of_session(db, day)
    folders, fault = _folders(day)
    shown, folder = _pick(named, known, folders)
    tasks = runs.tasks(db, shown.run_id) if shown else []
    failures = runs.failures(db, [shown.run_id]).get(shown.run_id, {}) if shown else {}
    page = tonight.page(day, now, shown, tasks, folder, failures)
    data = TonightWithRuns(
        **{name: getattr(page, name) for name in tonight.TonightPage.model_fields},
        slug=folder.slug if folder else "",
        chart=chart(page),
        gauge=gauge(page),
        hint=_hint(fault, page),
        runs=tuple(_line(known_run) for known_run in known),
        stored_runs=tuple(stored.slug for stored in folders if stored.slug not in {run.slug for run in known}),
        recent=tuple(_line(recent_run) for recent_run in recent),
        fault=fault,
    )
    return answer(request, "tonight", data)


class TonightWithRuns(tonight.TonightPage):
    """The page of one run, with its pictures and the other runs.

    Attributes:
        slug: the folder of its results; empty where it left none.
        chart: its stages on a time axis.
        gauge: of the time to its deadline.
        hint: the session of the champion, where the requested one has nothing to show.
        runs: of the session.
        stored_runs: folders of runs that Airflow does not know.
        recent: runs of any session.
        fault: why the store could not be read.
    """

    slug: str
    chart: ChartView | None
    gauge: GaugeView | None
    hint: str
    runs: tuple[RunLine, ...]
    stored_runs: tuple[str, ...]
    recent: tuple[RunLine, ...]
    fault: str


class RunWithoutSession(View):
    """The page of a run that belongs to no session: it was refused, or has not recorded its session yet."""

    now: str
    zone: str
    refresh: int | None
    run: RunLine
    requested_session: Annotated[str, stored_as("asked_for")]
    failures: tuple[FailureView, ...]
    recent: tuple[RunLine, ...]


def _without_session(db: SessionDep, run: Run, recent: Sequence[Run]) -> RunWithoutSession:
    reports = runs.failures(db, [run.run_id]).get(run.run_id, {})
    failures = (
        stages.failure(report, None).model_copy(update={"task": task}) for task, report in sorted(reports.items())
    )
    return RunWithoutSession(
        now=datetime.now(UTC).isoformat(),
        zone=clock.exchange().zone,
        refresh=5 if run.state in stages.UNDER_WAY else None,
        run=_line(run),
        requested_session=run.session,
        failures=tuple(failures),
        recent=tuple(_line(recent_run) for recent_run in recent),
    )


def _folders(day: date) -> tuple[list[Folder], str]:
    """The runs that left results, with what they left; nothing and the reason where the store can't be read."""
    try:
        documents = open_documents()
        folders = results.folders(documents, [day])[day.isoformat()]
        return results.read(documents, folders[:_RECENT], _READ), ""
    except AfterbellError as error:
        return [], fault_of(error)


def _hint(fault: str, page: tonight.TonightPage) -> str:
    """The session of the champion, where the requested one has nothing to show."""
    if fault or page.run.started:
        return ""
    return newest_release(open_documents())


def _pick(named: Run | None, known: Sequence[Run], folders: Sequence[Folder]) -> tuple[Run | None, Folder | None]:
    """The requested run, else Airflow's newest, else the one that wrote last; and its results."""
    shown = named or (known[0] if known else None)
    if shown is None:
        return None, folders[0] if folders else None
    return shown, next((folder for folder in folders if folder.slug == shown.slug), None)


def _line(run: Run) -> RunLine:
    return RunLine(
        run_id=run.run_id,
        session=run.session,
        state=run.state,
        kind=run.kind,
        started=run.started.isoformat() if run.started else None,
        seconds=round((run.ended - run.started).total_seconds(), 1) if run.started and run.ended else None,
    )


@router.get("/sessions")
def show_sessions(request: Request, db: SessionDep, before: str = "", dag: str = DAG) -> Response:
    """The last sessions and the quality of their data; ``before`` turns the page."""
    if dag != DAG:
        return answer(request, "error", {"status": 404, "error": f"these pages show the runs of {DAG} alone"}, 404)
    now, documents = datetime.now(UTC), open_documents()
    last = clock.session_of(before) if before else clock.tonight(now)

    def shown(until: date) -> sessions.SessionsPage:
        days = clock.last_sessions(until, sessions.COUNT)
        known = runs.of_sessions(db, days)
        failures = runs.failures(db, [run.run_id for of_day in known.values() for run in of_day])
        return sessions.page(now, days, documents, known, failures, older=bool(before))

    data = shown(last)
    if not before and not data.with_runs and (known := _newest_session(db, documents)):
        data = shown(clock.session_of(known, 503)).model_copy(update={"jumped": known})
    return answer(request, "sessions", data)


def _newest_session(db: SessionDep, documents: Documents) -> str:
    """The newest session that has a release or a run; empty where no session has."""
    candidates = [newest_release(documents), *(run.session for run in runs.newest(db, _RECENT))]
    return max((candidate for candidate in candidates if candidate and clock.is_session(candidate)), default="")


@router.get("/sessions/{session}/{slug}/{name}")
def show_document(session: str, slug: str, name: str) -> Response:
    """A page that a run left in the store, without any right to do anything."""
    if name not in _PAGES:
        raise HTTPException(404, f"{name[:40]!r} is not a page of a run: expected one of {', '.join(_PAGES)}")
    day = clock.session_of(session, 404).isoformat()
    key = _PAGES[name].format(session=day, slug=checked("slug", slug, 404))
    return Response(_read_listed(open_documents(), key), headers=headers(STORED), media_type="text/html; charset=utf-8")


def _read_listed(documents: Documents, key: str) -> bytes:
    """The bytes of ``key``, if the listing of its folder shows it."""
    folder = key.rsplit("/", 1)[0] + "/"
    if key not in {stored.key for stored in documents.listings([folder])[folder]}:
        raise HTTPException(404, f"{key} does not exist: the run has not reached that step, or maintenance removed it")
    return documents.body(key)


@router.get("/docs/{slug}/{name:path}")
def show_docs(slug: str, name: str) -> Response:
    """A page of the Data Docs of a run that ran on this machine."""
    page = docs_page(checked("slug", slug, 404), name)
    if page is None:
        raise HTTPException(404, f"there are no Data Docs {name[:120]!r} of run {slug} on this machine")
    return Response(page[0], headers=headers(STORED), media_type=page[1])
