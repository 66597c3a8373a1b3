"""The forms of an experiment and of a backfill: filled in, shown what they would do, refused, started."""

from __future__ import annotations

import html
import re

import pytest

from tests.airflow_home import ROOT
from tests.plugins.conftest import CLOSE, add_run, create, put
from tests.plugins.forms_world import BACKFILL, GOOD, Person, fault_beside, put_dags, runs_of

SPAN = {"first": "2023-06-01", "last": "2026-06-30"}


@pytest.fixture
def person(client, database, store):
    """Somebody who may start runs, on data of three years."""
    put_dags(database)
    put(store, "market/span.json", SPAN)
    return Person(client.http)


def _text(answer):
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.text))


def test_an_empty_form_starts_with_the_defaults_of_the_dag_and_the_days_of_the_data(person):
    page = person.open()
    assert page.status_code == 200
    assert 'name="first" value="2023-06-01" min="2023-06-01" max="2026-06-30"' in page.text
    assert 'name="last" value="2026-06-30"' in page.text
    assert 'name="horizons" value="1, 5"' in page.text
    assert 'name="seed" value="20150323"' in page.text
    assert re.search(r'name="families" value="lightgbm" checked>', page.text)
    assert re.search(r'name="factor_sets" value="alpha158">', page.text)
    there = sorted(path.stem for path in (ROOT / "include" / "config" / "clusters").glob("*.yaml"))
    assert re.findall(r'<option value="([^"]*)"', page.text) == ["", *there]


def test_every_field_has_a_label_and_its_help(person):
    page = person.open().text
    for name in GOOD:
        if name in {"families", "factor_sets"}:
            assert f'<fieldset class="field" id="field-{name}"' in page
        else:
            assert f'<label for="field-{name}">' in page
        assert f'aria-describedby="help-{name}"' in page
        assert re.search(rf'<p class="help" id="help-{name}">[^<`]+</p>', page)


def test_showing_what_it_would_do_starts_nothing(person, database):
    page = person.send(GOOD)
    assert page.status_code == 200
    text = _text(page)
    # 2024-01-02 to 2026-06-30 has 625 sessions of the NYSE: 252 in 2024, 250 in 2025, 123 in half of 2026
    assert "625, from 2024-01-02 to 2026-06-30; there are bars from 2023-06-01 to 2026-06-30" in text
    assert "4 for horizon 1, 4 for horizon 5, of 40 sessions each" in text
    assert "20: each fold and a final one, for 2 families and 2 horizons" in text
    assert "unknown: no experiment has run yet" in text
    assert "Nothing has been started" in text
    assert runs_of(database) == []


def test_the_time_is_that_of_earlier_experiments(person, database, store):
    request = {"name": "a", "first": "2024-01-02", "last": "2026-06-30", "horizons": [1], "families": ["ridge"],
               "factor_sets": ["core"], "trials": 1, "cost_bps": 5.0, "seed": 7, "min_price": 2.0,
               "min_dollar_volume": 0.0}  # fmt: skip
    opened = {"session": "2026-06-30", "run_id": "experiment_manual__e", "experiment": "0123456789abcdef",
              "request": request}  # fmt: skip
    tasks = [("open_experiment", "success", CLOSE, CLOSE)]
    add_run(database, "manual__e", tasks=tasks, opened=opened, opener="open_experiment", dag="experiment")
    seconds = {"experiment_resolve": 2.0, "features": 8.0, "experiment_train": 50.0, "experiment_evaluate": 20.0}
    for step, took in seconds.items():
        put(store, f"runs/2026-06-30/experiment_manual_e/{step}.json", {"seconds": took})
    # One family, one horizon, 4 folds and a final fit: 5 fits of 10 s; the others took 30 s.
    text = _text(person.send(GOOD))
    assert "about 3 min 50 s: 10.0 s a fit and 30.0 s for the other steps, as in the last experiment" in text


def test_daily_runs_tell_the_time_where_no_experiment_has_run(person, database, store):
    add_run(database, "manual__d", tasks=[("open_run", "success", CLOSE, CLOSE)], opened={"session": "2026-06-30"})
    put(store, "runs/2026-06-30/manual_d/train.json", {"seconds": 40.0, "fits": 20})
    assert "about 40.0 s to train: 20 fits at the pace of the last daily run" in _text(person.send(GOOD))


