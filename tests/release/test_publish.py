"""A release is all or nothing, and one conditional write decides who is champion. Against a real S3."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime

import pytest

from afterbell.errors import DigestMismatchError, ObjectMissingError, PermanentError, RetryableError, StaleInputError
from afterbell.release.__main__ import main
from afterbell.release.audit import moves
from afterbell.release.catalog import list_releases, read_champion, read_manifest, verify_release
from afterbell.release.promotion import carry_out, choice
from afterbell.release.publish import Judged, build_manifest, move_champion, publish
from afterbell.release.turn import KEY as TURN
from afterbell.release.turn import take_turn
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.scoring.models import open_release
from tests.patience import LONG
from tests.release.conftest import add_candidate
from tests.steps import step_args

pytestmark = pytest.mark.services
SESSION = date(2016, 6, 30)
METRICS = {"h1": HorizonMetrics(ic=0.05)}


def release(store, candidate="0123456789abcdef", session=SESSION, run="run-1", metrics=METRICS, move=True):
    champion, _ = read_champion(store)
    against = champion.candidate_id if champion else None
    return publish(store, Judged(candidate, against, metrics, "better"), session, run, move=move)


def test_a_first_release_becomes_champion(store):
    add_candidate(store)
    manifest, done = release(store)
    assert manifest.release_id == "2016-06-30-0123456789ab"
    assert (done.champion, done.previous, done.moved) == ("2016-06-30-0123456789ab", None, True)
    champion, _ = read_champion(store)
    assert champion.release_id == manifest.release_id
    assert verify_release(store, manifest.release_id).predicted == 2


def test_publishing_again_changes_nothing(store):
    add_candidate(store)
    release(store)
    before = store.get("champion.json")
    _, done = release(store, run="run-2")
    assert (done.moved, done.reason) == (False, "this release is the champion already")
    assert store.get("champion.json") == before


def test_the_next_session_replaces_the_champion_and_remembers_it(store):
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    _, done = release(store, "fedcba9876543210", date(2016, 7, 1))
    assert done.moved
    assert done.previous == "2016-06-30-0123456789ab"
    assert len(list_releases(store)) == 2


def test_an_old_session_never_moves_the_champion(store):
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    _, done = release(store, "fedcba9876543210", date(2016, 6, 29))
    assert not done.moved
    assert "an older session (2016-06-29) never replaces it" in done.reason
    assert read_champion(store)[0].release_id == "2016-06-30-0123456789ab"


@pytest.mark.parametrize("session", [date(2016, 6, 29), date(2016, 6, 30), date(2016, 7, 1)])
def test_a_backfill_writes_its_release_and_leaves_the_champion(store, session):
    add_candidate(store)
    release(store)
    before = store.get("champion.json")
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    manifest, done = release(store, "fedcba9876543210", session, move=False)
    assert (done.champion, done.moved) == ("2016-06-30-0123456789ab", False)
    assert done.reason == "a backfill never moves the champion"
    assert store.get("champion.json") == before
    assert verify_release(store, manifest.release_id).predicted == 2
    assert manifest.release_id in list_releases(store)


def test_a_backfill_makes_no_first_champion_either(store):
    add_candidate(store)
    _, done = release(store, move=False)
    assert (done.champion, done.moved) == (None, False)
    assert read_champion(store) == (None, None)


@pytest.mark.parametrize(
    ("origin", "released", "champion"),
    [
        ("backfill", "2016-07-01-fedcba987654", "2016-06-30-0123456789ab"),
        ("scheduled", "2016-07-01-fedcba987654", "2016-07-01-fedcba987654"),
        ("manual", "2016-07-01-fedcba987654", "2016-07-01-fedcba987654"),
    ],
)
def test_the_step_is_told_where_the_run_came_from(services, store, monkeypatch, origin, released, champion):
    """A backfill's session is scored by the models of its own time; only other runs move the champion."""
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", session="2016-07-01", intercept=1.0)
    told = {"candidate_id": "fedcba9876543210", "champion_candidate_id": "0123456789abcdef", "verdict": "publish"}
    told |= {"reason": "better", "metrics": {"h1": {"ic": 0.05}}, "origin": origin}
    deadline = datetime(2190, 1, 1, tzinfo=UTC)
    take_turn(store, "run-2", deadline, print)
    found = main(step_args("publish", date(2016, 7, 1), "run-2", deadline, told))
    assert not store.exists(TURN)
    assert (found.release_id, found.moved) == (released, origin != "backfill")
    assert read_champion(store)[0].release_id == champion


