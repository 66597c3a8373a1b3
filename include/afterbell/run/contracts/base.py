"""The bases of all contracts: inputs, which are strict, and records, which read what earlier versions stored.

What a model does not set is not written: the JSON of a document that was read is the document's own.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ModelWrapValidatorHandler,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from afterbell.config.loader import Strict
from afterbell.errors import ConfigError

Instant = Annotated[datetime, PlainSerializer(lambda instant: instant.isoformat(), when_used="json")]
"""An instant with its zone; in JSON as ``isoformat`` writes it."""
Figure = int | Annotated[float, Field(allow_inf_nan=False)]
"""A finite number that keeps its kind: what was written as 0 is not written back as 0.0."""
ALIASES = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
"""Fields of ``stored_as`` are set by their names in Python, and keep their keys in JSON."""
_STORED = "stored"
_BLANKS: tuple[object, ...] = (None, False, 0, "", [], {})


def to_json(model: BaseModel) -> dict[str, JsonValue]:
    """The JSON values of all that was set in ``model``, keys sorted at every level, as they travel."""
    document = json.loads(model.model_dump_json(exclude_unset=True, warnings=False))
    ordered: dict[str, JsonValue] = json.loads(json.dumps(document, sort_keys=True))
    return ordered


def stored_as(key: str) -> FieldInfo:
    """Metadata of a field whose key in JSON differs from its name.

    For example ``summary: Annotated[str, stored_as("said")]``.
    """
    field: FieldInfo = Field(validation_alias=key, serialization_alias=key)
    return field


class Inputs(Strict):
    """The inputs of a step; a field without a default must come from an earlier step."""

    model_config = ConfigDict(strict=True, defer_build=True)

    @classmethod
    def parse(cls, step: str, text: str) -> Self:
        """Read the inputs of the step ``step`` from their JSON.

        Raises:
            ConfigError: an input is missing, unknown, or has another form; the message names it.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError(misfit(f"the inputs of step {step!r}", error)) from error

    def to_json(self) -> dict[str, JsonValue]:
        """The inputs by name, as JSON values."""
        return to_json(self)


class Record(BaseModel):
    """A document, or a part of one: written strictly, read leniently.

    Unknown keys of a stored document are kept; a key that it lacks, because an earlier version didn't write it, reads
    as the empty value of its type.
    """

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True, **ALIASES)

    @classmethod
    def read(cls, document: object) -> Self:
        """Read a stored document, as JSON values or bytes.

        Raises:
            ConfigError: it is not JSON, or a value has another form; the message names it.
        """
        text = document if isinstance(document, str | bytes) else json.dumps(document)
        try:
            return cls.model_validate_json(text, context={_STORED: True})
        except ValidationError as error:
            raise ConfigError(misfit(f"the values of a stored {cls.__name__}", error)) from error

    @model_validator(mode="wrap")
    @classmethod
    def _fill_blanks(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not (info.context and info.context.get(_STORED) and isinstance(value, dict)):
            return handler(value)
        missing = {
            name: key
            for name, field in cls.model_fields.items()
            if field.is_required() and (key := field.serialization_alias or name) not in value
        }
        model = handler(value | {key: _blank(cls, name) for name, key in missing.items()})
        model.model_fields_set.difference_update(missing)
        return model

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values of the document, without the keys that it lacks."""
        return to_json(self)


class Result(Record):
    """The result of a step; the frame of every job writes these keys, the step itself those of its own model.

    Attributes:
        step: its name.
        started_at: when the driver began.
        ready_at: when its session was open; None where it opened none.
        finished_at: when it was done.
        seconds: between the first and the last.
        attempt: token of the try; not there where no other try is possible.
    """

    step: str = ""
    started_at: Instant | None = None
    ready_at: Instant | None = None
    finished_at: Instant | None = None
    seconds: Figure = 0
    attempt: str = ""


@cache
def _blank(model: type[Record], name: str) -> object:
    """The empty value of a field's type: pages read the same documents over and over."""
    adapter: TypeAdapter[Any] = TypeAdapter(model.model_fields[name].annotation or object)
    for value in _BLANKS:
        try:
            adapter.validate_json(json.dumps(value), strict=True, context={_STORED: True})
        except ValidationError:
            continue
        return value
    return None


def misfit(where: str, error: ValidationError) -> str:
    """The validation errors on one line: each field, what was expected, and what was found."""
    lines = []
    for item in error.errors(include_url=False):
        name = ".".join(map(str, item["loc"])) or "(all)"
        shown = "" if isinstance(item["input"], dict) else f", found {item['input']!r:.200}"
        lines.append(f"{name!r}: {item['msg']}{shown}")
    return f"{where} do not fit their model: " + "; ".join(lines)
