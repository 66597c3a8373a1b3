"""The champion's pointer is believed with its audit entry alone, by every reader. On a real S3."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from afterbell.cli import release as cli
from afterbell.errors import UnprovenPointerError
from afterbell.experiments import resolve
from afterbell.release import __main__ as publishing
from afterbell.release import check, promotion
from afterbell.release import publish as publish_module
from afterbell.release.audit import moves
from afterbell.release.catalog import read_champion, verify_release
from afterbell.release.publish import Judged, publish
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.scoring.models import open_release
from tests.release.conftest import add_candidate
from tests.steps import step_args

pytestmark = pytest.mark.services
IDS = ("00aa00aa00aa00aa", "11bb11bb11bb11bb", "22cc22cc22cc22cc", "33dd33dd33dd33dd")
DAYS = (date(2016, 6, 28), date(2016, 6, 29), date(2016, 6, 30), date(2016, 7, 1))
A, B, C, BACKFILLED = (f"{day}-{one[:12]}" for day, one in zip(DAYS, IDS, strict=True))
LATER = datetime(2190, 1, 1, tzinfo=UTC)


def daily(store, number, move=True):
    champion, _ = read_champion(store)
    judged = Judged(IDS[number], champion.candidate_id if champion else None, {"h1": HorizonMetrics(ic=0.05)}, "better")
    return publish(store, judged, DAYS[number], f"run-{number}", move=move)[1]


@pytest.fixture
def served(store, services, monkeypatch):
    """Three sessions in a row were published, the last one serves; a backfill made a release beside them."""
    for name, value in (services.env | {"AFTERBELL_ARTIFACT_BUCKET": "release-tests"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cli, "_releases", lambda **_: nullcontext(store))
    for number, one in enumerate(IDS):
        add_candidate(store, one, session=DAYS[number].isoformat(), intercept=float(number))
        daily(store, number, move=number < 3)
    return store


def pointer(store):
    return json.loads(store.get("champion.json"))


def entry_keys(store):
    return [found.key for found in store.list("audit/") if not found.key.endswith(".moved.json")]


def naming(store, release, **more):
    """What a forger writes who knows the format: an existing release, with the digest of its manifest."""
    manifest = store.get(f"releases/{release}/manifest.json")
    told = json.loads(manifest)
    return pointer(store) | {
        "release_id": release, "session": told["session"], "candidate_id": told["candidate_id"],
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
    } | more  # fmt: skip


def without_an_entry(store):
    return naming(store, A, audit=None)


def with_the_champions_entry(store):
    return naming(store, A)


def with_the_entry_of_an_older_move(store):
    return naming(store, BACKFILLED, audit=entry_keys(store)[0])


def with_an_entry_that_is_not_there(store):
    return naming(store, B, audit="audit/20990101T000000.000000Z-0123456789abcdef.json")


def a_backfills_release(store):
    return naming(store, BACKFILLED, audit=None, run_id="run-3")


def an_altered_release(store):
    body = store.get(f"releases/{C}/manifest.json").replace(b'"better"', b'"bettor"')
    store.put(f"releases/{C}/manifest.json", body)
    return naming(store, C)


def another_candidate(store):
    return pointer(store) | {"candidate_id": IDS[0]}


def another_rollback(store):
    return pointer(store) | {"previous": BACKFILLED}


def held_against_all_runs(store):
    return pointer(store) | {"chosen_until": "2099-12-31"}


def an_entry_under_another_name(store):
    key = "audit/20990101T000000.000000Z-0123456789abcdef.json"
    store.put(key, store.get(entry_keys(store)[-1]))
    return pointer(store) | {"audit": key}


def put_back_from_before(store):
    old = json.loads(store.get(entry_keys(store)[1]))["target"]
    return old | {"audit": entry_keys(store)[1]}


def put_back_from_the_beginning(store):
    old = json.loads(store.get(entry_keys(store)[0]))["target"]
    return old | {"audit": entry_keys(store)[0]}


def of_a_race_that_was_lost(store):
    """Its entry was written, from the same champion as the winner's, and a hair later."""
    won = json.loads(store.get(entry_keys(store)[-1]))
    at = datetime.fromisoformat(won["at"]) + timedelta(seconds=1)
    lost = won | {"id": "fedcba9876543210", "at": at.isoformat(), "target": naming(store, BACKFILLED, audit=None)}
    key = f"audit/{at:%Y%m%dT%H%M%S.%fZ}-fedcba9876543210.json"
    store.put(key, json.dumps(lost).encode())
    return lost["target"] | {"audit": key}


