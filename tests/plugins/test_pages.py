"""What the pages tell, from a real store and Airflow's own database; times and figures are worked out by hand."""

from __future__ import annotations

import hashlib
import json
import socket
from datetime import timedelta

import pytest

from afterbell.airflow.pages import documents
from afterbell.stores.artifacts import DOCUMENT_BYTES
from tests.plugins.conftest import CLOSE, SESSION, add_run, put

RUN_ID, SLUG = "manual__2026-06-30T20:00:05", "manual_2026_06_30T20_00_05"
HOSTILE = '<script>alert("x")</script>'
MANIFEST = {
    "release_id": "2026-06-30-0123456789ab",
    "session": "2026-06-30",
    "candidate_id": "0123456789abcdef",
    "models": [
        {"family": "ridge", "horizon": 1, "path": "models/ridge-h1.json", "size": 1234, "sha256": "a" * 64},
        {"family": "lightgbm", "horizon": 5, "path": "models/lightgbm-h5.txt", "size": 5678, "sha256": "b" * 64},
    ],
    "features": {"sets": [{"set": "core", "definition_hash": "c0ffee", "names": ["mom5", "vol20"]}]},
    "inputs": {"bars_snapshot": 42},
    "spec": {"horizons": [1, 5], "families": {"ridge": {"alpha": 1.0}}},
    "metrics": {"h1": {"ic": 0.05, "rank_ic": 0.04, "sharpe_net": 1.5}, "h5": {"ic": 0.03, "rank_ic": 0.02}},
    "verdict": {"verdict": "publish", "reason": "better"},
    "code_version": "0.2.0+abc",
    "environment": {"python": "3.11.7"},
}


def _result(step, begun, seconds, **more):
    """What a step writes at its end; ``begun`` is in seconds after the closing bell."""
    started = CLOSE + timedelta(seconds=begun)
    ended = started + timedelta(seconds=seconds)
    return {
        "step": step,
        "started_at": started.isoformat(),
        "finished_at": ended.isoformat(),
        "seconds": seconds,
    } | more


def _put_run(store, session=SESSION, slug=SLUG, **more):
    found = {
        "ingest": _result(
            "ingest", 10, 20, drops={"landed": 3, "quarantined": 1}, rows=1000, quarantined_rows=7,
            quarantine_by_rule={"price_positive": 5, "field_count": 2},
            refused_drops=[{"key": "prices/x.csv.gz", "reason": "not a session"}],
        ),
        "validate": _result("validate", 40, 10, expectations=45, failed=0, warnings=[], data_docs="file:///x/index.html"),
        "evaluate": _result("evaluate", 60, 5, verdict="publish", reason="better than before", metrics={}),
        "publish": _result(
            "publish", 70, 1, release_id=MANIFEST["release_id"], published=MANIFEST["release_id"], moved=True,
            reason="the pointer moved",
        ),
    }  # fmt: skip
    for step, body in (found | more).items():
        put(store, f"runs/{session}/{slug}/{step}.json", body)
    late = {"source": "us_reports", "late_minutes": 12.5}
    inputs = {"late_drops": [late], "missing_drops": [{"source": "us_symbols"}]}
    put(store, f"reports/{session}/{slug}/metrics.json", {"inputs": inputs})


def _put_release(store, release_id="2026-06-30-0123456789ab", **more):
    named = {"release_id": release_id, "session": release_id[:10], "candidate_id": f"{release_id[11:]}cdef"}
    body = MANIFEST | named | more
    put(store, f"releases/{release_id}/manifest.json", body)
    return body


ENTRY = "audit/20260630T200111.000000Z-0123456789abcdef"


def _champion(release_id="2026-06-30-0123456789ab", **more):
    return {
        "release_id": release_id, "session": release_id[:10], "candidate_id": "0123456789abcdef",
        "manifest_sha256": "d" * 64, "previous": None, "moved_at": "2026-06-30T20:01:11+00:00", "run_id": RUN_ID,
    } | more  # fmt: skip


