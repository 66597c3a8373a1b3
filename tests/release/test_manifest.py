"""What a manifest says of the features, in releases of today and of before."""

from __future__ import annotations

import json

import pytest

from afterbell.errors import DigestMismatchError
from afterbell.release.manifest import parse_manifest

ONE = {"set": "core", "definition_hash": "h", "names": ["a", "b"]}
TWO = {"set": "other", "definition_hash": "k", "names": ["c"]}


def manifest(features: object, metrics: object = None) -> bytes:
    content = {
        "release_id": "2016-06-30-0123456789ab",
        "session": "2016-06-30",
        "candidate_id": "0123456789abcdef",
        "models": [{"family": "ridge", "horizon": 1, "path": "models/ridge-h1.json", "size": 1, "sha256": "0" * 64}],
        "features": features,
        "inputs": {},
        "spec": {},
        "metrics": metrics or {},
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


@pytest.mark.parametrize(
    ("metrics", "weights"),
    [({"h1": {"ic": 0.1, "blend": {"ridge": 1.0}}, "h5": {"blend": {"ridge": 1.0}}}, {1: {"ridge": 1.0}}),
     ({"h1": {"ic": 0.1}}, {}), ({}, {})],
    ids=["learned, of the horizon that has a model", "equal", "no figures"],
)  # fmt: skip
def test_the_weights_of_the_blend_are_those_that_were_learned(metrics: object, weights: object) -> None:
    assert parse_manifest(manifest({"sets": [ONE]}, metrics), "x").blend_weights() == weights