def test_a_started_experiment_is_a_run_of_whoever_is_signed_in(person, database):
    answer = person.send(GOOD, "start")
    assert answer.status_code == 303, answer.text
    ((_, conf, who, state),) = runs_of(database)
    assert answer.headers["location"].startswith("/afterbell/experiments?started=manual__")
    assert (who, state) == ("a-user", "queued")
    assert conf == {
        "name": "more-trees", "note": "try it", "first": "2024-01-02", "last": "2026-06-30", "horizons": [1, 5],
        "families": ["lightgbm", "ridge"], "factor_sets": ["core"], "trials": 1, "cost_bps": 5.0, "seed": 7,
        "min_price": 2.0, "min_dollar_volume": 250000.0, "promote": False, "profile": None,
    }  # fmt: skip
    page = person.http.get(answer.headers["location"], headers=person.sign)
    assert page.status_code == 200
    assert 'id="started"' in page.text
    assert "more-trees" in page.text


def test_airflows_audit_log_has_the_start(person, database):
    from airflow.models.log import Log  # noqa: PLC0415
    from sqlalchemy import select  # noqa: PLC0415

    person.send(GOOD | {"seed": "4711"}, "start")  # of no other test: the log outlives them
    ((run_id, *_),) = runs_of(database)
    with create(database) as db:
        found = db.execute(select(Log.event, Log.owner, Log.dag_id).where(Log.run_id == run_id)).all()
    assert found == [("trigger_dag_run", "a-user", "experiment")]


def test_a_form_that_is_sent_twice_starts_one_run_and_a_changed_one_another(person, database):
    from urllib.parse import urlencode  # noqa: PLC0415

    token = person.token()
    bodies = [urlencode([("token", token), *(GOOD | more).items(), ("do", "start")], doseq=True)
              for more in ({}, {}, {"seed": "8"})]  # fmt: skip
    assert [person.post(body).status_code for body in bodies] == [303, 303, 303]
    assert [conf["seed"] for _, conf, _, _ in runs_of(database)] == [7, 8]


def test_a_paused_dag_is_told(person, database):
    from airflow.models.dag import DagModel  # noqa: PLC0415
    from sqlalchemy import update  # noqa: PLC0415

    assert "is paused" not in person.open().text
    with create(database) as db:
        db.execute(update(DagModel).where(DagModel.dag_id == "experiment").values(is_paused=True))
    try:
        assert "<strong>The DAG <code>experiment</code> is paused.</strong>" in person.open().text
        assert person.send(GOOD, "start").status_code == 303
    finally:
        with create(database) as db:
            db.execute(update(DagModel).where(DagModel.dag_id == "experiment").values(is_paused=False))