def no_json(store):
    return None


def removed(store):
    store.delete("champion.json")


FORGERIES = [
    without_an_entry, with_the_champions_entry, with_the_entry_of_an_older_move, with_an_entry_that_is_not_there,
    a_backfills_release, an_altered_release, another_candidate, another_rollback, held_against_all_runs,
    an_entry_under_another_name, put_back_from_before, put_back_from_the_beginning, of_a_race_that_was_lost, no_json,
]  # fmt: skip


def forge(store, how):
    body = how(store)
    if how is not removed:
        store.put("champion.json", b"<html>" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize("how", FORGERIES, ids=lambda how: how.__name__)
def test_a_pointer_that_no_move_made_is_refused_with_what_to_do(served, how):
    assert read_champion(served)[0].release_id == C
    forge(served, how)
    with pytest.raises(UnprovenPointerError, match=rf"(?s)champion\.json.*release promote {C} --reason"):
        read_champion(served)


def test_a_pointer_that_was_removed_is_refused_too(served):
    served.delete("champion.json")
    with pytest.raises(UnprovenPointerError, match=r"champion\.json is missing, but audit/.* confirms a move"):
        read_champion(served)
    with pytest.raises(UnprovenPointerError):
        publish(served, Judged(IDS[3], None, {}, "the first one"), DAYS[3], "run-9")


def step(name, **inputs):
    return step_args(name, DAYS[3], "run-9", LATER, inputs)


NOTHING_JUDGED = {"candidate_id": None, "champion_candidate_id": None, "metrics": {}, "origin": "manual"}


@pytest.mark.parametrize(
    "reader",
    [
        lambda store: open_release(store, A),
        lambda store: publish(store, Judged(IDS[3], IDS[0], {}, "better"), DAYS[3], "run-9"),
        lambda store: publish(store, Judged(IDS[3], IDS[0], {}, "better"), DAYS[3], "run-9", move=False),
        lambda _: publishing.main(step("publish", verdict="keep", reason="not better", **NOTHING_JUDGED)),
        lambda _: check.main(step("check_release", action="verify", release_id="", reason="", by="ann")),
    ],
    ids=["score", "publish", "publish a backfill", "keep", "release_admin"],
)  # fmt: skip
def test_no_step_believes_a_forged_pointer(served, reader):
    forge(served, without_an_entry)
    forged = served.get("champion.json")
    with pytest.raises(UnprovenPointerError, match="and no entry of the audit trail"):
        reader(served)
    assert served.get("champion.json") == forged


def test_an_experiment_does_not_begin_beside_a_forged_pointer(served, monkeypatch):
    monkeypatch.setattr(resolve, "asked", lambda _: ("0" * 16, None))
    monkeypatch.setattr(resolve, "require_data", lambda *_: None)
    monkeypatch.setattr(resolve, "heads", lambda *_: (1, 1, None, None))
    forge(served, without_an_entry)
    with pytest.raises(UnprovenPointerError):
        resolve.main(step("experiment_resolve", experiment="0" * 16, request={}))


@pytest.mark.parametrize(
    "words", [["show"], ["show", "champion", "--json"], ["verify"], ["history"], ["list"]], ids=str
)
def test_no_command_believes_a_forged_pointer(served, words):
    forge(served, without_an_entry)
    answer = CliRunner().invoke(cli.app, words)
    assert answer.exit_code != 0
    assert "no entry of the audit trail" in " ".join(answer.output.split())


def test_the_list_names_the_releases_for_the_remedy_and_marks_none(served):
    forge(served, without_an_entry)
    answer = CliRunner().invoke(cli.app, ["list"])
    assert answer.exit_code != 0
    for release in (A, B, C, BACKFILLED):
        assert "False" in next(line for line in answer.stdout.splitlines() if release in line)
    answer = CliRunner().invoke(cli.app, ["list", "--json"])
    assert answer.exit_code != 0
    assert json.loads(answer.stdout)["error"]["type"] == "UnprovenPointerError"


@pytest.mark.parametrize("how", [*FORGERIES, removed], ids=lambda how: how.__name__)
def test_the_remedy_of_the_message_puts_it_right_and_the_trail_goes_on_from_the_true_champion(served, how):
    manifest = served.get(f"releases/{C}/manifest.json")
    forge(served, how)
    served.put(f"releases/{C}/manifest.json", manifest)
    asked = promotion.choice(action="promote", release_id=C, reason="the pointer was forged", by="ann")
    assert promotion.carry_out(served, asked).moved
    champion, _ = read_champion(served)
    assert (champion.release_id, champion.previous) == (C, B)
    assert [entry.target.release_id for entry in moves(served, champion)] == [C, C, B, A]
    assert "champion.json" in next(moves(served, champion)).refused
    assert not promotion.carry_out(served, asked).moved
    assert verify_release(served, C).predicted == 2
    add_candidate(served, "44ee44ee44ee44ee", session="2016-07-05")
    assert publish(served, Judged("44ee44ee44ee44ee", IDS[2], {}, "better"), date(2016, 7, 5), "next")[1].moved


def test_a_rollback_beside_a_forged_pointer_has_to_name_the_release(served):
    forge(served, without_an_entry)
    with pytest.raises(UnprovenPointerError, match="Name the release"):
        promotion.carry_out(served, promotion.choice(action="rollback", reason="what is this", by="ann"))
    named = promotion.choice(action="rollback", release_id=B, reason="what is this", by="ann")
    assert promotion.carry_out(served, named).champion == B
    assert read_champion(served)[0].previous == A


def crash(monkeypatch, store, method, wanted):
    real = getattr(store, method)

    def crashes(key, *given):
        if wanted(key):
            raise KeyboardInterrupt
        return real(key, *given)

    monkeypatch.setattr(store, method, crashes)


@pytest.mark.parametrize(
    ("method", "wanted", "serves"),
    [
        ("put_if_match", lambda key: key == "champion.json", C),
        ("put_if_absent", lambda key: key.endswith(".moved.json"), BACKFILLED),
    ],
    ids=["before the pointer", "before the confirmation"],
)
def test_a_crash_in_the_middle_of_a_move_wedges_nobody(served, monkeypatch, method, wanted, serves):
    with monkeypatch.context() as patch:
        crash(patch, served, method, wanted)
        with pytest.raises(KeyboardInterrupt):
            daily(served, 3)
    assert read_champion(served)[0].release_id == serves
    assert daily(served, 3).champion == BACKFILLED
    champion, _ = read_champion(served)
    assert (champion.release_id, champion.previous) == (BACKFILLED, C)
    assert served.exists(champion.audit.removesuffix(".json") + ".moved.json")


def test_a_crash_of_the_very_first_publish_leaves_nothing_that_serves(store, monkeypatch):
    add_candidate(store, IDS[0])
    with monkeypatch.context() as patch:
        crash(patch, store, "put_if_absent", lambda key: key == "champion.json")
        with pytest.raises(KeyboardInterrupt):
            daily(store, 0)
    assert read_champion(store) == (None, None)
    assert daily(store, 0).moved


def test_a_reader_that_is_overtaken_by_a_move_looks_again(served, monkeypatch):
    real, waiting = served.list, [True]

    def overtaken(*given, **more):
        if waiting:
            waiting.clear()
            daily(served, 3)
        return real(*given, **more)

    monkeypatch.setattr(served, "list", overtaken)
    assert read_champion(served)[0].release_id == BACKFILLED


def test_a_clock_that_ran_ahead_neither_wedges_the_trail_nor_lets_an_old_pointer_back(served, monkeypatch):
    ahead = datetime.now(UTC) + timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr(publish_module, "next_instant", lambda _: ahead)
        daily(served, 3)
    of_the_clock = served.get("champion.json")
    asked = promotion.choice(action="rollback", reason="upside down", by="ann")
    assert promotion.carry_out(served, asked).champion == C
    assert read_champion(served)[0].release_id == C
    served.put("champion.json", of_the_clock)
    with pytest.raises(UnprovenPointerError, match="a later one, was confirmed"):
        read_champion(served)


def test_moves_out_of_the_order_of_their_clocks_are_believed(served, monkeypatch):
    """Former versions wrote each machine's clock down as it was."""
    clocks = iter([timedelta(hours=2), timedelta(hours=1), timedelta(hours=1.5)])
    now = datetime.now(UTC)
    monkeypatch.setattr(promotion, "next_instant", lambda _: now + next(clocks))
    for number, wanted in enumerate((A, B, C)):
        asked = promotion.choice(action="promote", release_id=wanted, reason=f"number {number}", by="ann")
        assert promotion.carry_out(served, asked).moved
        assert read_champion(served)[0].release_id == wanted


def requests(store, read):
    """How many requests it sends."""
    sent = []
    events = store._bucket.client.meta.events
    events.register("before-send.s3", lambda request, **_: sent.append(request.url), unique_id="count")
    try:
        read()
    finally:
        events.unregister("before-send.s3", unique_id="count")
    return len(sent)


def test_a_long_history_costs_no_more_than_a_short_one(served):
    assert requests(served, lambda: read_champion(served)) == 3
    template = {entry.key: entry.to_bytes() for entry in moves(served, read_champion(served)[0])}
    body = next(iter(template.values()))
    for number in range(1100):  # more than a page of a listing, all of before the moves that count
        key = f"audit/20150101T000000.{number:06d}Z-0123456789abcdef"
        served.put(f"{key}.json", body)
        served.put(f"{key}.moved.json", b"{}")
    assert requests(served, lambda: read_champion(served)) == 3


def as_of_version_0_2(store):
    """What a store of before there was a trail looks like: no entries, and the results of its runs."""
    found = pointer(store)
    for name in ("audit", "chosen_until"):
        del found[name]
    for item in store.list("audit/"):
        store.delete(item.key)
    store.put("champion.json", json.dumps(found).encode())
    result = {"release_id": C, "published": C, "previous": B, "moved": True, "reason": "the pointer moved"}
    store.put("runs/2016-06-30/run_2/publish.json", json.dumps(result).encode())


def test_the_champion_of_a_former_version_serves_on_and_its_next_move_begins_the_trail(served):
    as_of_version_0_2(served)
    assert read_champion(served)[0].release_id == C
    old = served.get("champion.json")
    assert daily(served, 3).moved
    assert read_champion(served)[0].release_id == BACKFILLED
    served.put("champion.json", old)
    with pytest.raises(UnprovenPointerError, match=r"and no entry of the audit trail, but audit/.* confirms a move"):
        read_champion(served)


@pytest.mark.parametrize("release", [A, BACKFILLED])
def test_a_forged_pointer_does_not_pass_for_one_of_a_former_version(served, release):
    as_of_version_0_2(served)
    kept = {"release_id": C, "published": BACKFILLED, "previous": B, "moved": False, "reason": "a backfill"}
    served.put("runs/2016-07-01/run_3/publish.json", json.dumps(kept).encode())
    forged = naming(served, release, run_id="run-3")
    served.put("champion.json", json.dumps(forged).encode())
    with pytest.raises(UnprovenPointerError, match="release promote RELEASE --reason"):
        read_champion(served)
    asked = promotion.choice(action="promote", release_id=C, reason="the true one", by="ann")
    assert promotion.carry_out(served, asked).moved
    assert read_champion(served)[0].release_id == C


def test_a_crash_before_the_first_move_of_a_new_version_leaves_the_old_champion(served, monkeypatch):
    as_of_version_0_2(served)
    with monkeypatch.context() as patch:
        crash(patch, served, "put_if_match", lambda key: key == "champion.json")
        with pytest.raises(KeyboardInterrupt):
            daily(served, 3)
    assert read_champion(served)[0].release_id == C
    assert daily(served, 3).moved
