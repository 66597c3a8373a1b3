"""A person promotes and rolls back: verified first, audited, once, and not undone behind their back. On a real S3."""

from __future__ import annotations

import json
from datetime import date

import pytest

from afterbell.errors import (
    ConfigError,
    DigestMismatchError,
    ObjectMissingError,
    PermanentError,
    RetryableError,
    StaleInputError,
)
from afterbell.release import publish as publishing
from afterbell.release.audit import moves, not_carried_out
from afterbell.release.catalog import read_champion, verify_release
from afterbell.release.promotion import carry_out, choice, plan
from afterbell.release.publish import Judged, publish
from afterbell.run.contracts.models import HorizonMetrics
from tests.release.conftest import RIDGE, add_candidate

pytestmark = pytest.mark.services
IDS = ("00aa00aa00aa00aa", "11bb11bb11bb11bb", "22cc22cc22cc22cc")
DAYS = (date(2016, 6, 28), date(2016, 6, 29), date(2016, 6, 30))
A, B, C = (f"{day}-{one[:12]}" for day, one in zip(DAYS, IDS, strict=True))


def daily(store, number, day=None, run="run"):
    """What the daily run's last step does with a candidate that won."""
    champion, _ = read_champion(store)
    against = champion.candidate_id if champion else None
    return publish(
        store, Judged(IDS[number], against, {"h1": HorizonMetrics(ic=0.05)}, "better"), day or DAYS[number], run
    )[1]


@pytest.fixture
def served(store):
    """Three sessions in a row were published; the last one serves."""
    for number, one in enumerate(IDS):
        add_candidate(store, one, intercept=float(number))
        daily(store, number)
    return store


def asked(action="rollback", release_id="", reason="the signals were upside down", by="ann", run_id="cli"):
    return choice(action=action, release_id=release_id, reason=reason, by=by, run_id=run_id)


def serves(store):
    return read_champion(store)[0].release_id


def test_a_rollback_goes_to_the_champion_before_and_says_who_did_it_and_why(served):
    done = carry_out(served, asked())
    assert (done.champion, done.moved) == (B, True)
    entry = next(moves(served, read_champion(served)[0]))
    assert (entry.action, entry.by, entry.reason) == ("rollback", "ann", "the signals were upside down")
    assert (entry.source.release_id, entry.target.release_id) == (C, B)
    confirmed = json.loads(served.get(entry.key.removesuffix(".json") + ".moved.json"))
    assert confirmed["entry"] == entry.key


def test_the_whole_trail_can_be_read_back_from_the_pointer(served):
    carry_out(served, asked())
    trail = list(moves(served, read_champion(served)[0]))
    assert [(one.action, one.target.release_id) for one in trail] == [
        ("rollback", B), ("publish", C), ("publish", B), ("publish", A),
    ]  # fmt: skip
    assert trail[-1].source is None
    assert not_carried_out(served, read_champion(served)[0]) == []


def test_the_same_request_again_moves_nothing(served):
    carry_out(served, asked())
    before = served.get("champion.json")
    again = carry_out(served, asked())
    assert (again.champion, again.moved) == (B, False)
    assert "this very request made" in again.reason
    assert served.get("champion.json") == before


def test_another_rollback_goes_one_further_and_never_back_to_what_was_rolled_back(served):
    carry_out(served, asked())
    assert carry_out(served, asked(reason="this one as well")).champion == A
    with pytest.raises(ConfigError, match="name the release to roll back to"):
        carry_out(served, asked(reason="and this one"))
    assert serves(served) == A


def test_a_rollback_to_a_named_release(served):
    assert carry_out(served, asked(release_id=A)).champion == A
    assert read_champion(served)[0].previous is None


def test_a_rollback_of_a_promotion_goes_back_to_what_served_and_does_not_swing(served):
    carry_out(served, asked("promote", A))
    assert read_champion(served)[0].previous == C
    assert carry_out(served, asked()).champion == C
    assert read_champion(served)[0].previous == B


@pytest.mark.parametrize("action", ["rollback", "promote"])
def test_the_run_of_the_same_or_of_an_earlier_session_does_not_undo_what_a_person_chose(served, action):
    carry_out(served, asked(action, A))
    for number in (2, 1):
        done = daily(served, number, run="rerun")
        assert (done.champion, done.moved) == (A, False)
        assert "a person chose the champion" in done.reason
    # Nor does another candidate of that session.
    add_candidate(served, "33dd33dd33dd33dd")
    champion, _ = read_champion(served)
    judged = Judged("33dd33dd33dd33dd", champion.candidate_id, {}, "better")
    assert not publish(served, judged, DAYS[2], "retrained")[1].moved


