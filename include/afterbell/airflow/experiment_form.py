"""The form of `experiment`, as Airflow's parameters, made of its request's model; Airflow refuses what is wrong.

Bounds, titles and help are in the model only. What belongs to the form and not to the request is here.
"""

from __future__ import annotations

from afterbell.airflow.forms import CLUSTER, DAY, END, ONE_LINE, FieldSchema
from afterbell.errors import ConfigError
from afterbell.experiments.request import FACTOR_SETS, ExperimentRequest
from afterbell.training.families import FAMILIES
from afterbell.training.spec import load_spec

_CHOICES = {"families": tuple(FAMILIES), "factor_sets": FACTOR_SETS}
"""Names to tick. A driver knows factor sets that the form doesn't offer, so they are no rule of the model."""
_NOTE: FieldSchema = {
    "default": None, "type": ["null", "string"], "maxLength": 400, "pattern": ONE_LINE, "title": "Note",
    "description": "Purpose of the experiment; stored with a promotion.",
}  # fmt: skip
_PROMOTE: FieldSchema = {
    "default": False, "type": "boolean", "title": "Ask to promote",
    "description": "If it passes the gate, a person decides whether it becomes champion.",
}  # fmt: skip


def _usual_families() -> list[str]:
    try:
        return list(load_spec().families.named())
    except ConfigError:  # which the run itself reports; a DAG must load in any case
        return list(FAMILIES)


def _parameter(name: str, schema: FieldSchema) -> FieldSchema:
    """The parameter of one field of the model, by its JSON schema."""
    parameter = schema.copy()
    if "examples" in parameter:
        parameter["default"] = parameter.pop("examples")[0]
    if schema.get("format") == "date":
        parameter["pattern"] = DAY
    elif "pattern" in schema:
        parameter["pattern"] = schema["pattern"].removesuffix("$") + END
    if schema["type"] == "array":
        parameter["uniqueItems"] = True
    if name in _CHOICES:
        parameter["items"] = {**schema["items"], "enum": list(_CHOICES[name])}
        parameter["examples"] = list(_CHOICES[name])
    return parameter


def _form() -> dict[str, FieldSchema]:
    properties: dict[str, FieldSchema] = ExperimentRequest.model_json_schema()["properties"]
    fields = {name: _parameter(name, schema) for name, schema in properties.items()}
    fields["families"]["default"] = [*_usual_families()]
    return {"name": fields.pop("name"), "note": _NOTE} | fields | {"promote": _PROMOTE, "profile": CLUSTER}


FORM = _form()
"""Parameters by name, as keyword arguments of ``airflow.sdk.Param``."""