def _put_champion(store, release_id="2026-06-30-0123456789ab", entry=None, **more):
    """The pointer, with the entry of the audit trail that it is believed for."""
    pointer = _champion(release_id, **more)
    told = {"id": ENTRY[-16:], "action": "publish", "by": "pipeline", "reason": "better", "run_id": RUN_ID,
            "at": "2026-06-30T20:01:11Z", "source": None, "target": pointer}  # fmt: skip
    put(store, f"{ENTRY}.json", told | (entry or {}))
    put(store, f"{ENTRY}.moved.json", {"entry": f"{ENTRY}.json"})
    put(store, "champion.json", pointer | {"audit": f"{ENTRY}.json"})


def _at(seconds):
    return CLOSE + timedelta(seconds=seconds)


def test_tonight_tells_each_stage_and_the_time_to_the_deadline(client, store, database):
    tasks = [
        ("open_run", "success", _at(5), _at(6)), ("await_drops", "success", _at(7), _at(8)),
        ("ingest", "success", _at(9), _at(31)), ("validate", "running", _at(35), None),
    ]  # fmt: skip
    opened = {"session": SESSION, "deadline": "2026-06-30T22:00:00+00:00", "budgets": {"seconds": {"ingest": 20.0}}}
    add_run(database, RUN_ID, state="running", started=_at(5), tasks=tasks, opened=opened)
    forecast = {
        "at": "2026-06-30T20:00:35+00:00",
        "step": "validate",
        "finish": "2026-06-30T21:43:00+00:00",
        "slack": 1020.0,
    }
    left_out = {"left_out": ["folds but the newest 2"]}
    _put_run(store, forecast=[forecast | {"slack": 2000.0}, forecast | left_out])
    found = client.json(f"/tonight?session={SESSION}")
    assert (found["forecast"]["finish"], found["forecast"]["slack"]) == ("2026-06-30T21:43:00+00:00", 1020.0)
    assert found["left_out"] == ["by the forecast: folds but the newest 2"]
    assert found["calendar"]["close"] == "2026-06-30T20:00:00+00:00"
    assert found["calendar"]["deadline"] == "2026-06-30T22:00:00+00:00"
    assert (found["calendar"]["before"], found["calendar"]["after"]) == ("2026-06-29", "2026-07-01")
    assert found["run"]["run_id"] == RUN_ID
    assert found["run"]["deadline"] == "2026-06-30T22:00:00+00:00"
    stages = {stage["step"]: stage for stage in found["stages"]}
    assert list(stages) == [
        "open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score",
    ]  # fmt: skip
    assert (stages["ingest"]["seconds"], stages["ingest"]["budget"]) == (22.0, 20.0)
    assert (stages["validate"]["state"], stages["validate"]["seconds"]) == ("running", None)
    assert stages["score"]["state"] == ""
    text = client(f"/tonight?session={SESSION}").text
    assert '<time datetime="2026-06-30T20:00:00+00:00">2026-06-30 20:00 UTC</time>' in text
    assert "16:00 EDT" in text
    assert "<svg" in text
    assert "12.5 minutes" in text


def test_a_run_that_only_the_store_knows_is_told_from_its_results(client, store):
    _put_run(store, score=_result("score", 72, 8))
    found = client.json(f"/tonight?session={SESSION}")
    assert (found["run"]["run_id"], found["run"]["slug"]) == (None, SLUG)
    assert found["run"]["started"] == _at(10).isoformat()
    assert found["run"]["ended"] == _at(80).isoformat()
    assert found["run"]["left_seconds"] == 7200 - 80
    assert found["verdict"]["published"] == MANIFEST["release_id"]


def test_a_run_of_long_ago_is_held_to_two_hours_from_its_start(client, store, database):
    late = CLOSE + timedelta(days=40)
    add_run(database, RUN_ID, started=late, end_date=late + timedelta(minutes=3))
    found = client.json(f"/tonight?session={SESSION}")["run"]
    assert found["replayed"] is True
    assert found["deadline"] == (late + timedelta(hours=2)).isoformat()
    assert found["left_seconds"] == 7200 - 180


