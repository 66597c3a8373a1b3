"""Nobody sees a page who is not signed in, or may not read the daily runs; and no page may do anything."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from afterbell.airflow.pages import form_guard, security
from afterbell.airflow.pages.app import make_app
from tests.airflow_home import ROOT
from tests.plugins.conftest import SESSION, put, token_of

_EXAMPLES = {
    "{digest}": "0", "{name}": "style.css", "{name:path}": "index.html", "{session}": SESSION, "{slug}": "a_run",
    "{release_id}": f"{SESSION}-0123456789ab",
    "{backfill_id}": "20150323-20151231-0123abcd", "{experiment_id}": "0123456789abcdef",
}  # fmt: skip


def _addresses():
    found = []
    for route in make_app().routes:
        path = route.path
        for name, value in _EXAMPLES.items():
            path = path.replace(name, value)
        assert "{" not in path, f"give {path} an example above"
        found.append(path)
    return found


_FORMS = {"/experiments/new", "/backfills/new"}


def test_there_are_routes_and_each_but_the_forms_is_for_reading_alone():
    routes = make_app().routes
    assert len(routes) > 8
    for route in routes:
        assert isinstance(route, APIRoute), f"{route.path}: FastAPI's dependencies don't reach mounts and plain routes"
        assert route.methods <= ({"GET", "HEAD", "POST"} if route.path in _FORMS else {"GET", "HEAD"})
        if "POST" in route.methods:
            assert form_guard.read_form in {each.call for each in route.dependant.dependencies}
        assert {each.dependency for each in security.READER} <= {each.call for each in route.dependant.dependencies}


@pytest.mark.parametrize("path", _addresses())
def test_no_address_answers_without_a_token(client, path):
    for token in ("", "not.a.token"):
        answer = client(path, token=token)
        assert answer.status_code in {401, 403}, path
        assert answer.status_code == 401 or token
        assert SESSION not in answer.text


@pytest.mark.parametrize("path", _addresses())
def test_no_address_answers_somebody_who_may_not_read_the_dag(client, path):
    answer = client(path, token=token_of(None))
    assert answer.status_code == 403
    assert "<h1>Not allowed</h1>" in answer.text


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_a_viewer_gets_no_form_and_no_button(client, path):
    answer = client(path)
    assert answer.status_code == 403
    assert "<h1>Not allowed</h1>" in answer.text
    assert "requires the permission to trigger that DAG in Airflow" in answer.text
    assert 'name="token"' not in answer.text
    listed = path.removesuffix("/new")
    assert f'href="/afterbell{path}"' not in client(listed).text
    assert f'href="/afterbell{path}"' in client(listed, token=token_of("user")).text


def test_the_cookie_of_a_browser_is_a_sign_in_too(client):
    client.http.cookies.set("_token", client.token)
    assert client("/tonight", token="").status_code == 200
    client.http.cookies.set("_token", "not.a.token")
    assert client("/tonight", token="").status_code in {401, 403}


def test_the_style_sheet_of_the_pages_is_that_of_the_reports(client):
    address = re.search(r'rel="stylesheet" href="/afterbell(/static/[0-9a-f]+/style.css)"', client("/sessions").text)[1]
    assert client(address).text == (ROOT / "include/afterbell/reporting/templates/style.css").read_text(
        encoding="utf-8"
    )
    assert client(address).headers["Content-Type"].startswith("text/css")


def test_there_is_no_documentation_page_to_look_around_in(client):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client(path, token="").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/sessions/2026-06-30/..%2f..%2fchampion/report", "/sessions/2026-06-30/%2e%2e/report",
        "/sessions/..%2f..%2fetc/x/report", "/sessions/2026-06-30/a;b/report", "/sessions/2026-06-30/a%00b/report",
        "/sessions/2026-06-30/a_run/champion.json", "/sessions/2026-06-30/a_run/..%2freport",
        "/sessions/2026-06-31/a_run/report", "/sessions/2026-07-04/a_run/report", "/sessions/20260630/a_run/report",
        "/docs/a_run/..%2f..%2f..%2fetc%2fpasswd", "/docs/%2e%2e/index.html", "/docs/a_run//etc/passwd",
        "/backfills/..%2fchampion.json", "/backfills/20150323-20151231-0123abcd;x",
        "/experiments/%2e%2e/report", "/experiments/0123456789abcdeg/report", "/releases/..%2fchampion.json",
        "/releases/%2e%2e", "/releases/2026-06-30-0123456789ab;x",
        "/releases/2026-06-30-0123456789ab%0a", "/static/0/..%2fbase.html", "/static/0/app.py",
    ],
)  # fmt: skip
def test_a_hostile_address_leads_nowhere(client, store, path):
    put(store, "champion.json", {"release_id": "secret"})
    answer = client(path)
    assert answer.status_code == 404, answer.text
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/tonight?session=../../etc", "is not a session like"),
        ("/tonight?session=2026-06-31", "is not a day of the calendar"),
        ("/tonight?session=2026-07-04", "the sessions beside it are 2026-07-02 and 2026-07-06"),
        ("/tonight?session=2190-01-02", "lies outside the XNYS calendar"),
        ("/tonight?run=%3Cscript%3E", "is not the id of a run"),
        ("/tonight?run=a;rm", "is not the id of a run"),
        ("/sessions?before=$(id)", "is not a session like"),
        ("/releases?before=%7B%7B7*7%7D%7D", "is not a session like"),
        ("/releases/compare?left=x&right=y", "is not a release like"),
        ("/releases/compare", "wrong value for: left, right"),
    ],
)
def test_a_hostile_parameter_is_refused_and_said(client, path, says):
    answer = client(path)
    assert answer.status_code == 400, answer.text
    assert says in answer.text
    assert "<script>" not in answer.text.replace("<script src", "")


def test_pages_take_nothing_foreign_and_nothing_inline(client):
    for path in ("/tonight", "/sessions", "/releases", "/backfills", "/experiments", "/tonight?session=nonsense"):
        answer = client(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert " on" not in " ".join(part.split(">")[0] for part in answer.text.split("<a ")[1:])
        for mark in ('src="http', "src='http", 'src="//', 'rel="stylesheet" href="http'):
            assert mark not in answer.text


def test_a_report_of_the_store_is_shown_without_any_right(client, store):
    put(store, f"reports/{SESSION}/a_run/report.html", b"<script>alert(1)</script><p>figures</p>")
    answer = client(f"/sessions/{SESSION}/a_run/report")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


def test_data_docs_are_served_from_the_folder_of_the_run_alone(client, store, tmp_path):
    folder = tmp_path / "quality" / "a_run" / "data_docs"
    (folder / "validations" / "bars" / "run").mkdir(parents=True)
    (folder / "index.html").write_text("the index")
    (folder / "validations" / "bars" / "run" / "one.html").write_text("one")
    (tmp_path / "secret.html").write_text("secret")
    (folder / "link.html").symlink_to(tmp_path / "secret.html")
    put(store, f"runs/{SESSION}/a_run/validate.json", {"data_docs": f"file://{folder}/index.html"})
    assert "/afterbell/docs/a_run/validations/bars/run/one.html" in client(f"/sessions?before={SESSION}").text
    assert client("/docs/a_run/index.html").text == "the index"
    assert client("/docs/a_run/validations/bars/run/one.html").text == "one"
    assert client("/docs/a_run/link.html").status_code == 404
    assert client("/docs/a_run/..%2f..%2f..%2fsecret.html").status_code == 404
    assert client("/docs/another_run/index.html").status_code == 404
