"""Rows 40, 41 and 42: what a release names is gone; the pointer's write gets no answer, or meets another writer's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from afterbell.errors import (
    ObjectMissingError,
    PermanentError,
    PreconditionFailedError,
    RetryableError,
    UnknownOutcomeError,
)
from afterbell.release.catalog import read_champion, verify_release
from afterbell.release.manifest import Manifest
from afterbell.release.publish import build_manifest, move_champion, upload
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.stores.artifacts import ArtifactStore
from tests.faults.conftest import CALM, HASTY, SLOW_DOWN, Stage
from tests.faults.proxy import Action, Answer, Pass, Reset, Stall
from tests.release.conftest import add_candidate

pytestmark = pytest.mark.services
FIRST, SECOND, OTHER = "0123456789abcdef", "fedcba9876543210", "00112233445566ff"
DAY, NEXT = date(2016, 6, 30), date(2016, 7, 1)
POINTER = "^PUT .*/champion.json"


@pytest.fixture
def direct(stage: Stage) -> ArtifactStore:
    """The artifact store, past the proxy and empty."""
    found = ArtifactStore(stage.direct.s3)
    for item in found.list(""):
        found._bucket.client.delete_object(Bucket=found.bucket, Key=item.key)
    return found


def released(store: ArtifactStore, candidate: str, session: date) -> Manifest:
    """A release of ``candidate`` that stands complete, and that the pointer does not name yet."""
    manifest = build_manifest(add_candidate(store, candidate), session, {"h1": HorizonMetrics(ic=0.05)}, "better")
    upload(store, manifest)
    return manifest


def everything(store: ArtifactStore) -> dict[str, str]:
    return {item.key: item.version for item in store.list("")}


def test_row_40_a_model_that_the_manifest_names_and_is_gone_is_data_loss(stage: Stage, direct: ArtifactStore) -> None:
    manifest = released(direct, FIRST, DAY)
    key = f"releases/{manifest.release_id}/models/ridge-h5.json"
    direct._bucket.client.delete_object(Bucket=direct.bucket, Key=key)
    with pytest.raises(ObjectMissingError, match=f"{key}.*the object does not exist") as caught:
        verify_release(stage.artifacts(), manifest.release_id)
    assert isinstance(caught.value, PermanentError)
    assert len(stage.s3.script.matching(f"^GET .*{key}")) == 1


@pytest.mark.parametrize("fault", [Stall(landed=True), Reset(landed=True)], ids=["no answer in time", "reset"])
@pytest.mark.parametrize("first", [True, False], ids=["first release", "next release"])
def test_row_41_a_pointer_write_that_landed_without_an_answer_is_seen_by_reading_again(
    stage: Stage, direct: ArtifactStore, fault: Action, first: bool
) -> None:
    against = None
    if not first:
        move_champion(direct, released(direct, FIRST, DAY), "run-1", None)
        against = FIRST
    manifest = released(direct, SECOND, NEXT)
    before = everything(direct)
    stage.s3.on(POINTER, fault)
    timeouts = HASTY if isinstance(fault, Stall) else CALM
    done = move_champion(stage.artifacts(timeouts), manifest, "run-2", against)
    assert (done.champion, done.moved) == (manifest.release_id, True)
    assert len(stage.s3.script.matching(POINTER)) == 1  # sent once: a second one would meet the first one's success
    after = everything(direct)
    assert {key: after[key] for key in before if key != "champion.json"} == {
        key: version for key, version in before.items() if key != "champion.json"
    }, "something was deleted or rewritten"


@pytest.mark.parametrize("fault", [Stall(), Reset(), Answer(503, SLOW_DOWN)], ids=["no answer in time", "reset", "503"])
def test_row_41_a_pointer_write_that_did_not_land_leaves_the_champion_and_can_be_tried_again(
    stage: Stage, direct: ArtifactStore, fault: Action
) -> None:
    old = released(direct, FIRST, DAY)
    move_champion(direct, old, "run-1", None)
    manifest = released(direct, SECOND, NEXT)
    before = everything(direct)
    stage.s3.on(POINTER, fault)
    with pytest.raises(RetryableError, match=rf"still names {old.release_id}; try again"):
        move_champion(stage.artifacts(HASTY if isinstance(fault, Stall) else CALM), manifest, "run-2", FIRST)
    left = {key: version for key, version in everything(direct).items() if not key.startswith("audit/")}
    assert left == {key: version for key, version in before.items() if not key.startswith("audit/")}
    assert move_champion(stage.artifacts(), manifest, "run-2", FIRST).moved


def test_row_41_an_unknown_outcome_says_so_and_is_neither_success_nor_failure(
    stage: Stage, direct: ArtifactStore
) -> None:
    stage.s3.on(POINTER, Stall(landed=True))
    with pytest.raises(UnknownOutcomeError, match=r"may have been written: read it again, delete nothing"):
        stage.artifacts(HASTY).put_if_absent("champion.json", b"new")
    assert direct.get("champion.json") == b"new"


def race(stage: Stage, write: Callable[[], object]) -> None:
    """Another writer is faster by a hair: it writes when the pointer's write is already on its way."""
    stage.s3.on(POINTER, Pass(before=write))


@pytest.mark.parametrize("first", [True, False], ids=["first release", "next release"])
def test_row_42_a_race_lost_to_the_same_release_changes_nothing(
    stage: Stage, direct: ArtifactStore, first: bool
) -> None:
    against = None
    if not first:
        move_champion(direct, released(direct, FIRST, DAY), "run-1", None)
        against = FIRST
    manifest = released(direct, SECOND, NEXT)
    race(stage, lambda: move_champion(direct, manifest, "run-of-the-twin", against))
    done = move_champion(stage.artifacts(), manifest, "run-2", against)
    assert (done.champion, done.moved) == (manifest.release_id, False)
    champion, _ = read_champion(direct)
    assert champion is not None
    assert champion.run_id == "run-of-the-twin"


def test_row_42_a_race_lost_to_another_release_fails_and_leaves_the_winner(stage: Stage, direct: ArtifactStore) -> None:
    move_champion(direct, released(direct, FIRST, DAY), "run-1", None)
    mine, other = released(direct, SECOND, NEXT), released(direct, OTHER, NEXT)
    race(stage, lambda: move_champion(direct, other, "run-3", FIRST))
    with pytest.raises(RetryableError, match=rf"moved by another run to {other.release_id} while {mine.release_id}"):
        move_champion(stage.artifacts(), mine, "run-2", FIRST)
    champion, _ = read_champion(direct)
    assert champion is not None
    assert champion.release_id == other.release_id


def test_row_42_a_precondition_that_failed_is_told_from_every_other_fault(stage: Stage, direct: ArtifactStore) -> None:
    store = stage.artifacts()
    etag = direct.put("champion.json", b"old")
    direct.put("champion.json", b"moved")
    with pytest.raises(PreconditionFailedError, match="another writer was faster"):
        store.put_if_match("champion.json", b"new", etag)
    assert len(stage.s3.script.matching(POINTER)) == 1
    assert direct.get("champion.json") == b"moved"
