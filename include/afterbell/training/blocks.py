"""Blocks of a fit of many groups: tasks of their own, whose results are put together again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from afterbell.training.fits import NO_TIME, Fit, FitResult
from afterbell.training.grouped_fits import decode_scores
from afterbell.training.packed import pack, read_packed


def cut(fits: Iterable[Fit], blocks: int) -> list[Fit]:
    """The blocks of ``fits``, in their order; the fits themselves where there is but one block."""
    if blocks == 1:
        return list(fits)
    return [replace(fit, block=(number, blocks)) for fit in fits for number in range(blocks)]


def join(results: Iterable[FitResult]) -> list[FitResult]:
    """Put together the results of blocks: one a fit, the same as if it had not been cut.

    A fit that lacks a block, because it failed or was not done in time, has no model and no predictions.
    """
    whole: list[FitResult] = []
    blocks: defaultdict[Fit, list[FitResult]] = defaultdict(list)
    for result in results:
        if result.fit.block is None:
            whole.append(result)
        else:
            blocks[replace(result.fit, block=None)].append(result)
    return whole + [_joined(fit, own) for fit, own in blocks.items()]


def _joined(fit: Fit, results: list[FitResult]) -> FitResult:
    ordered = sorted(results, key=lambda result: result.fit.block or (0, 0))
    market, groups = ordered[0], ordered[1:]
    lacking = [result for result in ordered if result.reason]
    if lacking:
        # What failed comes first: another try may have it, and the reasons of the others follow from the same rows.
        first = min(lacking, key=lambda result: (not result.failed, not result.broken, result.reason != NO_TIME))
        broken = any(result.broken for result in lacking)
        return FitResult(fit, first.reason, broken=broken, failed=first.failed, rows=market.rows)
    if len(ordered) != (ordered[0].fit.block or (0, 1))[1]:
        return FitResult(fit, NO_TIME, rows=market.rows)
    seconds = sum(result.seconds for result in ordered)
    if market.model:
        return FitResult(fit, rows=market.rows, model=_join_models(fit, ordered), seconds=seconds)
    predictions = np.frombuffer(market.predictions, np.float32).copy()
    for result in groups:
        rows, values = decode_scores(result.predictions)
        predictions[rows] = values
    return FitResult(fit, rows=market.rows, predictions=predictions.tobytes(), seconds=seconds)


def _join_models(fit: Fit, results: list[FitResult]) -> bytes:
    packs = [read_packed(result.model, fit.family) for result in results if result.model]
    parts = {name: packed.open(name) for packed in packs for name in packed}
    return pack("groups", fit.family, parts, packs[0].about)
