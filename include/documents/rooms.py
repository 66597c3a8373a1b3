"""The picture of the library's rooms, drawn from the contract that the linter checks."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

MARK = "<!-- rooms -->"
"""Where a page wants the picture."""
_WIDTH, _LABEL, _ROW, _BOX, _GAP = 760, 30, 40, 28, 8


def read_layers(pyproject: Path) -> list[list[str]]:
    """The rooms from the top layer down, as ``pyproject.toml`` declares them for import-linter.

    Raises:
        LookupError: there is no contract of layers.
    """
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
    raise LookupError(f"{pyproject}: there is no contract of type layers")


def draw_rooms(layers: Sequence[Sequence[str]], describe: Callable[[str], str]) -> str:
    """The layers as an SVG in the colours of the page, each room with its description as a tooltip.

    Args:
        layers: the rooms from the top down.
        describe: a room's concern, in a sentence.
    """
    height = len(layers) * _ROW
    rows = [_draw_layer(number, rooms, describe) for number, rooms in enumerate(layers)]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="The rooms of the library, each of which imports '
        f'from rooms below it only" style="width: 100%; max-width: {_WIDTH}px; height: auto" font-size="13">'
        f"{''.join(rows)}</svg>"
    )


def _draw_layer(number: int, rooms: Sequence[str], describe: Callable[[str], str]) -> str:
    top = number * _ROW + 1
    width = (_WIDTH - 1 - _LABEL - _GAP * (len(rooms) - 1)) / len(rooms)
    parts = [f'<text x="0" y="{top + 19}" fill="currentColor" opacity="0.6">{number + 1}</text>']
    for place, room in enumerate(rooms):
        left = _LABEL + place * (width + _GAP)
        parts.append(
            f"<g><title>{escape(describe(room))}</title>"
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BOX}" rx="4" fill="none" '
            'stroke="currentColor" stroke-width="1"/>'
            f'<text x="{left + 10:.1f}" y="{top + 19}" fill="currentColor">{escape(room)}</text></g>'
        )
        if len(rooms) == 1:  # there is room for its concern, too
            parts.append(
                f'<text x="{left + 95:.1f}" y="{top + 19}" fill="currentColor" font-size="11" opacity="0.75">'
                f"{escape(describe(room))}</text>"
            )
    return "".join(parts)
