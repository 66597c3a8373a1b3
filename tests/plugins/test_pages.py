"""What all pages keep to: data is never markup, odd documents break nothing, and a store that is away is named."""

from __future__ import annotations

import json
import socket

import pytest

from afterbell.airflow.pages import documents
from tests.plugins.conftest import SESSION, add_run, put
from tests.plugins.pages_world import HOSTILE, RUN_ID, SLUG, at, put_champion, put_release, put_run, result


def test_every_word_of_the_glossary_has_an_address(client):
    text = client("/glossary").text
    for anchor in ("session", "drop", "revision", "knowledge-time", "snapshot", "candidate", "release", "champion"):
        assert f'id="{anchor}"' in text
    assert 'href="/afterbell/glossary"' in client("/releases").text


def test_nothing_of_the_data_is_ever_markup(client, store, database):
    tasks = [("open_run", "success", at(1), at(2)), (HOSTILE, "success", at(9), at(31))]
    add_run(database, RUN_ID, tasks=tasks, opened={"origin": HOSTILE, "deadline": HOSTILE, "session": SESSION})
    put_run(
        store,
        ingest=result("ingest", 1, 2, drops={HOSTILE: 1}, rows=HOSTILE, quarantined_rows=1,
                       quarantine_by_rule={HOSTILE: 1}, refused_drops=[{"key": HOSTILE, "reason": HOSTILE}]),
        validate=result("validate", 3, 1, expectations=HOSTILE, failed=HOSTILE, warnings=[HOSTILE],
                         data_docs=HOSTILE),
        train=result("train", 5, 1, skipped=[HOSTILE], spark_ui="javascript:alert(1)"),
        evaluate=result("evaluate", 6, 1, verdict=HOSTILE, reason=HOSTILE),
        publish=result("publish", 7, 1, published=HOSTILE, release_id=HOSTILE, reason=HOSTILE),
        forecast=[{"finish": HOSTILE, "slack": HOSTILE, "left_out": [{HOSTILE: HOSTILE}]}],
    )  # fmt: skip
    late = {"source": HOSTILE, "late_minutes": HOSTILE}
    put(store, f"reports/{SESSION}/{SLUG}/metrics.json", {"inputs": {"late_drops": [late], "missing_drops": [HOSTILE]}})
    put_release(store, verdict={"verdict": HOSTILE, "reason": HOSTILE}, spec={HOSTILE: HOSTILE},
                 metrics={HOSTILE: {HOSTILE: HOSTILE}}, environment={HOSTILE: HOSTILE})  # fmt: skip
    told = {"by": HOSTILE, "reason": HOSTILE, "run_id": HOSTILE}
    put_champion(store, entry=told, previous=HOSTILE, moved_at=HOSTILE)
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
    add_run(database, RUN_ID, tasks=[("ingest", "success", at(9), at(31))])
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