NAN = {"cost_bps": "nan", "min_price": "inf", "min_dollar_volume": "-Infinity"}
BAD = [
    ("name", "", "nothing was given"), ("name", "More-Trees", "small letters"), ("name", "x" * 41, "40 at most"),
    ("name", "a b", "small letters"), ("name", "../x", "small letters"), ("name", "<script>alert(1)</script>", "small"),
    ("note", "two\nlines", "one line"), ("note", "x" * 401, "400 characters"), ("note", "nul\0", "one line"),
    ("first", "", "nothing was given"), ("first", "2024-02-30", "a day like"), ("first", "yesterday", "a day like"),
    ("first", "2022-01-03", "before the data: the first session there is is 2023-06-01"),
    ("first", "1990-01-02", "outside the XNYS calendar"), ("first", "2026-06-30", "must lie before last"),
    ("first", "2026-07-15", "must lie before last"), ("first", "2026-06-01", "21 sessions; horizon 1 needs at least"),
    ("last", "", "nothing was given"), ("last", "2027-06-30", "is not over yet"),
    ("last", "2026-07-06", "no bars of 2026-07-06: the last session there is is 2026-06-30"),
    ("last", "2026-06-27", "(Saturday) is not a session"), ("last", "2025-12-25", "(Thursday) is not a session"),
    ("last", "20260630", "a day like"), ("last", "9999-12-31", "outside the XNYS calendar"),
    ("horizons", "", "nothing was given"), ("horizons", "0", "from 1 to 60"), ("horizons", "61", "from 1 to 60"),
    ("horizons", "5, 1", "must ascend"), ("horizons", "1, 1", "must ascend"), ("horizons", "1, x", "whole numbers"),
    ("horizons", "1.5", "whole numbers"), ("horizons", "1,2,3,4,5,6", "1 to 5 whole"), ("horizons", "1,,5", "whole"),
    ("horizons", "9" * 400, "whole numbers"), ("horizons", "1 2", "whole numbers"),
    ("families", [], "one or more of"), ("families", ["forest"], "'forest' is not one of"),
    ("families", ["ridge", "ridge"], "each once"),
    ("factor_sets", [], "one or more of"), ("factor_sets", ["mine"], "'mine' is not one of"),
    ("factor_sets", ["core", "core"], "each once"),
    ("trials", "", "nothing was given"), ("trials", "0", "from 1 to 5000"), ("trials", "5001", "from 1 to 5000"),
    ("trials", "1.0", "whole number"), ("trials", "many", "whole number"), ("trials", "1e3", "whole number"),
    ("cost_bps", "-1", "from 0 to 200"), ("cost_bps", "201", "from 0 to 200"), ("cost_bps", "5,5", "a number"),
    *((name, text, "a number from 0") for name, text in NAN.items()),
    ("cost_bps", "1e999", "a number"), ("cost_bps", "9" * 500, "a number"),
    ("seed", "-1", "from 0 to"), ("seed", "1.5", "whole number"), ("seed", "2147483648", "from 0 to"),
    ("seed", "9" * 300, "whole number"), ("min_price", "-0.01", "from 0 to"), ("min_price", "10001", "from 0 to"),
    ("min_dollar_volume", "2e12", "from 0 to"), ("promote", "yes", "true or false"),
    ("profile", "moon", "clusters 'moon' is not known"), ("profile", "../local", "the name of a file"),
    ("name", ["try", "try"], "send the field once"), ("seed", ["7", "8"], "send the field once"),
    ("note", "x" * 2001, "2000 characters at most"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "typed", "says"), BAD)
def test_a_bad_form_is_refused_beside_its_field_before_anything_starts(person, database, name, typed, says):
    page = person.send(GOOD | {name: typed}, "start")
    assert page.status_code == 400, page.text
    beside = fault_beside(page.text, name)
    assert says in beside
    assert "\n" not in beside
    assert f'<a href="#field-{name}">' in page.text
    assert 'aria-invalid="true"' in page.text
    assert f"fault-{name}" in re.search(rf'aria-describedby="(help-{name}[^"]*)"', page.text)[1]
    assert "<script>alert" not in page.text
    assert runs_of(database) == []


def test_a_bad_form_shows_nothing_that_it_would_do_either(person):
    page = person.send(GOOD | {"trials": "0"}, "show")
    assert page.status_code == 400
    assert "from 1 to 5000" in fault_beside(page.text, "trials")
    assert "Preview</h2>" not in page.text


def test_there_are_more_bad_forms_than_asked_for():
    assert len(BAD) > 50
    assert {name for name, _, _ in BAD} == {*GOOD, "promote"}


def test_what_was_typed_stays_in_the_form(person):
    page = person.send(GOOD | {"name": "Wrong", "horizons": "7, 3", "trials": "3", "families": ["ridge"]}).text
    assert 'name="name" value="Wrong"' in page
    assert 'name="horizons" value="7, 3"' in page
    assert re.search(r'name="families" value="ridge" checked>', page)
    assert re.search(r'name="families" value="lightgbm">', page)


def test_all_that_is_wrong_is_told_at_once(person):
    page = person.send(GOOD | {"name": "", "seed": "-1", "profile": "moon"})
    assert [bool(fault_beside(page.text, name)) for name in ("name", "seed", "profile", "trials")] == [
        True, True, True, False,
    ]  # fmt: skip
    assert "3 fields need another value" in page.text


def test_a_field_that_the_form_has_not_is_refused_and_said(person, database):
    page = person.send(GOOD | {"dag_run_conf": "x", "run_id": "mine"}, "start")
    assert page.status_code == 400
    assert "this form has no field &#39;dag_run_conf&#39;" in page.text
    assert runs_of(database) == []