def test_the_next_session_competes_with_the_release_that_was_rolled_back_to(served):
    carry_out(served, asked())
    add_candidate(served, "33dd33dd33dd33dd")
    champion, _ = read_champion(served)
    assert champion.candidate_id == IDS[1]
    done = publish(served, Judged("33dd33dd33dd33dd", IDS[1], {}, "better"), date(2016, 7, 1), "next")[1]
    assert (done.moved, done.previous) == (True, B)
    assert read_champion(served)[0].chosen_until is None


def test_a_run_that_was_judged_before_the_rollback_is_told_to_judge_again(served):
    add_candidate(served, "33dd33dd33dd33dd")
    judged = Judged("33dd33dd33dd33dd", IDS[2], {}, "better")
    carry_out(served, asked())
    with pytest.raises(StaleInputError, match="clear the task 'evaluate'"):
        publish(served, judged, date(2016, 7, 1), "in flight")
    assert serves(served) == B


def test_a_person_may_promote_an_older_release(served):
    assert carry_out(served, asked("promote", A, "the old one is sound")).moved
    assert serves(served) == A


def test_what_serves_already_is_left_alone(served):
    before = served.get("champion.json")
    done = carry_out(served, asked("promote", C))
    assert (done.moved, done.reason) == (False, f"{C} is the champion already")
    assert served.get("champion.json") == before


def test_a_plan_changes_nothing(served):
    before = {found.key: found.version for found in served.list("")}
    found = plan(served, asked())
    assert (found.champion, found.target, found.moves, found.verified.predicted) == (C, B, True, 2)
    assert {found.key: found.version for found in served.list("")} == before


def test_a_release_whose_bytes_changed_is_not_opened_and_the_champion_stays(served):
    served.put(f"releases/{B}/models/ridge-h1.json", b"\x80\x04K\x01.")
    with pytest.raises(DigestMismatchError, match="it was not opened"):
        carry_out(served, asked())
    assert serves(served) == C
    assert not_carried_out(served, read_champion(served)[0]) == []


def test_a_release_whose_manifest_changed_since_it_served_is_refused(served):
    key = f"releases/{B}/manifest.json"
    served.put(key, served.get(key).replace(b'"better"', b'"bettor"'))
    for ask in (lambda: carry_out(served, asked()), lambda: verify_release(served, B)):
        with pytest.raises(DigestMismatchError, match=rf"the manifest of {B} has .* but audit/.* names"):
            ask()
    assert serves(served) == C


def test_a_past_champion_that_holds_another_releases_manifest_is_refused(served):
    for found in served.list(f"releases/{A}/"):
        served.put(found.key.replace(A, B), served.get(found.key))
    for ask in (lambda: carry_out(served, asked()), lambda: verify_release(served, B)):
        with pytest.raises(DigestMismatchError, match=f"expected the manifest of release {B}, found that of {A}"):
            ask()
    assert serves(served) == C


def test_after_a_rollback_the_run_in_flight_is_judged_again_and_published(served):
    """The runbook's remedy: `evaluate` is cleared, its verdict has another reason, the candidate is the same."""
    add_candidate(served, "33dd33dd33dd33dd", intercept=3.0)
    next_day = date(2016, 7, 1)
    carry_out(served, asked())
    with pytest.raises(StaleInputError, match="clear the task 'evaluate'"):
        publish(served, Judged("33dd33dd33dd33dd", IDS[2], {}, "no worse than C"), next_day, "in flight")
    manifest, done = publish(served, Judged("33dd33dd33dd33dd", IDS[1], {}, "no worse than B"), next_day, "in flight")
    assert (done.moved, done.previous, serves(served)) == (True, B, manifest.release_id)


def test_a_rollback_after_the_release_was_written_and_before_the_pointer_moved_ends_well_too(served, monkeypatch):
    add_candidate(served, "33dd33dd33dd33dd", intercept=3.0)
    next_day = date(2016, 7, 1)

    def rolled_back_meanwhile(*given, **more):
        carry_out(served, asked())
        return verify_release(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "verify_release", rolled_back_meanwhile)
        with pytest.raises(StaleInputError, match="clear the task 'evaluate'"):
            publish(served, Judged("33dd33dd33dd33dd", IDS[2], {}, "no worse than C"), next_day, "in flight")
    manifest, done = publish(served, Judged("33dd33dd33dd33dd", IDS[1], {}, "no worse than B"), next_day, "in flight")
    assert (done.moved, done.previous, serves(served)) == (True, B, manifest.release_id)
    assert manifest.verdict["reason"] == "no worse than C"  # as it was first written
    assert next(moves(served, read_champion(served)[0])).reason == "no worse than B"


def test_a_release_that_does_not_predict_never_serves(served):
    body = json.dumps(RIDGE | {"scales": [1e-320, 1e-320], "coefficients": [1e308, 1e308], "clip": 1e308}).encode()
    bad = add_candidate(served, "44ee44ee44ee44ee", model=body)
    from afterbell.release.publish import build_manifest, upload  # noqa: PLC0415

    manifest = build_manifest(bad, DAYS[2], {}, "by hand")
    upload(served, manifest)
    with pytest.raises(PermanentError, match="non-finite"):
        carry_out(served, asked("promote", manifest.release_id))
    assert serves(served) == C