@pytest.mark.parametrize(
    ("verdict", "candidate", "deadline", "reason"),
    [
        ("publish", "fedcba9876543210", datetime(2016, 7, 1, 22, tzinfo=UTC),
         "hold: the deadline 2016-07-01 22:00:00 UTC has passed"),
        ("hold", None, datetime(2190, 1, 1, tzinfo=UTC), "hold: no time for fits"),
    ],
)  # fmt: skip
def test_a_run_that_is_late_or_has_no_candidate_keeps_the_champion_and_publishes_nothing(
    services, store, monkeypatch, verdict, candidate, deadline, reason
):
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", session="2016-07-01", intercept=1.0)
    told = {"candidate_id": candidate, "champion_candidate_id": "0123456789abcdef", "verdict": verdict}
    told |= {"reason": "no time for fits", "metrics": {"h1": {"ic": 0.05}}, "origin": "scheduled"}
    found = main(step_args("publish", date(2016, 7, 1), "run-2", deadline, told))
    assert (found.release_id, found.published, found.moved) == ("2016-06-30-0123456789ab", None, False)
    assert found.reason == reason
    assert list_releases(store) == ["2016-06-30-0123456789ab"]


@pytest.mark.parametrize(
    "deadline", [datetime(2190, 1, 1, tzinfo=UTC), datetime(2016, 6, 30, 21, tzinfo=UTC)], ids=["in time", "late"]
)
def test_what_is_held_while_nothing_serves_scores_as_provisional_and_can_be_promoted(
    services, store, monkeypatch, deadline
):
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    add_candidate(store)
    given = {"candidate_id": "0123456789abcdef", "champion_candidate_id": None, "verdict": "hold"}
    given |= {"reason": "no skill is shown yet", "metrics": {"h1": {"ic": 0.05}}, "origin": "scheduled"}
    result = main(step_args("publish", SESSION, "run-1", deadline, given))
    assert (result.release_id, result.provisional, result.serves) == ("2016-06-30-0123456789ab", True, False)
    assert (result.published, result.moved, result.shadow) == (None, False, None)
    assert read_champion(store) == (None, None)
    assert read_manifest(store, result.release_id).verdict["verdict"] == "hold"
    assert main(step_args("publish", SESSION, "run-1", deadline, given)) == result
    done = carry_out(
        store, choice(action="promote", release_id=result.release_id, reason="looked at the report", by="ann")
    )
    assert done.moved
    assert read_champion(store)[0].release_id == result.release_id


def test_without_a_champion_and_a_candidate_there_is_nothing_to_score_by(services, store, monkeypatch):
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    given = {"candidate_id": None, "champion_candidate_id": None, "verdict": "hold", "reason": "no time for fits"}
    given |= {"metrics": {}, "origin": "scheduled"}
    with pytest.raises(PermanentError, match="no champion, and no candidate to score the session by: no time for fits"):
        main(step_args("publish", SESSION, "run-1", datetime(2190, 1, 1, tzinfo=UTC), given))


