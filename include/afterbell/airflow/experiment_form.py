"""The fields of the form of `experiment`, as Airflow's parameters; its schema refuses what is wrong with a 400."""

from __future__ import annotations

from typing import Any

from afterbell.airflow.forms import CLUSTER, DAY, NAME, ONE_LINE
from afterbell.errors import ConfigError
from afterbell.experiments.request import FACTOR_SETS, LONGEST_HORIZON, MOST_TRIALS
from afterbell.training.families import FAMILIES
from afterbell.training.spec import load_spec

_DAY = {"type": "string", "format": "date", "pattern": DAY}


def _several(default: list[str], known: tuple[str, ...]) -> dict[str, Any]:
    items = {"type": "string", "enum": list(known)}
    return {
        "default": default, "type": "array", "items": items, "examples": list(known), "minItems": 1,
        "uniqueItems": True,
    }  # fmt: skip


def _usual_families() -> list[str]:
    try:
        return list(load_spec().families.named())
    except ConfigError:  # which the run itself reports; a DAG must load all the same
        return list(FAMILIES)


FORM: dict[str, dict[str, Any]] = {
    "name": {
        "default": "try", "type": "string", "pattern": NAME, "title": "Name",
        "description": "Small letters, digits and dashes, 40 at most.",
    },
    "note": {
        "default": None, "type": ["null", "string"], "maxLength": 400, "pattern": ONE_LINE, "title": "Note",
        "description": "What it is for; kept with a promotion.",
    },
    "first": {**_DAY, "title": "First day", "description": "No session before it is used, such as 2024-01-02."},
    "last": {**_DAY, "title": "Last session", "description": "The session it is made for, such as 2026-06-30."},
    "horizons": {
        "default": [1, 5], "type": "array", "minItems": 1, "maxItems": 5, "uniqueItems": True, "title": "Horizons",
        "items": {"type": "integer", "minimum": 1, "maximum": LONGEST_HORIZON},
        "description": "In sessions, ascending.",
    },
    "families": {
        **_several(_usual_families(), tuple(FAMILIES)), "title": "Model families",
        "description": "Each is trained by itself; their scores are blended as well.",
    },
    "factor_sets": {
        **_several(["core"], FACTOR_SETS), "title": "Factor sets",
        "description": "Their sessions are filled up to the last one first, where they aren't stored yet.",
    },
    "trials": {
        "default": 1, "type": "integer", "minimum": 1, "maximum": MOST_TRIALS, "title": "Trials of each family",
        "description": "1: the specification's setting alone. More are drawn by the seed, from `search` in daily.yaml.",
    },
    "cost_bps": {
        "default": 5.0, "type": "number", "minimum": 0, "maximum": 200, "title": "Cost of trading",
        "description": "One way, in basis points of the value traded.",
    },
    "seed": {
        "default": 20150323, "type": "integer", "minimum": 0, "maximum": 2**31 - 1, "title": "Seed",
        "description": "Of the draws and the fits: the same seed gives the same models.",
    },
    "min_price": {
        "default": 2.0, "type": "number", "minimum": 0, "maximum": 10_000, "title": "Lowest close",
        "description": "As traded, in the listing's currency.",
    },
    "min_dollar_volume": {
        "default": 250_000.0, "type": "number", "minimum": 0, "maximum": 1e12, "title": "Lowest dollar volume",
        "description": "Trailing median of close times volume.",
    },
    "promote": {
        "default": False, "type": "boolean", "title": "Ask to promote",
        "description": "If the gate lets it through, ask a person whether it becomes champion.",
    },
    "profile": CLUSTER,
}  # fmt: skip
"""Parameters by name, as keyword arguments of ``airflow.sdk.Param``."""
