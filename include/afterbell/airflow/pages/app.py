"""The application: one route a page, all of them behind Airflow's own sign-in and permissions."""

from __future__ import annotations

from dataclasses import asdict

from airflow.api_fastapi.common.dagbag import create_dag_bag
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException as AnyHTTPException

from afterbell.airflow.pages import route_forms, route_releases, route_runs, route_work
from afterbell.airflow.pages.documents import fault_of
from afterbell.airflow.pages.security import READER, headers
from afterbell.airflow.pages.view import STATIC, answer, static_body
from afterbell.errors import AfterbellError, ObjectMissingError
from afterbell.glossary import glossary


def make_app() -> FastAPI:
    """The application. Every route depends on `READER`; the documentation routes of FastAPI are switched off."""
    app = FastAPI(title="Afterbell", dependencies=READER, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/", home, include_in_schema=False)
    app.add_api_route("/static/{digest}/{name}", static, include_in_schema=False)
    for name in ("bell.svg", "bell-dark.svg"):
        app.add_api_route(f"/{name}", icon, include_in_schema=False, name=name)
    app.add_api_route("/glossary", words, include_in_schema=False)
    app.state.dag_bag = create_dag_bag()  # Airflow's own application has another, which this one can't reach
    for part in (route_forms, route_runs, route_releases, route_work):  # `new` is not an id: forms come first
        app.include_router(part.router)
    app.add_exception_handler(AnyHTTPException, refused)
    app.add_exception_handler(RequestValidationError, not_understood)
    app.add_exception_handler(AfterbellError, failed)
    return app


def home(request: Request) -> Response:
    """The first page."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/tonight", 307, headers())


def static(digest: str, name: str) -> Response:  # noqa: ARG001 - the digest is there for the browser's cache
    """A style sheet, a script or an icon."""
    if name not in STATIC:
        raise HTTPException(404, "there is no such file")
    cached = headers() | {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(static_body(name), headers=cached, media_type=STATIC[name])


def words(request: Request) -> Response:
    """The words of the pages, each with an address of its own."""
    return answer(request, "glossary", {"entries": [asdict(entry) for entry in glossary()]})


def icon(request: Request) -> Response:
    """The bell beside the name in Airflow's menu."""
    name = request.url.path.rsplit("/", 1)[-1]
    return Response(static_body(name), headers=headers(), media_type=STATIC[name])


def refused(request: Request, error: Exception) -> Response:
    """The error page of an unknown address, and of a person without permission."""
    assert isinstance(error, AnyHTTPException)  # noqa: S101 - registered for nothing else
    data = {"status": error.status_code, "error": str(error.detail)}
    return answer(request, "error", data, error.status_code)


def not_understood(request: Request, error: Exception) -> Response:
    """The error page of a parameter of the wrong type."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    names = ", ".join(sorted({str(fault["loc"][-1]) for fault in error.errors()}))
    return answer(request, "error", {"status": 400, "error": f"the address has a wrong value for: {names}"}, 400)


def failed(request: Request, error: Exception) -> Response:
    """The error page of a store that did not answer or refused, and of a document that is gone."""
    status = 404 if isinstance(error, ObjectMissingError) else 503
    return answer(request, "error", {"status": status, "error": fault_of(error)}, status)