def test_a_run_that_failed_has_no_time_in_hand_and_what_never_ran_no_times(client, database):
    tasks = [("ingest", "failed", _at(9), _at(31)), ("validate", "upstream_failed", _at(31), _at(31))]
    add_run(database, RUN_ID, state="failed", end_date=_at(32), tasks=tasks)
    found = client.json(f"/tonight?session={SESSION}")
    assert found["run"]["left_seconds"] < 0  # it is long after that session
    validate = next(stage for stage in found["stages"] if stage["step"] == "validate")
    assert (validate["state"], validate["started"], validate["seconds"]) == ("upstream_failed", None, None)
    assert "In hand" not in client(f"/tonight?session={SESSION}").text


def test_the_page_of_a_run_finds_its_session(client, database):
    add_run(database, RUN_ID, tasks=[("open_run", "success", _at(1), _at(2))])
    found = client.json("/tonight?dag=daily_retraining&run=manual__2026-06-30T20%3A00%3A05")
    assert (found["calendar"]["session"], found["run"]["run_id"]) == (SESSION, RUN_ID)
    assert client("/tonight?dag=maintenance&run=scheduled__x").status_code == 404
    assert "show the runs of daily_retraining alone" in client("/tonight?dag=maintenance&run=x").text


def test_a_half_day_ends_early_and_says_so(client):
    found = client.json("/tonight?session=2026-11-27")["calendar"]
    assert (found["half_day"], found["close"]) == (True, "2026-11-27T18:00:00+00:00")
    assert "half day" in client("/tonight?session=2026-11-27").text


def test_sessions_tell_what_came_in_and_what_was_set_aside(client, store):
    _put_run(store)
    found = client.json(f"/sessions?before={SESSION}")
    assert len(found["rows"]) == 20
    row = found["rows"][0]
    assert (row["session"], row["rows"], row["quarantined_rows"]) == (SESSION, 1000, 7)
    assert row["drops"] == {"landed": 3, "quarantined": 1}
    assert row["rules"][0] == {"rule": "price_positive", "rows": 5}
    assert row["late_drops"][0]["source"] == "us_reports"
    assert row["verdict"]["verdict"] == "publish"
    assert found["rows"][1]["slug"] is None
    assert found["older"] == "2026-06-01"  # Juneteenth is no session: 20 sessions up to 30 June begin on 2 June


def test_sessions_begin_with_the_newest_that_is_known(client, store):
    _put_run(store)
    _put_champion(store)
    found = client.json("/sessions")
    assert (found["jumped"], found["rows"][0]["session"]) == (SESSION, SESSION)


def test_the_cost_of_a_page_does_not_grow_with_the_history(client, store, monkeypatch):
    _put_run(store)
    asked = []
    for name in ("list", "get"):
        original = getattr(type(store), name)
        monkeypatch.setattr(
            type(store), name, lambda self, key, original=original: (asked.append(key), original(self, key))[1]
        )
    assert client.json(f"/sessions?before={SESSION}")
    few = len(asked)
    for number in range(1, 8):
        _put_run(store, session=f"2026-04-0{number}")
    asked.clear()
    assert client.json(f"/sessions?before={SESSION}")
    assert len(asked) == few
    assert "runs/" not in asked