def test_the_last_release_that_a_person_approved_is_remembered_and_scored_beside(services, store, monkeypatch):
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    first = "2016-06-30-0123456789ab"
    add_candidate(store)
    release(store)
    assert read_champion(store)[0].approved_id == first
    for number, session in enumerate((date(2016, 7, 1), date(2016, 7, 5))):
        candidate = f"{number + 1}" * 16
        add_candidate(store, candidate, session=session.isoformat(), intercept=1.0 + number)
        given = {"candidate_id": candidate, "champion_candidate_id": read_champion(store)[0].candidate_id}
        given |= {"verdict": "publish", "reason": "as good", "metrics": {"h1": {"ic": 0.05}}, "origin": "scheduled"}
        result = main(step_args("publish", session, f"run-{number}", datetime(2190, 1, 1, tzinfo=UTC), given))
        assert (result.shadow, result.moved) == (first, True)
        assert read_champion(store)[0].approved_id == first
    carry_out(store, choice(action="promote", release_id="2016-07-01-111111111111", reason="the better one", by="ann"))
    assert read_champion(store)[0].approved_id == "2016-07-01-111111111111"


def test_a_champion_that_moved_since_it_was_compared_with_is_noticed(store):
    add_candidate(store)
    release(store)
    manifest = build_manifest(add_candidate(store, "fedcba9876543210"), date(2016, 7, 1), METRICS, "better")
    with pytest.raises(StaleInputError, match=r"judged against the champion 00ff, but 0123456789abcdef serves now"):
        move_champion(store, manifest, "run-2", "00ff")
    assert read_champion(store)[0].release_id == "2016-06-30-0123456789ab"


def test_a_corrupt_candidate_is_refused_and_nothing_is_published(store):
    add_candidate(store)
    store.put("candidates/0123456789abcdef/models/ridge-h5.json", b"{}")
    with pytest.raises(DigestMismatchError, match=r"ridge-h5\.json: expected SHA-256"):
        release(store)
    assert list_releases(store) == []
    assert read_champion(store) == (None, None)


def test_a_missing_model_is_data_loss_and_nothing_is_published(services, store):
    content = json.dumps(add_candidate(store).to_json()).replace("models/ridge-h5.json", "models/gone-h5.json")
    store.put("candidates/0123456789abcdef/candidate.json", content.encode())
    with pytest.raises(ObjectMissingError, match="gone-h5"):
        release(store)
    assert read_champion(store) == (None, None)


@pytest.mark.parametrize("body", [b"\x80\x04K\x01.", b"<html>", b'{"format": "afterbell-ridge/9"}'])
def test_a_model_in_no_declared_format_never_becomes_champion(store, body):
    add_candidate(store, model=body)
    with pytest.raises(PermanentError):
        release(store)
    assert read_champion(store) == (None, None)


def test_a_model_that_predicts_nothing_finite_never_becomes_champion(store):
    from tests.release.conftest import RIDGE  # noqa: PLC0415

    body = json.dumps(RIDGE | {"scales": [1e-320, 1e-320], "coefficients": [1e308, 1e308], "clip": 1e308}).encode()
    add_candidate(store, model=body)
    with pytest.raises(PermanentError, match="non-finite"):
        release(store)
    assert read_champion(store) == (None, None)


def test_bytes_changed_after_publishing_are_found_and_not_opened(store):
    add_candidate(store)
    manifest, _ = release(store)
    store.put(f"releases/{manifest.release_id}/models/ridge-h1.json", b"\x80\x04K\x01.")
    with pytest.raises(DigestMismatchError, match="it was not opened"):
        verify_release(store, manifest.release_id)


def test_a_manifest_changed_after_publishing_is_found(store):
    add_candidate(store)
    manifest, _ = release(store)
    key = f"releases/{manifest.release_id}/manifest.json"
    store.put(key, store.get(key).replace(b'"better"', b'"bettor"'))
    with pytest.raises(DigestMismatchError, match="the champion pointer names"):
        verify_release(store, manifest.release_id)
    with pytest.raises(DigestMismatchError, match="the champion pointer names"):
        open_release(store, manifest.release_id)


