"""A market and a configuration for tests of what steps do, not of what models find: a day's steps take seconds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).resolve().parents[1] / "include" / "config"
SYMBOLS, SESSIONS = 40, 72
"""Enough for two folds of one horizon."""
MODELS: dict[str, Any] = {
    "split": {"folds": 2, "test_sessions": 12, "min_train_sessions": 20, "embargo": 1},
    "min_train_rows": 200,
    "horizons": [1],
}
GATE: dict[str, Any] = {
    "min_sessions": 8,
    "first_release": {"offer": 0.9999, "publish": 0.9999},
    "replacement": {"margin": 0.9, "floor": -0.99, "loss_budget": 0.9, "hysteresis": 0.0},
    "too_good": {"rank_ic": 1.0, "t": 1e9, "sharpe": 1e9},
    "portfolio": {"min_symbols": 10},
}
"""Lets nearly everything through."""


def small_config(folder: Path) -> Path:
    """The project's configuration with small folds and a lenient gate, in ``folder``, which it returns.

    One that is there already is made small.
    """
    if not folder.exists():
        shutil.copytree(CONFIG, folder)
    edit(folder / "models" / "daily.yaml", MODELS)
    edit(folder / "gate.yaml", GATE)
    return folder


def edit(path: Path, changes: dict[str, Any]) -> None:
    """Set keys of a YAML file; those of a mapping in it are set one by one."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        found[name] = found[name] | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