def test_releases_tell_the_champion_its_history_and_their_figures(client, store):
    _put_release(store)
    _put_release(store, "2026-06-29-ba9876543210", spec={"horizons": [1]})
    entry = {
        "action": "promote", "by": "alice, approved by bob", "reason": "it trades better", "run_id": "manual__r",
        "source": _champion("2026-06-29-ba9876543210", moved_at="2026-06-29T20:30:00Z"),
    }  # fmt: skip
    _put_champion(store, entry=entry, previous="2026-06-29-ba9876543210")
    found = client.json("/releases")
    assert [each["release_id"] for each in found["releases"]] == [
        "2026-06-30-0123456789ab", "2026-06-29-ba9876543210",
    ]  # fmt: skip
    assert found["releases"][0]["champion"] is True
    assert found["releases"][0]["metrics"]["h1"] == {"rank_ic": 0.04, "ic": 0.05, "sharpe_net": 1.5}
    assert [(move["action"], move["by"], move["target"]) for move in found["history"]] == [
        ("promote", "alice, approved by bob", "2026-06-30-0123456789ab"),
        ("publish", "", "2026-06-29-ba9876543210"),
    ]
    assert "it trades better" in client("/releases").text


def test_a_pointer_of_before_there_was_a_trail_tells_its_last_move(client, store):
    digest = hashlib.sha256(json.dumps(_put_release(store)).encode()).hexdigest()
    put(store, "champion.json", _champion(previous="2026-06-29-ba9876543210", manifest_sha256=digest))
    _put_run(store)
    (move,) = client.json("/releases")["history"]
    assert (move["source"], move["run_id"]) == ("2026-06-29-ba9876543210", RUN_ID)


@pytest.mark.parametrize("more", [{}, {"audit": f"{ENTRY}.json"}, {"audit": "audit/x.json"}], ids=str)
def test_a_forged_pointer_is_told_on_every_page_that_names_the_champion_and_marks_no_release(client, store, more):
    _put_release(store)
    _put_release(store, "2026-06-29-ba9876543210")
    _put_champion(store)
    put(store, "champion.json", _champion("2026-06-29-ba9876543210", **more))
    found = client.json("/releases")
    assert (found["champion"], found["history"]) == (None, [])
    assert not any(each["champion"] for each in found["releases"])
    one = client.json("/releases/2026-06-29-ba9876543210")
    assert (one["champion"], one["is_champion"]) == (None, False)
    for path in ("/releases", "/releases/2026-06-29-ba9876543210"):
        text = client(path).text
        assert "pointer is not believed" in text
        assert "./afterbell release promote" in text


def test_one_release_is_told_whole(client, store):
    _put_release(store)
    found = client.json("/releases/2026-06-30-0123456789ab")
    assert found["metrics"]["columns"] == ["h1", "h5"]
    assert {"name": "sharpe_net", "values": [1.5, None]} in found["metrics"]["rows"]
    assert found["spec"] == {"families.ridge.alpha": 1.0, "horizons": "1, 5"}
    assert "c0ffee" in client("/releases/2026-06-30-0123456789ab").text
    assert client("/releases/2026-06-30-ffffffffffff").status_code == 404


def test_two_releases_are_compared_by_what_differs(client, store):
    _put_release(store)
    names = {"sets": [{"set": "core", "definition_hash": "beef", "names": ["mom5", "rsi14"]}]}
    _put_release(store, "2026-06-29-ba9876543210", metrics={"h1": {"ic": 0.02, "rank_ic": 0.04}}, features=names)
    found = client.json("/releases/compare?left=2026-06-29-ba9876543210&right=2026-06-30-0123456789ab")
    sections = {section["title"]: section for section in found["sections"]}
    (ic,) = [row for row in sections["Metrics"]["rows"] if row["name"] == "h1.ic"]
    assert (ic["left"], ic["right"], round(ic["change"], 9)) == (0.02, 0.05, 0.03)
    assert not any(row["name"] == "h1.rank_ic" for row in sections["Metrics"]["rows"])
    assert sections["Specification"]["rows"] == []
    assert sections["Features"]["notes"] == [
        "only on the left: rsi14", "only on the right: vol20", "1 factors in both",
    ]  # fmt: skip
    assert "rsi14" in client("/releases/compare?left=2026-06-29-ba9876543210&right=2026-06-30-0123456789ab").text