def test_a_folder_that_holds_another_releases_manifest_is_refused_by_all_that_read_it(store):
    add_candidate(store)
    first, _ = release(store)
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    second, _ = release(store, "fedcba9876543210", date(2016, 7, 1))
    for found in store.list(f"releases/{second.release_id}/"):
        store.put(found.key.replace(second.release_id, first.release_id), store.get(found.key))
    wanted = f"expected the manifest of release {first.release_id}, found that of {second.release_id}"
    for read in (verify_release, open_release, read_manifest):
        with pytest.raises(DigestMismatchError, match=wanted):
            read(store, first.release_id)


@pytest.mark.parametrize(
    "change",
    [{"session": "2016-06-29"}, {"candidate_id": "0123456789ffffff"}, {"release_id": "2016-06-30-ffffffffffff"}],
)
def test_a_manifest_whose_id_session_and_candidate_disagree_is_refused(store, change):
    add_candidate(store)
    manifest, _ = release(store, move=False)
    key = f"releases/{manifest.release_id}/manifest.json"
    store.put(key, json.dumps(json.loads(store.get(key)) | change).encode())
    with pytest.raises(DigestMismatchError, match="nothing of it was used"):
        verify_release(store, manifest.release_id)


def test_a_candidate_that_is_judged_again_is_the_same_release_with_its_first_verdict(store):
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    first, _ = release(store, "fedcba9876543210", date(2016, 7, 1), move=False)
    against = read_champion(store)[0].candidate_id
    again = Judged("fedcba9876543210", against, METRICS, "no worse than another champion")
    second, done = publish(store, again, date(2016, 7, 1), "run-2")
    assert (second, done.moved) == (first, True)
    champion, _ = read_champion(store)
    assert next(moves(store, champion)).reason == "no worse than another champion"
    assert verify_release(store, champion.release_id).predicted == 2


def test_what_was_judged_against_another_champion_writes_nothing(store):
    add_candidate(store)
    release(store)
    add_candidate(store, "fedcba9876543210", intercept=1.0)
    before = {found.key: found.version for found in store.list("")}
    with pytest.raises(StaleInputError, match="clear the task 'evaluate'"):
        publish(store, Judged("fedcba9876543210", "00ff", METRICS, "better"), date(2016, 7, 1), "run-2")
    assert {found.key: found.version for found in store.list("")} == before


def test_the_same_candidate_with_another_manifest_is_refused(store):
    add_candidate(store)
    release(store)
    with pytest.raises(DigestMismatchError, match="a release is immutable"):
        release(store, run="run-2", metrics={"h1": HorizonMetrics(ic=0.9)})


def test_a_lost_race_for_the_pointer_is_noticed_and_undoes_nothing(store, monkeypatch):
    first = build_manifest(add_candidate(store), SESSION, METRICS, "better")
    second = build_manifest(add_candidate(store, "fedcba9876543210", intercept=1.0), SESSION, METRICS, "better")
    read, entered, go = threading.Event(), threading.Event(), store.put_if_absent

    def held(key, body):
        entered.set()
        assert read.wait(LONG)
        return go(key, body)

    monkeypatch.setattr(store, "put_if_absent", held)
    failures = []

    def slow():
        try:
            move_champion(store, first, "slow", None)
        except RetryableError as error:
            failures.append(error)

    thread = threading.Thread(target=slow)
    thread.start()
    assert entered.wait(LONG)
    monkeypatch.setattr(store, "put_if_absent", go)
    assert move_champion(store, second, "quick", None).moved
    read.set()
    thread.join(LONG)
    assert "was moved by another run to 2016-06-30-fedcba987654" in str(failures[0])
    assert read_champion(store)[0].release_id == second.release_id


@pytest.mark.parametrize("release_id", ["../candidates", "2016-06-30-000000000000", "", "%2e%2e", "a/../../b"])
def test_an_unknown_release_is_refused_with_the_known_ones(store, release_id):
    add_candidate(store)
    release(store)
    with pytest.raises(ObjectMissingError, match="existing: 2016-06-30-0123456789ab"):
        verify_release(store, release_id)
