"""Example sources in other shapes than the project's own, as a user would write them."""

from __future__ import annotations

from pathlib import Path

from afterbell.config.loader import load_yaml
from afterbell.sources.source import Source

FOLDER = Path(__file__).parents[1] / "sources"


def example(name: str, /, **changes: object) -> Source:
    """The example source ``name``, with some keys changed."""
    found = load_yaml(FOLDER / f"{name}.yaml", Source)
    return Source.model_validate(found.model_dump() | changes) if changes else found
