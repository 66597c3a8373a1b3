"""``candidate.json``: read, written back, and made from a training, byte for byte as earlier versions wrote it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afterbell.errors import ConfigError
from afterbell.training import candidate
from afterbell.training.candidate import candidate_key, describe, read_candidate, upload
from afterbell.training.candidate_document import CandidateDocument
from afterbell.training.fits import FINAL, Fit, FitResult, TrainingOutcome
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix import Matrix
from tests.training.conftest import make_spec

FOLDER = Path(__file__).parent
STORED, OF_EXPERIMENT = FOLDER / "candidate.json", FOLDER / "candidate_of_experiment.json"
"""Written by the version before the document had a model."""
ID = "0123456789abcdef"
SEARCH = (
    {
        "family": "ridge", "horizon": 1, "chosen": 1,
        "trials": [
            {"number": 0, "params": {"penalty": 0.1}, "rank_ic": 0.0125, "reason": ""},
            {"number": 1, "params": {"penalty": 1e-05}, "rank_ic": None, "reason": "no fold"},
        ],
    },
)  # fmt: skip
OUTCOME = TrainingOutcome(
    finals=(
        FitResult(Fit("lightgbm", 1, FINAL, 127), rows=5000, model=b"tree\n"),
        FitResult(Fit("ridge", 1, FINAL, 128), rows=4800, model=b"{}"),
    ),
    folds=(FitResult(Fit("ridge", 1, 0, 60, 63, 82), rows=2000),),
    skipped=("h1: 1 of 3 folds would train on fewer than 40 of 130 sessions",),
)


class Objects:
    """The objects of a store, in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        self.bodies[key] = body

    def get(self, key: str) -> bytes:
        return self.bodies[key]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> CandidateDocument:
    monkeypatch.setattr(candidate, "code_version", lambda: "0.1.0+0123456789abcdef")
    monkeypatch.setattr(
        candidate, "environment_versions", lambda _: {"lightgbm": "4.6.0", "numpy": "2.2.6", "python": "3.11.9"}
    )
    floats, ints = np.zeros((2, 1), np.float32), np.zeros(1, np.int32)
    matrix = Matrix(
        features=floats, labels=floats, targets=floats, sessions=ints + 4, symbols=ints, dollars=floats[0],
        names=("f0", "f1"), horizons=(1,), grid=tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(130)),
        tickers=("A",), sets={"one": ("f0", "f1")},
    )  # fmt: skip
    snapshots = TrainingSnapshots(11, 22, {"one": 33}, {"one": "feedc0de"})
    return describe(ID, date(2020, 5, 9), make_spec(), matrix, OUTCOME, snapshots, ["lightgbm, folds 2"])


def with_spec_of(stored: Path) -> bytes:
    """The stored document with today's specification, whose keys are those of ``ModelSpec``."""
    document = json.loads(stored.read_text()) | {"spec": make_spec().model_dump(mode="json")}
    return json.dumps(document, sort_keys=True, indent=2).encode() + b"\n"


@pytest.mark.parametrize("stored", [STORED, OF_EXPERIMENT], ids=lambda path: path.stem)
def test_a_stored_candidate_reads_back_as_it_was_written(stored: Path):
    assert CandidateDocument.read(stored.read_bytes()).to_bytes() == stored.read_bytes()


def test_a_training_is_described_as_before(described: CandidateDocument):
    assert described.to_bytes() == with_spec_of(STORED)


def test_an_experiment_adds_its_id_and_its_search(described: CandidateDocument):
    document = described.model_copy(update={"experiment": "0011223344556677", "search": SEARCH})
    assert document.to_bytes() == with_spec_of(OF_EXPERIMENT)


def test_models_are_written_before_the_document_that_names_them(described: CandidateDocument):
    store: Any = Objects()
    upload(store, described, OUTCOME, "experiments/x/")
    folder = f"experiments/x/candidates/{ID}"
    assert list(store.bodies) == [
        f"{folder}/models/lightgbm-h1.txt", f"{folder}/models/ridge-h1.json", f"{folder}/candidate.json",
    ]  # fmt: skip
    assert read_candidate(store, ID, "experiments/x/") == described


def test_a_number_that_is_not_finite_is_not_written(described: CandidateDocument):
    with pytest.raises(ValueError, match="not JSON compliant"):
        described.model_copy(update={"search": ({"rank_ic": float("nan")},)}).to_bytes()


def test_what_is_no_candidate_is_refused_by_the_name_of_the_field():
    store: Any = Objects()
    store.put(candidate_key(ID), b'{"candidate_id": "x", "models": {"a": 1}}')
    with pytest.raises(ConfigError, match=r"stored CandidateDocument do not fit their model: .*'models'"):
        read_candidate(store, ID)