def test_without_a_store_the_form_works_and_says_what_it_does_not_know(client, database, monkeypatch):
    from afterbell.airflow.pages import route_forms  # noqa: PLC0415
    from afterbell.errors import StoreUnavailableError  # noqa: PLC0415

    def away():
        raise StoreUnavailableError("s3://somewhere gave no answer")

    put_dags(database)
    monkeypatch.setattr(route_forms, "open_documents", away)
    person = Person(client.http)
    page = person.send(GOOD)
    assert page.status_code == 200
    assert "s3://somewhere gave no answer" in page.text
    assert "by the calendar" in page.text
    assert "unknown: the artifact store can&#39;t be read now" in page.text


@pytest.fixture
def filler(person):
    """The same person before the form of a backfill."""
    return Person(person.http, path="/afterbell/backfills/new")


def test_a_backfill_shows_its_chunks_before_it_is_sent(filler, database):
    page = filler.send(BACKFILL)
    assert page.status_code == 200, page.text
    text = _text(page)
    # 2016-01-04 to 2016-06-30 has 125 sessions of the NYSE
    assert "125, from 2016-01-04 to 2016-06-30" in text
    assert "0 of these sessions lie within that range" in text
    assert "2 of 100 sessions at most, the last one of 25" in text
    assert "unknown: this range has no plan yet" in text
    assert runs_of(database, "backfill_history") == []


def test_a_backfill_that_was_planned_before_tells_the_time_of_its_plan(filler, store):
    page = filler.send(BACKFILL).text
    assert "is on record" not in page
    import json  # noqa: PLC0415

    asked = filler.http.post(
        f"{filler.path}?format=json",
        content=_body(filler, BACKFILL),
        headers=filler.sign | {"Origin": "http://testserver", "Content-Type": "application/x-www-form-urlencoded"},
    )
    backfill = json.loads(asked.text)["preview"]["backfill"]
    assert re.fullmatch(r"20160104-20160630-[0-9a-f]{8}", backfill)
    put(store, f"backfills/{backfill}/plan.json", {"seconds": 300.0})
    again = filler.send(BACKFILL)
    assert "about 5 min 00 s in all, by its last plan" in _text(again)
    assert f"/afterbell/backfills/{backfill}" in again.text


def _body(person, fields):
    from urllib.parse import urlencode  # noqa: PLC0415

    return urlencode([("token", person.token()), *fields.items(), ("do", "show")], doseq=True)


def test_a_started_backfill_is_a_run_with_the_fields_of_its_dag(filler, database):
    answer = filler.send(BACKFILL | {"plan_only": "on"}, "start")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/afterbell/backfills?started=")
    ((_, conf, who, _),) = runs_of(database, "backfill_history")
    assert who == "a-user"
    assert conf == {
        "first": "2016-01-04", "last": "2016-06-30", "reason": "the vendor delivered 2016 anew",
        "steps": ["ingest", "features"], "factor_sets": None, "chunk_sessions": 100, "plan_only": True,
        "profile": None,
    }  # fmt: skip


def test_all_that_is_wrong_with_a_backfill_is_told_at_once(filler):
    page = filler.send(BACKFILL | {"last": "2999-01-04", "reason": "short", "chunk_sessions": "0"})
    assert "3 fields need another value" in page.text
    assert [bool(fault_beside(page.text, name)) for name in ("first", "last", "reason", "chunk_sessions")] == [
        False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("first", "", "nothing was given: give a day like"), ("first", "2016-07-01", "first must not be after last"),
        ("last", "2999-01-04", "after today"), ("last", "soon", "give a day like"),
        ("reason", "short", "one line of 10"),
        ("reason", "two lines\nof it all", "one line of 10"), ("reason", "x" * 301, "one line of 10"),
        ("steps", [], "is empty"), ("steps", ["train"], "is not known"), ("steps", ["ingest", "ingest"], "value once"),
        ("factor_sets", ["mine"], "is not known"), ("chunk_sessions", "0", "from 1 to 1000"),
        ("chunk_sessions", "1.5", "from 1 to 1000"), ("chunk_sessions", "", "from 1 to 1000"),
        ("profile", "moon", "is not known"), ("plan_only", "maybe", "true or false"),
    ],
)  # fmt: skip
def test_a_bad_backfill_is_refused_beside_its_field(filler, database, name, typed, says):
    page = filler.send(BACKFILL | {name: typed}, "start")
    assert page.status_code == 400, page.text
    assert says in fault_beside(page.text, name)
    assert runs_of(database, "backfill_history") == []