def test_the_largest_difference_between_releases_comes_first(client, store):
    _put_release(store, metrics={"h1": {"ic": 0.05, "rank_ic": 0.04, "sharpe_net": 1.5}})
    _put_release(store, "2026-06-29-ba9876543210", metrics={"h1": {"ic": 0.025, "rank_ic": 0.039, "sharpe_net": -1.5}})
    found = client.json("/releases/compare?left=2026-06-29-ba9876543210&right=2026-06-30-0123456789ab")
    (metrics,) = [section for section in found["sections"] if section["title"] == "Metrics"]
    # as shares of the larger value: 3 of 1.5, 0.025 of 0.05, 0.001 of 0.04
    assert [row["name"] for row in metrics["rows"]] == ["h1.sharpe_net", "h1.ic", "h1.rank_ic"]


def test_tonight_tells_what_changed_since_the_session_before(client, store):
    _put_run(store)
    changes = [
        {"name": "verdict", "before": "keep", "now": "publish"},
        {"name": "rank IC, h1", "before": 0.08, "now": 0.06},
    ]
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"since": {"session": "2026-06-29", "changes": changes}})
    assert client.json(f"/tonight?session={SESSION}")["since"] == {"session": "2026-06-29", "changes": changes}
    text = client(f"/tonight?session={SESSION}").text
    assert "What changed since 2026-06-29" in text
    assert "verdict keep → publish; rank IC, h1 0.08 → 0.06" in text


@pytest.mark.parametrize(
    "since", [7, [], {"session": "x"}, {"changes": [{}]}, {"session": "x", "changes": [3, {"a": 1}]}]
)
def test_changes_of_another_shape_break_no_page(client, store, since):
    _put_run(store)
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"since": since})
    assert client(f"/tonight?session={SESSION}").status_code == 200


def test_every_word_of_the_glossary_has_an_address(client):
    text = client("/glossary").text
    for anchor in ("session", "drop", "revision", "knowledge-time", "snapshot", "candidate", "release", "champion"):
        assert f'id="{anchor}"' in text
    assert 'href="/afterbell/glossary"' in client("/releases").text


def test_a_broken_manifest_is_told_and_hides_no_other(client, store):
    _put_release(store)
    put(store, "releases/2026-06-29-ba9876543210/manifest.json", b"<html>")
    _put_champion(store)
    found = {each["release_id"]: each for each in client.json("/releases")["releases"]}
    assert "is not a manifest" in found["2026-06-29-ba9876543210"]["unreadable"]
    assert "unreadable" not in found["2026-06-30-0123456789ab"]
    assert client("/releases/2026-06-29-ba9876543210").status_code == 502


def test_a_manifest_that_is_far_too_large_is_told_and_hides_no_other(client, store):
    _put_release(store)
    put(store, "releases/2026-06-29-ba9876543210/manifest.json", bytes(DOCUMENT_BYTES + 1))
    _put_champion(store)
    found = {each["release_id"]: each for each in client.json("/releases")["releases"]}
    assert "expected at most 33554432 bytes, found 33554433" in found["2026-06-29-ba9876543210"]["unreadable"]
    assert "unreadable" not in found["2026-06-30-0123456789ab"]
    assert client("/releases/2026-06-29-ba9876543210").status_code == 502


