"""What decides a search, for the identity of the candidate that comes out of it."""

from __future__ import annotations

from afterbell.provenance import environment_versions
from afterbell.training.search.samplers import PACKAGE
from afterbell.training.spec import ModelSpec


def identify_search(spec: ModelSpec) -> dict[str, object]:
    """All that decides a search beside the specification and the data; nothing with one trial."""
    if spec.search.trials == 1:
        return {}
    families = spec.families.named()
    ranges = {name: {key: one.model_dump() for key, one in spec.search.ranges(name).items()} for name in families}
    settings = spec.search.model_dump(include={"trials", "sampler", "cohort", "keep"})
    version = environment_versions([PACKAGE]).get(PACKAGE) if spec.search.sampler == "tpe" else None
    return {"search": settings | {"ranges": ranges, PACKAGE: version}}
