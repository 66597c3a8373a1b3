"""The picture of the rooms: what the contract of layers declares, and nothing else."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.documents.pages import ROOT


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "include" / "documents" / "rooms.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["rooms"] = module
    spec.loader.exec_module(module)
    return module


def test_layers_are_drawn_from_the_top_down_with_their_descriptions(rooms: ModuleType) -> None:
    svg = rooms.draw_rooms([["shop", "office"], ["cellar"]], {"shop": "sells <b>", "office": "", "cellar": "keeps"}.get)
    assert re.findall(r">([a-z]+)</text>", svg) == ["shop", "office", "cellar", "keeps"]
    assert "<title>sells &lt;b&gt;</title>" in svg
    heights = [int(y) for y in re.findall(r'<rect x="[\d.]+" y="(\d+)"', svg)]
    assert heights[0] == heights[1] < heights[2]


def test_every_room_of_the_library_has_its_layer(rooms: ModuleType) -> None:
    library = ROOT / "include" / "afterbell"
    there = {path.stem for path in library.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    layers = rooms.read_layers(ROOT / "pyproject.toml")
    assert {room for layer in layers for room in layer} == there - {"__init__"}


def test_a_project_without_layers_is_named(rooms: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.importlinter]\ncontracts = []\n")
    with pytest.raises(LookupError, match="no contract of type layers"):
        rooms.read_layers(tmp_path / "pyproject.toml")