def test_nothing_of_the_data_is_ever_markup(client, store, database):
    tasks = [("open_run", "success", _at(1), _at(2)), (HOSTILE, "success", _at(9), _at(31))]
    add_run(database, RUN_ID, tasks=tasks, opened={"origin": HOSTILE, "deadline": HOSTILE, "session": SESSION})
    _put_run(
        store,
        ingest=_result("ingest", 1, 2, drops={HOSTILE: 1}, rows=HOSTILE, quarantined_rows=1,
                       quarantine_by_rule={HOSTILE: 1}, refused_drops=[{"key": HOSTILE, "reason": HOSTILE}]),
        validate=_result("validate", 3, 1, expectations=HOSTILE, failed=HOSTILE, warnings=[HOSTILE],
                         data_docs=HOSTILE),
        train=_result("train", 5, 1, skipped=[HOSTILE], spark_ui="javascript:alert(1)"),
        evaluate=_result("evaluate", 6, 1, verdict=HOSTILE, reason=HOSTILE),
        publish=_result("publish", 7, 1, published=HOSTILE, release_id=HOSTILE, reason=HOSTILE),
        forecast=[{"finish": HOSTILE, "slack": HOSTILE, "left_out": [{HOSTILE: HOSTILE}]}],
    )  # fmt: skip
    late = {"source": HOSTILE, "late_minutes": HOSTILE}
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"inputs": {"late_drops": [late], "missing_drops": [HOSTILE]}})
    _put_release(store, verdict={"verdict": HOSTILE, "reason": HOSTILE}, spec={HOSTILE: HOSTILE},
                 metrics={HOSTILE: {HOSTILE: HOSTILE}}, environment={HOSTILE: HOSTILE})  # fmt: skip
    told = {"by": HOSTILE, "reason": HOSTILE, "run_id": HOSTILE}
    _put_champion(store, entry=told, previous=HOSTILE, moved_at=HOSTILE)
    for path in (f"/tonight?session={SESSION}", f"/sessions?before={SESSION}", "/releases",
                 "/releases/2026-06-30-0123456789ab",
                 "/releases/compare?left=2026-06-30-0123456789ab&right=2026-06-30-0123456789ab"):  # fmt: skip
        answer = client(path)
        assert answer.status_code == 200, answer.text
        assert "<script>" not in answer.text, path
        assert "javascript:" not in answer.text, path
        assert "&lt;script&gt;" in answer.text or "compare" in path, path


def test_documents_of_another_shape_break_no_page(client, store):
    shapes = (b"[1, 2]", b"\x80\x04K\x01.", b'{"drops": 7, "quarantine_by_rule": [1], "skipped": {"a": 1}}', b"{}")
    for number, body in enumerate(shapes):
        for step in ("ingest", "validate", "train", "evaluate", "publish", "forecast"):
            put(store, f"runs/{SESSION}/run_{number}/{step}.json", body)
        put(store, "champion.json", body)
        assert client(f"/tonight?session={SESSION}").status_code == 200
        assert client(f"/sessions?before={SESSION}").status_code == 200
        assert client("/releases").status_code == 200


@pytest.fixture
def silent():
    """A port that takes connections and never answers; at the end they are reset."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_store_that_never_answers_gives_a_page_that_says_so(client, database, silent, monkeypatch, s3):
    add_run(database, RUN_ID, tasks=[("ingest", "success", _at(9), _at(31))])
    extra = {"endpoint_url": silent, "region_name": "us-east-1", "feed_bucket": "feed", "artifact_bucket": "artifacts"}
    body = {"conn_type": "aws", "login": "a", "password": "canary-secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AFTERBELL_S3", json.dumps(body))
    monkeypatch.setattr(documents, "SECONDS", 0.25)
    answer = client(f"/tonight?session={SESSION}")
    assert answer.status_code == 200
    assert "The artifact store did not answer" in answer.text
    assert "22.0 s" in answer.text  # what Airflow knows is told all the same
    for path in ("/sessions", "/releases"):
        answer = client(path)
        assert answer.status_code == 503
        assert "The artifact store did not answer" in answer.text
        assert "canary-secret" not in answer.text


def test_a_missing_connection_is_named(client, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_AFTERBELL_S3")
    answer = client("/sessions")
    assert answer.status_code == 503
    assert "the Airflow connection &#39;afterbell_s3&#39; is not defined" in answer.text


def test_programs_get_the_same_as_json(client, store):
    _put_run(store)
    by_header = client.json(f"/sessions?before={SESSION}")
    by_address = client(f"/sessions?before={SESSION}&format=json").json()
    assert by_header["rows"] == by_address["rows"]
    assert client("/sessions?before=x&format=json").json() == {
        "status": 400, "error": "'x' is not a session like 2026-06-30",
    }  # fmt: skip
