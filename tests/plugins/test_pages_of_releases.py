"""The pages of releases: the champion and its history, one release, and two that are compared."""

from __future__ import annotations

import hashlib
import json

import pytest

from afterbell.stores.artifacts import DOCUMENT_BYTES
from tests.plugins.conftest import put
from tests.plugins.pages_world import ENTRY, RUN_ID, champion, put_champion, put_release, put_run


def test_releases_tell_the_champion_its_history_and_their_figures(client, store):
    put_release(store)
    put_release(store, "2026-06-29-ba9876543210", spec={"horizons": [1]})
    entry = {
        "action": "promote", "by": "alice, approved by bob", "reason": "it trades better", "run_id": "manual__r",
        "source": champion("2026-06-29-ba9876543210", moved_at="2026-06-29T20:30:00Z"),
    }  # fmt: skip
    put_champion(store, entry=entry, previous="2026-06-29-ba9876543210")
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
    digest = hashlib.sha256(json.dumps(put_release(store)).encode()).hexdigest()
    put(store, "champion.json", champion(previous="2026-06-29-ba9876543210", manifest_sha256=digest))
    put_run(store)
    (move,) = client.json("/releases")["history"]
    assert (move["source"], move["run_id"]) == ("2026-06-29-ba9876543210", RUN_ID)


@pytest.mark.parametrize("more", [{}, {"audit": f"{ENTRY}.json"}, {"audit": "audit/x.json"}], ids=str)
def test_a_forged_pointer_is_told_on_every_page_that_names_the_champion_and_marks_no_release(client, store, more):
    put_release(store)
    put_release(store, "2026-06-29-ba9876543210")
    put_champion(store)
    put(store, "champion.json", champion("2026-06-29-ba9876543210", **more))
    found = client.json("/releases")
    assert (found["champion"], found["history"]) == (None, [])
    assert not any(each["champion"] for each in found["releases"])
    one = client.json("/releases/2026-06-29-ba9876543210")
    assert (one["champion"], one["is_champion"]) == (None, False)
    for path in ("/releases", "/releases/2026-06-29-ba9876543210"):
        text = client(path).text
        assert "pointer is not trusted" in text
        assert "./afterbell release promote" in text


def test_one_release_is_told_whole(client, store):
    put_release(store)
    found = client.json("/releases/2026-06-30-0123456789ab")
    assert found["metrics"]["columns"] == ["h1", "h5"]
    assert {"name": "sharpe_net", "values": [1.5, None]} in found["metrics"]["rows"]
    assert found["spec"] == {"families.ridge.alpha": 1.0, "horizons": "1, 5"}
    assert "c0ffee" in client("/releases/2026-06-30-0123456789ab").text
    assert client("/releases/2026-06-30-ffffffffffff").status_code == 404


def test_two_releases_are_compared_by_what_differs(client, store):
    put_release(store)
    names = {"sets": [{"set": "core", "definition_hash": "beef", "names": ["mom5", "rsi14"]}]}
    put_release(store, "2026-06-29-ba9876543210", metrics={"h1": {"ic": 0.02, "rank_ic": 0.04}}, features=names)
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
    put_release(store, metrics={"h1": {"ic": 0.05, "rank_ic": 0.04, "sharpe_net": 1.5}})
    put_release(store, "2026-06-29-ba9876543210", metrics={"h1": {"ic": 0.025, "rank_ic": 0.039, "sharpe_net": -1.5}})
    found = client.json("/releases/compare?left=2026-06-29-ba9876543210&right=2026-06-30-0123456789ab")
    (metrics,) = [section for section in found["sections"] if section["title"] == "Metrics"]
    # as shares of the larger value: 3 of 1.5, 0.025 of 0.05, 0.001 of 0.04
    assert [row["name"] for row in metrics["rows"]] == ["h1.sharpe_net", "h1.ic", "h1.rank_ic"]


def test_a_broken_manifest_is_told_and_hides_no_other(client, store):
    put_release(store)
    put(store, "releases/2026-06-29-ba9876543210/manifest.json", b"<html>")
    put_champion(store)
    found = {each["release_id"]: each for each in client.json("/releases")["releases"]}
    assert "is not a manifest" in found["2026-06-29-ba9876543210"]["unreadable"]
    assert "unreadable" not in found["2026-06-30-0123456789ab"]
    assert client("/releases/2026-06-29-ba9876543210").status_code == 502


def test_a_manifest_that_is_far_too_large_is_told_and_hides_no_other(client, store):
    put_release(store)
    put(store, "releases/2026-06-29-ba9876543210/manifest.json", bytes(DOCUMENT_BYTES + 1))
    put_champion(store)
    found = {each["release_id"]: each for each in client.json("/releases")["releases"]}
    assert "expected at most 33554432 bytes, found 33554433" in found["2026-06-29-ba9876543210"]["unreadable"]
    assert "unreadable" not in found["2026-06-30-0123456789ab"]
    assert client("/releases/2026-06-29-ba9876543210").status_code == 502
