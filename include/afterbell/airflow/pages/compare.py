"""How two releases differ: metrics, specification, features, inputs, models, environment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import JsonValue

from afterbell.airflow.pages.releases import flat
from afterbell.airflow.pages.views import View
from afterbell.evaluation.since import Change
from afterbell.release.manifest import Manifest


class DifferenceView(View):
    """A value that differs, and the right one less the left where both are numbers."""

    name: str
    left: JsonValue
    right: JsonValue
    change: float | None


class SectionView(View):
    """One concern: what differs, and how much is the same."""

    title: str
    same: int
    rows: tuple[DifferenceView, ...]
    notes: tuple[str, ...]


def compare(left: Manifest, right: Manifest) -> tuple[SectionView, ...]:
    """One section a concern; each lists what differs and counts what is the same."""
    return (
        _section("Metrics", flat(left.metrics), flat(right.metrics)),
        _section("Specification", flat(left.spec), flat(right.spec)),
        _features(left, right),
        _section("Inputs", flat(left.inputs), flat(right.inputs)),
        _section("Models", _models(left), _models(right)),
        _section("Code and environment", _origin(left), _origin(right)),
    )


def _section(title: str, left: Mapping[str, JsonValue], right: Mapping[str, JsonValue]) -> SectionView:
    names = sorted(left.keys() | right.keys())
    differing = [name for name in names if name not in left or name not in right or left[name] != right[name]]
    rows = [
        DifferenceView(
            name=name, left=left.get(name), right=right.get(name), change=_change(left.get(name), right.get(name))
        )
        for name in differing
    ]
    return SectionView(title=title, same=len(names) - len(differing), rows=tuple(sorted(rows, key=_size)), notes=())


def _size(row: DifferenceView) -> float:
    """A sort key: what can't be subtracted comes first, then the largest change as a share of the larger value."""
    if isinstance(row.left, int | float) and isinstance(row.right, int | float) and row.change is not None:
        return -Change(row.name, row.left, row.right).size
    return -math.inf


def _change(left: object, right: object) -> float | None:
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    if isinstance(left, int | float) and isinstance(right, int | float):
        return float(right) - float(left)
    return None


def _features(left: Manifest, right: Manifest) -> SectionView:
    hashes = [{factors.set: factors.definition_hash for factors in side.features.sets} for side in (left, right)]
    section = _section("Features", *({f"definition of {name}": value for name, value in by_set.items()}
                                     for by_set in hashes))  # fmt: skip
    ours, theirs = set(left.features.names), set(right.features.names)
    notes = [
        f"{where}: {', '.join(sorted(names))}"
        for where, names in (("only on the left", ours - theirs), ("only on the right", theirs - ours))
        if names
    ]
    return section.model_copy(update={"notes": (*notes, f"{len(ours & theirs)} factors in both")})


def _models(manifest: Manifest) -> dict[str, JsonValue]:
    rows: dict[str, JsonValue] = {}
    for model in manifest.models:
        rows |= {f"{model.path}, bytes": model.size, f"{model.path}, SHA-256": model.sha256}
    return rows


def _origin(manifest: Manifest) -> dict[str, JsonValue]:
    return {"code version": manifest.code_version, **manifest.environment}
