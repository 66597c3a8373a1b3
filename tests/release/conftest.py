"""A candidate in a real S3, its models written down by hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate

RIDGE = {
    "format": "afterbell-ridge/1",
    "names": ["a", "b"],
    "means": [0.0, 0.0],
    "scales": [1.0, 1.0],
    "coefficients": [0.5, -0.25],
    "intercept": 0.0,
    "clip": 5.0,
}


@pytest.fixture
def store(services, monkeypatch):
    """An artifact store whose bucket is empty. (A bucket a test would use up the server's volumes.)"""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, services.env[name])
    found = ArtifactStore(replace(services.runtime.s3, artifact_bucket="release-tests"))
    found.ensure_bucket()
    for item in found.list(""):
        found._bucket.client.delete_object(Bucket="release-tests", Key=item.key)
    return found


def add_candidate(store, candidate_id="0123456789abcdef", session="2016-06-30", intercept=0.0, model=None):
    """Write a candidate with one ridge model a horizon; returns its document."""
    body = model if model is not None else json.dumps(RIDGE | {"intercept": intercept}).encode()
    models = []
    for horizon in (1, 5):
        path = f"models/ridge-h{horizon}.json"
        store.put(f"candidates/{candidate_id}/{path}", body)
        digest = hashlib.sha256(body).hexdigest()
        models.append({"family": "ridge", "horizon": horizon, "path": path, "size": len(body), "sha256": digest})
    content = {
        "candidate_id": candidate_id,
        "session": session,
        "spec": {"seed": 1},
        "features": {"sets": [{"set": "core", "definition_hash": "d", "names": ["a", "b"]}]},
        "inputs": {"bars_snapshot": 1},
        "models": models,
        "code_version": "0.1.0+test",
        "environment": {"python": "3.11"},
    }
    store.put(f"candidates/{candidate_id}/candidate.json", json.dumps(content).encode())
    return read_candidate(store, candidate_id)
