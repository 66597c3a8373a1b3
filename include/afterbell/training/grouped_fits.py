"""A fit with a model for each group of rows, and the market's model for all other rows; or one block of such a fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afterbell.training.families import family_of, load_model
from afterbell.training.families.composite.grouped import MARKET, predict_parts
from afterbell.training.fits import Fit
from afterbell.training.grouping import Groups, groups_of, newest_members
from afterbell.training.grouping_spec import ByMarket
from afterbell.training.matrix import Matrix
from afterbell.training.packed import pack
from afterbell.training.spec import ModelSpec

_BATCH = 65_536
"""Rows of small groups whose features are gathered at a time: some 40 MB with 158 features."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Trainer:
    """How a fit trains a model.

    Attributes:
        single: of some rows, with a seed; the last argument is whether other fits train on the same rows.
        batched: of groups, of which each has its rows; None where they are fitted one after the other.
        sample: of a group's rows, by its name, those that it is trained on where there are too many.
    """

    single: Callable[[Rows, int, bool], bytes]
    batched: Callable[[Sequence[Rows]], list[bytes]] | None
    sample: Callable[[Rows, str], Rows]


@dataclass(frozen=True)
class Trained:
    """Models of a fit or of one of its blocks.

    Attributes:
        body: the packed text; empty where the block has no group with enough rows.
        rows: places, int64, among the tested rows, of those that have a score; of a whole fit all of them.
        scores: theirs, float32.
    """

    body: bytes
    rows: Rows
    scores: NDArray[np.float32]


def train_groups(
    fit: Fit, spec: ModelSpec, matrix: Matrix, market: Rows, known: Rows, tested: Rows, trainer: Trainer
) -> Trained:
    """Train the models of ``fit``, and score the rows that it is tested on.

    Args:
        fit: the fit, or one of its blocks.
        spec: the specification, which groups rows.
        matrix: what is trained on.
        market: the rows that the market's model is trained on, ascending.
        known: all training rows with a label, ascending.
        tested: the rows to score, ascending.
        trainer: trains a model.

    Raises:
        PermanentError: the rows can't be grouped as the specification says.
    """
    if isinstance(spec.grouping, ByMarket):
        raise TypeError("a specification of one model for the market has no groups")
    groups = groups_of(spec.grouping, matrix)
    target = matrix.targets[matrix.horizons.index(fit.horizon)]
    parts: dict[str, bytes] = {}
    if fit.has_market:
        parts[MARKET] = trainer.single(market, fit.seed(spec), True)
    own = {
        name: trainer.sample(rows, name)
        for name, rows in _rows_by_group(groups, groups.block(fit.block), known)
        if rows.size >= spec.grouping.min_rows
    }
    own = {name: rows for name, rows in own.items() if target[rows].min() < target[rows].max()}
    parts |= _fit_groups(own, trainer, lambda name: fit.seed(spec, name))
    about = spec.grouping.model_dump(mode="json")
    if members := newest_members(spec.grouping, groups, matrix):
        about["members"] = dict(members)
    body = pack("groups", fit.family, parts, about) if parts else b""
    places, scores = _score(fit.family, parts, groups, matrix, tested)
    return Trained(body, places, scores)


def _rows_by_group(groups: Groups, codes: range, rows: Rows) -> Iterator[tuple[str, Rows]]:
    """The name and the rows, ascending, of each group of ``codes``."""
    own = groups.codes[rows]
    inside = np.flatnonzero((own >= codes.start) & (own < codes.stop))
    order = inside[np.argsort(own[inside], kind="stable")]
    ends = np.searchsorted(own[order], np.arange(codes.start, codes.stop + 1))
    for code, start, end in zip(codes, ends[:-1], ends[1:], strict=True):
        yield groups.names[code], rows[order[start:end]]


def _fit_groups(groups: Mapping[str, Rows], trainer: Trainer, seed: Callable[[str], int]) -> dict[str, bytes]:
    if trainer.batched is None:
        return {name: trainer.single(rows, seed(name), False) for name, rows in groups.items()}
    parts: dict[str, bytes] = {}
    batch: list[str] = []
    for name in groups:
        if batch and sum(groups[other].size for other in batch) + groups[name].size > _BATCH:
            parts |= dict(zip(batch, trainer.batched([groups[other] for other in batch]), strict=True))
            batch = []
        batch.append(name)
    if batch:
        parts |= dict(zip(batch, trainer.batched([groups[other] for other in batch]), strict=True))
    return parts


def _score(
    family: str, parts: Mapping[str, bytes], groups: Groups, matrix: Matrix, tested: Rows
) -> tuple[Rows, NDArray[np.float32]]:
    """The places of the tested rows that ``parts`` have a model for, and their scores."""
    place_of = {name: place for place, name in enumerate(parts)}
    market = place_of.get(MARKET, -1)
    part_of_code = np.array([*(place_of.get(name, market) for name in groups.names), market])  # the last is of code -1
    part = part_of_code[groups.codes[tested]]
    places = np.flatnonzero(part >= 0)
    models = [load_model(family, body) for body in parts.values()]
    scores = predict_parts(family_of(family), models, matrix.take(tested[places]), part[places])
    return places, scores.astype(np.float32)


def encode_scores(rows: Rows, scores: NDArray[np.floating]) -> bytes:
    """Predictions of some rows of the test windows: their places, then the predictions, 4 bytes each."""
    return rows.astype("<u4").tobytes() + scores.astype("<f4").tobytes()


def decode_scores(body: bytes) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """What ``encode_scores`` was given."""
    half = len(body) // 2
    return np.frombuffer(body[:half], "<u4"), np.frombuffer(body[half:], "<f4")
