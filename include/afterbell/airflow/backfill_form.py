"""The fields of the form of `backfill_history`, as Airflow's parameters; its schema refuses what is wrong."""

from __future__ import annotations

from afterbell.airflow.forms import CLUSTER, FieldSchema
from afterbell.backfill import request

FORM: dict[str, FieldSchema] = {
    "first": {
        "type": "string", "format": "date", "title": "First day",
        "description": "First day, such as 2015-03-23.",
    },
    "last": {"type": "string", "format": "date", "title": "Last day", "description": "Last day, included."},
    "reason": {
        "type": "string", "minLength": request.SHORTEST_REASON, "maxLength": request.LONGEST_REASON,
        "pattern": request.REASON, "title": "Reason",
        "description": "Why, in one line; stored with the plan.",
    },
    "steps": {
        "default": list(request.STEPS), "type": "array", "items": {"type": "string", "enum": list(request.STEPS)},
        "examples": list(request.STEPS), "minItems": 1, "uniqueItems": True, "title": "Steps",
        "description": "Steps to run. Ingested data is audited before it is published.",
    },
    "factor_sets": {
        "default": None, "type": ["null", "array"], "items": {"type": "string", "enum": list(request.FACTOR_SETS)},
        "examples": list(request.FACTOR_SETS), "uniqueItems": True, "title": "Factor sets",
        "description": "Factor sets to compute. Empty: those of the daily models.",
    },
    "chunk_sessions": {
        "default": request.CHUNK_SESSIONS, "type": "integer", "minimum": 1, "maximum": request.LONGEST_CHUNK,
        "title": "Sessions a chunk", "description": "Sessions committed together; a year has about 250.",
    },
    "plan_only": {
        "default": False, "type": "boolean", "title": "Plan only",
        "description": "Make the plan, and do nothing else.",
    },
    "profile": CLUSTER,
}  # fmt: skip
"""Parameters by name, as keyword arguments of ``airflow.sdk.Param``."""
