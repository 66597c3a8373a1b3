"""What a manifest says of the features, in releases of today and of before."""

from __future__ import annotations

import json

import pytest

from afterbell.errors import DigestMismatchError
from afterbell.release.manifest import parse_manifest

ONE = {"set": "core", "definition_hash": "h", "names": ["a", "b"]}
TWO = {"set": "other", "definition_hash": "k", "names": ["c"]}


def manifest(features: object) -> bytes:
    content = {
        "release_id": "2016-06-30-0123456789ab",
        "session": "2016-06-30",
        "candidate_id": "0123456789abcdef",
        "models": [{"family": "ridge", "horizon": 1, "path": "models/ridge-h1.json", "size": 1, "sha256": "0" * 64}],
        "features": features,
        "inputs": {},
        "spec": {},
        "metrics": {},
        "verdict": {},
        "code_version": "0",
        "environment": {},
    }
    return json.dumps(content).encode()


def test_models_take_the_factors_of_one_set_after_the_other() -> None:
    found = parse_manifest(manifest({"sets": [ONE, TWO]}), "key").features
    assert found.names == ("a", "b", "c")
    assert found.definition == "h+k"


def test_a_release_made_before_there_could_be_several_sets_is_read() -> None:
    found = parse_manifest(manifest(ONE), "key").features
    assert [(each.set, each.definition_hash, each.names) for each in found.sets] == [("core", "h", ("a", "b"))]
    assert found.definition == "h"


@pytest.mark.parametrize("features", [{"sets": []}, {}, {"sets": [ONE], "set": "core"}, [ONE]])
def test_features_that_are_neither_are_refused(features: object) -> None:
    with pytest.raises(DigestMismatchError, match="is not a manifest"):
        parse_manifest(manifest(features), "key")
