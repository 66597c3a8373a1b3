"""The fields of the form of `backfill_history`, as Airflow's parameters; its schema refuses what is wrong."""

from __future__ import annotations

from afterbell.airflow.forms import CLUSTER, FieldSchema
from afterbell.backfill import request

FORM: dict[str, FieldSchema] = {
    "first": {
        "type": "string", "format": "date", "title": "First day",
        "description": "Sessions from this day on are filled, such as 2015-03-23.",
    },
    "last": {"type": "string", "format": "date", "title": "Last day", "description": "And up to this day."},
    "reason": {
        "type": "string", "minLength": request.SHORTEST_REASON, "maxLength": request.LONGEST_REASON,
        "pattern": request.REASON, "title": "Reason",
        "description": "One line that says why; it is kept with the plan.",
    },
    "steps": {
        "default": list(request.STEPS), "type": "array", "items": {"type": "string", "enum": list(request.STEPS)},
        "examples": list(request.STEPS), "minItems": 1, "uniqueItems": True, "title": "Steps",
        "description": "What is filled. Whatever is taken in is audited before it counts.",
    },
    "factor_sets": {
        "default": None, "type": ["null", "array"], "items": {"type": "string", "enum": list(request.FACTOR_SETS)},
        "examples": list(request.FACTOR_SETS), "uniqueItems": True, "title": "Factor sets",
        "description": "Those to compute; none for those of the daily models.",
    },
    "chunk_sessions": {
        "default": request.CHUNK_SESSIONS, "type": "integer", "minimum": 1, "maximum": request.LONGEST_CHUNK,
        "title": "Sessions a chunk", "description": "So many are committed together; 250 are a year.",
    },
    "plan_only": {
        "default": False, "type": "boolean", "title": "Plan only",
        "description": "Say what would be done, and do nothing.",
    },
    "profile": CLUSTER,
}  # fmt: skip
"""Parameters by name, as keyword arguments of ``airflow.sdk.Param``."""
