"""Nothing is started by a page of another site, by an old or foreign token, or by whoever may not start it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from itsdangerous import URLSafeTimedSerializer

from afterbell.airflow.pages import form_guard
from tests.plugins.conftest import token_of
from tests.plugins.forms_world import GOOD, ORIGIN, Person, put_dags, runs_of


@pytest.fixture
def person(client, database):
    """Somebody who may start runs."""
    put_dags(database)
    return Person(client.http)


def _body(token, fields=GOOD, do="start"):
    return urlencode([("token", token), *fields.items(), ("do", do)], doseq=True)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Origin": "http://evil.example", "Sec_Fetch_Site": "cross-site"}, "another site"),
        ({"Origin": "http://evil.example", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"}, "another site"),
        ({"Origin": ORIGIN, "Sec_Fetch_Site": "same-site"}, "another site"),
        ({"Origin": ORIGIN, "Sec_Fetch_Site": "cross-site"}, "another site"),
        ({"Origin": "", "Sec_Fetch_Site": "none"}, "another site"),
        ({"Origin": "null", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "http://testserver.evil.example", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "http://evil.example#testserver", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "http://testserver@evil.example", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "javascript://testserver", "Sec_Fetch_Site": ""}, "another site"),
        ({"Origin": "", "Sec_Fetch_Site": ""}, "no header that names the page"),
    ],
)
@pytest.mark.parametrize("do", ["show", "start"])
def test_a_form_of_another_page_is_refused_whatever_token_it_has(person, database, headers, says, do):
    answer = person.post(_body(person.token(), do=do), **headers)
    assert answer.status_code == 403, answer.text
    assert says in answer.text
    assert runs_of(database) == []


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": ""}, {"Origin": ""}])
def test_a_browser_that_says_one_of_the_two_is_believed(person, headers):
    assert person.post(_body(person.token(), do="show"), **headers).status_code == 200


def test_behind_a_proxy_the_address_of_airflows_configuration_is_our_own(person, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/sub")
    told = {"Origin": "https://airflow.example", "Sec_Fetch_Site": ""}
    assert person.post(_body(person.token(), do="show"), **told).status_code == 200
    assert (
        person.post(_body(person.token(), do="show"), **told | {"Origin": "http://airflow.example"}).status_code == 403
    )


def test_the_cookie_alone_starts_nothing(person, database):
    token = person.token()
    person.http.cookies.set("_token", token_of("user"))
    try:
        told = {"Content-Type": "application/x-www-form-urlencoded"}
        for body in (_body(token), _body("")):
            answer = person.http.post(person.path, content=body, headers=told | {"Origin": "http://evil.example"})
            assert answer.status_code == 403
        assert runs_of(database) == []
        answer = person.http.post(person.path, content=_body(token), headers=told | {"Origin": ORIGIN})
        assert answer.status_code == 303
    finally:
        person.http.cookies.clear()


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "' OR 1=1"])
def test_a_token_that_is_none_is_refused(person, database, token):
    answer = person.post(_body(token))
    assert answer.status_code == 403
    assert "was not issued by this server" in answer.text
    assert runs_of(database) == []


def test_a_token_is_its_persons_and_its_forms_alone(person, database):
    someone = Person(person.http, role="op")
    assert person.post(_body(someone.token())).status_code == 403
    other = Person(person.http, path="/afterbell/backfills/new")
    assert person.post(_body(other.token())).status_code == 403
    assert runs_of(database) == []


def test_a_token_that_somebody_else_signed_is_refused(person):
    forged = URLSafeTimedSerializer("another secret", salt="afterbell-form").dumps(["a-user", "experiment", "00000000"])
    assert person.post(_body(forged)).status_code == 403


def test_a_form_that_was_open_too_long_is_refused_and_says_what_to_do(person, database, monkeypatch):
    token = person.token()
    monkeypatch.setattr(form_guard, "HOURS", -1)
    answer = person.post(_body(token))
    assert answer.status_code == 403
    assert "review it, and submit it again" in answer.text
    assert 'name="name" value="more-trees"' in answer.text, "what was typed is not lost"
    assert runs_of(database) == []


@pytest.mark.parametrize("role", ["viewer", None])
def test_whoever_may_not_trigger_the_dag_starts_nothing_even_with_a_token(person, database, role):
    token = person.token()
    answer = Person(person.http, role=role).post(_body(token))
    assert answer.status_code == 403
    assert runs_of(database) == []


def test_without_a_sign_in_there_is_no_form(person):
    for answer in (person.http.get(person.path), person.http.post(person.path, content=_body("x"))):
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("a=" + "x" * (32 * 1024), "application/x-www-form-urlencoded", 413),
        ("&".join(f"f{number}=1" for number in range(300)), "application/x-www-form-urlencoded", 400),
        (b"name=\xff\xfe", "application/x-www-form-urlencoded", 400),
        ("name=%ff", "application/x-www-form-urlencoded", 400),
        ('{"name": "x"}', "application/json", 415),
        ("name=x", "text/plain", 415),
        ("", "multipart/form-data; boundary=x", 415),
        ("", "", 415),
    ],
)
def test_what_is_no_form_is_refused_before_it_is_read(person, database, body, kind, status):
    answer = person.post(body, Content_Type=kind)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    assert runs_of(database) == []


@pytest.mark.parametrize("do", [[], ["delete"], ["show", "start"]])
def test_only_the_two_buttons_count(person, database, do):
    body = urlencode([("token", person.token()), *GOOD.items(), ("do", do)], doseq=True)
    assert person.post(body).status_code == 400
    assert runs_of(database) == []
