"""Which factor sets a session's features are computed for, where the run names none.

The specification belongs to training, a room above; features read the one key that concerns them.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from afterbell.config.loader import load_named


class _Specification(BaseModel):
    """What features need of a model specification; ``afterbell.training.spec`` checks the rest of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    feature_sets: tuple[str, ...] = Field(min_length=1)


def declared_sets(specification: str = "daily") -> tuple[str, ...]:
    """The factor sets of ``include/config/models/<specification>.yaml``.

    Raises:
        ConfigError: there is no such file, or it names no factor sets.
    """
    return load_named("models", specification, _Specification).feature_sets
