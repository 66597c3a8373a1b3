"""Routes of the forms that start an experiment or a backfill of a range; all of them require the right to start it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from afterbell.airflow.pages import clock, experiments, form_backfill, form_experiment, runs
from afterbell.airflow.pages.documents import Documents, fault_of, open_documents
from afterbell.airflow.pages.form_fields import Field, Typed, read_params
from afterbell.airflow.pages.form_guard import TOKEN, FormExpiredError, Ticket, read_form, require_ticket, sign
from afterbell.airflow.pages.security import headers, reads
from afterbell.airflow.pages.start import going, is_paused, start_run, starts
from afterbell.airflow.pages.view import answer
from afterbell.errors import AfterbellError
from afterbell.experiments.check import World

router = APIRouter()
TypedDep = Annotated[Typed, Depends(read_form)]
_DO = "do"


@dataclass(frozen=True)
class Form:
    """One of the forms.

    Attributes:
        page: its template, which is also its place in the menu.
        dag: that it starts.
        back: the list that shows what was started.
        fields: in their order.
        faults: of parameters, by field.
        preview: what parameters without faults would do.
    """

    page: str
    dag: str
    back: str
    fields: Callable[[World], list[Field]]
    faults: Callable[[Mapping[str, object], World], dict[str, str]]
    preview: Callable[[Mapping[str, object], World, Documents | None, Session], Mapping[str, object]]


def _preview_experiment(
    params: Mapping[str, object], world: World, documents: Documents | None, db: Session
) -> Mapping[str, object]:
    earlier = runs.newest(db, experiments.COUNT, experiments.DAG, experiments.OPENER)
    return form_experiment.preview(params, world, documents, earlier, runs.newest(db, experiments.COUNT))


def _preview_backfill(
    params: Mapping[str, object], world: World, documents: Documents | None, db: Session
) -> Mapping[str, object]:
    return form_backfill.preview(params, world, documents, going(db, form_backfill.DAG))


EXPERIMENT = Form(
    "experiments_new", form_experiment.DAG, "experiments", form_experiment.fields, form_experiment.faults,
    _preview_experiment,
)  # fmt: skip
BACKFILL = Form(
    "backfills_new", form_backfill.DAG, "backfills", form_backfill.fields, form_backfill.faults, _preview_backfill
)


@router.get("/experiments/new", dependencies=[*reads(EXPERIMENT.dag), *starts(EXPERIMENT.dag)])
def show_experiment_form(request: Request, db: SessionDep, user: GetUserDep) -> Response:
    """The empty form of an experiment."""
    return _show_empty(request, db, user, EXPERIMENT)


@router.post("/experiments/new", dependencies=[*reads(EXPERIMENT.dag), *starts(EXPERIMENT.dag)])
def take_experiment_form(request: Request, db: SessionDep, user: GetUserDep, typed: TypedDep) -> Response:
    """The preview of an experiment, or its start."""
    return _take_form(request, db, user, EXPERIMENT, typed)


@router.get("/backfills/new", dependencies=[*reads(BACKFILL.dag), *starts(BACKFILL.dag)])
def show_backfill_form(request: Request, db: SessionDep, user: GetUserDep) -> Response:
    """The empty form of a backfill of a range."""
    return _show_empty(request, db, user, BACKFILL)


@router.post("/backfills/new", dependencies=[*reads(BACKFILL.dag), *starts(BACKFILL.dag)])
def take_backfill_form(request: Request, db: SessionDep, user: GetUserDep, typed: TypedDep) -> Response:
    """The preview of a backfill, or its start."""
    return _take_form(request, db, user, BACKFILL, typed)


def _show_empty(request: Request, db: Session, user: Any, form: Form) -> Response:
    world, _, fault = _load_world()
    return _show_form(request, form, form.fields(world), db, user, Filled(fault=fault))


def _take_form(request: Request, db: Session, user: Any, form: Form, typed: Typed) -> Response:
    """Show the faults or a preview; start it only if the start was requested and there are no faults."""
    ticket, late = _ticket(typed, user, form)
    button = list(typed.get(_DO, ()))
    if button not in (["show"], ["start"]):
        raise HTTPException(400, "expected one of the form's two buttons: preview or start")
    own = {name: texts for name, texts in typed.items() if name not in {TOKEN, _DO}}
    world, documents, fault = _load_world()
    fields = form.fields(world)
    params, sent = read_params(fields, own)
    faults = form.faults(params, world) | sent | ({"": late} if late else {})
    filled = Filled(own, fault, faults)
    if ticket is None or faults:
        return _show_form(request, form, fields, db, user, filled, 400 if ticket else 403)
    if button == ["show"]:
        shown = replace(filled, preview=form.preview(params, world, documents, db))
        return _show_form(request, form, fields, db, user, shown)
    try:
        run_id = start_run(request, db, user, form.dag, params, ticket.run_id)
    except HTTPException as error:  # a refusal of Airflow's own
        if error.status_code not in {400, 404}:
            raise
        db.rollback()
        refused = replace(filled, faults={"": str(error.detail)})
        return _show_form(request, form, fields, db, user, refused, error.status_code)
    base = request.scope.get("root_path", "")
    return RedirectResponse(f"{base}/{form.back}?started={quote(run_id, safe='')}#started", 303, headers())


@dataclass(frozen=True)
class Filled:
    """How a form was filled in.

    Attributes:
        typed: the texts of its fields; None for a form that nobody has filled in.
        fault: why the store could not be read.
        faults: what is wrong, by field.
        preview: what it would do.
    """

    typed: Typed | None = None
    fault: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)
    preview: Mapping[str, object] | None = None


def _ticket(typed: Typed, user: Any, form: Form) -> tuple[Ticket | None, str]:
    """The form's ticket; None and the reason where it is too old: the form is then shown again as it was filled in."""
    try:
        return require_ticket(next(iter(typed.get(TOKEN, ())), ""), user, form.dag), ""
    except FormExpiredError as error:
        return None, str(error)


def _load_world() -> tuple[World, Documents | None, str]:
    """The data that forms are checked against, the store, and the reason where it can't be read: then less is known."""
    now = datetime.now(UTC)
    try:
        documents = open_documents()
        return form_experiment.world_of(documents, now), documents, ""
    except AfterbellError as error:
        return form_experiment.world_of(None, now), None, fault_of(error)


def _show_form(
    request: Request, form: Form, fields: Sequence[Field], db: Session, user: Any, filled: Filled, status: int = 200
) -> Response:
    faults = filled.faults
    known = {field.name for field in fields}
    data = {
        "now": datetime.now(UTC).isoformat(),
        "zone": clock.exchange().zone,
        "form": form.back,
        "dag": form.dag,
        "paused": is_paused(db, form.dag),
        "fault": filled.fault,
        "fields": [field.shown(filled.typed, faults.get(field.name, "")) for field in fields],
        "faults": [
            {"name": field.name, "title": field.title, "text": faults[field.name]}
            for field in fields if field.name in faults
        ] + [{"name": "", "title": "", "text": text} for name, text in faults.items() if name not in known],
        "preview": filled.preview,
    }  # fmt: skip
    return answer(request, form.page, data, status, {"token": sign(user, form.dag)})