def test_agreement_is_to_the_champion_that_was_shown(served):
    with pytest.raises(StaleInputError, match=f"the champion is {C} now"):
        carry_out(served, asked("promote", B), seen=A)
    assert serves(served) == C


def test_a_crash_after_the_pointer_and_before_the_answer_is_done_when_asked_again(served, monkeypatch):
    asking, put = asked(run_id="manual__1"), served.put_if_absent

    def crashes(key, body):
        if key.endswith(".moved.json"):
            raise KeyboardInterrupt
        return put(key, body)

    monkeypatch.setattr(served, "put_if_absent", crashes)
    with pytest.raises(KeyboardInterrupt):
        carry_out(served, asking)
    assert serves(served) == B
    monkeypatch.setattr(served, "put_if_absent", put)
    assert not carry_out(served, asking).moved
    assert serves(served) == B
    entry = next(moves(served, read_champion(served)[0]))
    assert served.exists(entry.key.removesuffix(".json") + ".moved.json")


def test_a_crash_before_the_pointer_leaves_an_entry_that_is_told_as_not_carried_out(served, monkeypatch):
    put = served.put_if_match

    def crashes(key, body, etag):
        raise KeyboardInterrupt

    monkeypatch.setattr(served, "put_if_match", crashes)
    with pytest.raises(KeyboardInterrupt):
        carry_out(served, asked())
    monkeypatch.setattr(served, "put_if_match", put)
    assert serves(served) == C
    (left,) = not_carried_out(served, read_champion(served)[0])
    assert (left.action, left.target.release_id) == ("rollback", B)
    assert carry_out(served, asked()).moved
    assert [one.id for one in not_carried_out(served, read_champion(served)[0])] == [left.id]


def test_two_people_at_once_one_wins_and_the_other_is_told(served, monkeypatch):
    put = served.put_if_match

    def slower(key, body, etag):
        monkeypatch.setattr(served, "put_if_match", put)
        carry_out(served, asked("promote", A, by="bob"))
        return put(key, body, etag)

    monkeypatch.setattr(served, "put_if_match", slower)
    with pytest.raises(RetryableError, match=f"moved by another run to {A}"):
        carry_out(served, asked())
    assert serves(served) == A


def test_a_pointer_of_before_there_was_a_trail_can_be_rolled_back(served):
    found = json.loads(served.get("champion.json"))
    for name in ("audit", "chosen_until"):
        del found[name]
    for item in served.list("audit/"):
        served.delete(item.key)
    served.put("champion.json", json.dumps(found).encode())
    served.put("runs/2016-06-30/run/publish.json", json.dumps({"release_id": C, "moved": True}).encode())
    assert carry_out(served, asked()).champion == B
    assert read_champion(served)[0].previous is None
    (entry,) = moves(served, read_champion(served)[0])
    assert entry.source.release_id == C


def test_without_any_champion_there_is_nothing_to_roll_back(store):
    with pytest.raises(ConfigError, match="nothing has been published yet"):
        carry_out(store, asked())


@pytest.mark.parametrize("release_id", ["2016-06-30-000000000000"])
def test_a_release_that_is_not_there_is_refused_with_those_that_are(served, release_id):
    with pytest.raises(ObjectMissingError, match=f"existing: {A}"):
        carry_out(served, asked("promote", release_id))


@pytest.mark.parametrize(
    "wrong",
    [
        {"release_id": "../champion"}, {"release_id": "%2e%2e"}, {"release_id": "2016-06-30-0123456789ab\n"},
        {"release_id": "2016-06-30-0123456789ab; rm -rf /"}, {"release_id": "{{ ds }}"}, {"release_id": "-1"},
        {"release_id": "/etc/passwd"}, {"release_id": "a\\b"}, {"reason": ""}, {"reason": "x"},
        {"reason": "two\nlines"}, {"reason": "nul\0"}, {"reason": "y" * 501}, {"action": "delete"}, {"by": ""},
        {"action": "promote"},
    ],
    ids=str,
)  # fmt: skip
def test_a_hostile_request_is_refused_with_the_field_that_is_wrong(wrong):
    with pytest.raises(ConfigError, match="the champion was not touched: ") as caught:
        asked(**wrong)
    assert "release_id" in str(caught.value) or next(iter(wrong)) in str(caught.value)


@pytest.mark.parametrize("reason", ["; rm -rf /", "$(id)", "{{ conn.afterbell_s3.password }}", "--conf x"])
def test_a_reason_is_kept_as_it_was_typed(served, reason):
    carry_out(served, asked(reason=reason))
    assert next(moves(served, read_champion(served)[0])).reason == reason
