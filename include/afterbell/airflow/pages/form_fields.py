"""The fields of our forms: as the page shows them, and as the DAG's parameters that were typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from afterbell.airflow.forms import FieldSchema

Kind = Literal["text", "day", "whole", "wholes", "number", "several", "one", "switch"]
Typed = Mapping[str, Sequence[str]]
"""What a browser sent: the texts of each field, by its name."""
LONGEST = 2000
"""Characters of one value: more than any field takes, and little enough to be shown again."""
_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: of the DAG's parameter.
        title: its label.
        help: a sentence below the label.
        kind: how it is filled in: a line of text, a day, one whole number, several of them with commas, a number,
            boxes to tick, one of a list (or nothing), one box.
        needed: whether it must be filled in.
        options: names to tick or to choose from.
        default: texts that it starts with.
        low: the first day that makes sense, ISO; empty where that is not known.
        high: the last one.
    """

    name: str
    title: str
    help: str
    kind: Kind
    needed: bool = True
    options: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    low: str = ""
    high: str = ""

    def shown(self, typed: Typed | None, fault: str) -> dict[str, object]:
        """The field for the page, with what was typed, else with what it starts with."""
        texts = self.default if typed is None else tuple(typed.get(self.name, ()))
        return {
            "name": self.name, "title": self.title, "help": self.help, "kind": self.kind, "needed": self.needed,
            "options": [{"name": option, "chosen": option in texts} for option in self.options],
            "value": texts[0] if texts else "", "low": self.low, "high": self.high, "fault": fault,
        }  # fmt: skip


def field_of(name: str, parameter: FieldSchema) -> Field:
    """The field of a DAG's parameter, with its title, help, choices and default."""
    return Field(
        name,
        title=parameter["title"],
        help=parameter["description"].replace("`", ""),  # marks of Airflow's page, which reads Markdown
        kind=_kind(parameter),
        needed="null" not in parameter["type"],
        options=_options(parameter),
        default=_texts(parameter.get("default")),
    )


def _kind(parameter: FieldSchema) -> Kind:
    types = [parameter["type"]] if isinstance(parameter["type"], str) else parameter["type"]
    kind = next(name for name in types if name != "null")
    if kind == "array":
        return "several" if parameter["items"]["type"] == "string" else "wholes"
    if kind == "string":
        return "day" if parameter.get("format") == "date" else "one" if "enum" in parameter else "text"
    return {"integer": "whole", "number": "number", "boolean": "switch"}[kind]  # type: ignore[return-value]


def _options(parameter: FieldSchema) -> tuple[str, ...]:
    options = parameter.get("enum") or parameter.get("items", {}).get("enum") or ()
    return tuple(option for option in options if option)


def _texts(default: JsonValue) -> tuple[str, ...]:
    if default is None or default is False:
        return ()
    if default is True:
        return ("on",)
    if isinstance(default, list):
        whole = all(isinstance(item, int) for item in default)
        return (", ".join(map(str, default)),) if whole else tuple(map(str, default))
    return (f"{default:.15g}" if isinstance(default, float) else str(default),)


def read_params(fields: Sequence[Field], typed: Typed) -> tuple[dict[str, JsonValue], dict[str, str]]:
    """The parameters that were typed, and by field the faults of how they were sent.

    What can't be read as its kind is handed on as text: the check of the parameters reports what was expected.
    """
    params: dict[str, JsonValue] = {}
    faults = {name: f"this form has no field {name[:60]!r}" for name in typed if name not in {f.name for f in fields}}
    for field in fields:
        texts = typed.get(field.name, ())
        if any(len(text) > LONGEST for text in texts):
            faults[field.name] = f"expected {LONGEST} characters at most; found {max(map(len, texts))}"
        elif field.kind != "several" and len(texts) > 1:
            faults[field.name] = f"expected one value; found {len(texts)}: send the field once"
        else:
            _set_param(params, field, texts)
    return params, faults


def _set_param(params: dict[str, JsonValue], field: Field, texts: Sequence[str]) -> None:
    """Set the parameter of a field; one that was left empty is omitted where it is required, else None."""
    if field.kind == "several":
        if texts or field.needed:
            params[field.name] = list(texts)
        else:
            params[field.name] = None
        return
    if field.kind == "switch":
        params[field.name] = {(): False, ("on",): True}.get(tuple(texts), texts[0] if texts else "")
        return
    text = texts[0].strip(" ") if texts else ""
    if text:
        params[field.name] = _parse_value(field.kind, text)
    elif not field.needed:
        params[field.name] = None


def _parse_value(kind: Kind, text: str) -> JsonValue:
    if kind == "wholes":
        numbers = [_parse_value("whole", part.strip()) for part in text.split(",")]
        return numbers if all(isinstance(number, int) for number in numbers) else text
    if kind == "whole" and _WHOLE.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text)
    return text
