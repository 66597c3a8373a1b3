"""One text that holds many models: those of groups of rows, or the members of an ensemble.

``afterbell-packed/1``, a line of canonical JSON that describes the parts, then their bodies one after the other::

    afterbell-packed/1
    {"about":{"by":"symbol"},"family":"ridge","kind":"groups","parts":[["*",1893,"3b0c..."],...],"root":"99e1..."}
    the body of the first part, that of the second, ...

Parts stand in the order of their names. A part's place follows from the sizes before it, so parts can't overlap, and
the sizes must add up to the whole text. ``root`` is the SHA-256 of the line without it. A part is checked by its digest
when it is opened, and not before: of thousands of models only those that are needed are read. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, StrictStr, ValidationError

from afterbell.errors import PermanentError

MAGIC = b"afterbell-packed/1\n"
MOST_PARTS = 100_000
_MOST_HEADER = 64 * 1024 * 1024
"""Bytes of the line of JSON: some 300 for each of the most parts, and what the caller says about them."""
_SHA256 = r"^[0-9a-f]{64}$"

Kind = Literal["groups", "ensemble"]
_Name = Annotated[StrictStr, Field(min_length=1, max_length=100)]
_Part = tuple[_Name, Annotated[NonNegativeInt, Field(strict=True)], Annotated[StrictStr, Field(pattern=_SHA256)]]


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    about: dict[str, Any]
    family: StrictStr
    kind: Kind
    parts: tuple[_Part, ...] = Field(min_length=1, max_length=MOST_PARTS)
    root: Annotated[StrictStr, Field(pattern=_SHA256)]

    def digest(self) -> str:
        return hashlib.sha256(_canonical(self.model_dump(mode="json", exclude={"root"}))).hexdigest()


@dataclass(frozen=True)
class Packed:
    """A text whose description was checked; none of its parts was read yet.

    Attributes:
        kind: what its parts are.
        family: that all of them are of.
        about: what the writer says about them, such as how rows were divided into groups.
    """

    kind: Kind
    family: str
    about: Mapping[str, Any]
    _body: bytes
    _places: Mapping[str, tuple[int, int, str]]

    def __contains__(self, name: object) -> bool:
        """Whether there is a part ``name``."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """The names of the parts, ascending."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many parts there are."""
        return len(self._places)

    def open(self, name: str) -> bytes:
        """The body of a part.

        Raises:
            KeyError: there is no such part.
            PermanentError: its bytes are not those that were packed.
        """
        start, end, expected = self._places[name]
        part = self._body[start:end]
        found = hashlib.sha256(part).hexdigest()
        if found != expected:
            raise PermanentError(
                f"part {name!r} of a packed {self.family} model: expected SHA-256 {expected}, found {found}; it was "
                "not opened: train again"
            )
        return part


def is_packed(body: bytes) -> bool:
    """Whether ``body`` claims to be a packed text."""
    return body.startswith(MAGIC)


def pack(kind: Kind, family: str, parts: Mapping[str, bytes], about: Mapping[str, Any] | None = None) -> bytes:
    """The packed text of ``parts``: the same for the same parts, in whatever order they are given.

    Args:
        kind: what they are.
        family: that all of them are of.
        parts: bodies by name; names have 1 to 100 characters.
        about: anything that JSON holds, for whoever reads them.

    Raises:
        PermanentError: there are no parts or more than ``MOST_PARTS``, a name is too long, or ``about`` too large.
    """
    table = [(name, len(parts[name]), hashlib.sha256(parts[name]).hexdigest()) for name in sorted(parts)]
    content = {"about": dict(about or {}), "family": family, "kind": kind, "parts": table}
    root = hashlib.sha256(_canonical(content)).hexdigest()
    line = _canonical({**content, "root": root})
    packed = b"".join([MAGIC, line, b"\n", *(parts[name] for name, _, _ in table)])
    read_packed(packed, family)  # what could not be read is not written
    return packed


def read_packed(body: bytes, family: str) -> Packed:
    """Read the description of a packed text.

    Args:
        body: the text.
        family: that its models must be of.

    Raises:
        PermanentError: it is not a whole packed text of models of ``family``.
    """
    if not is_packed(body):
        raise _broken(body, f"it begins with {body[:16]!r}, expected {MAGIC.decode().strip()}")
    end = body.find(b"\n", len(MAGIC), len(MAGIC) + _MOST_HEADER)
    if end < 0:
        raise _broken(body, f"its description does not end within {_MOST_HEADER} bytes")
    try:
        header = _Header.model_validate_json(body[len(MAGIC) : end])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its description"
        raise _broken(body, f"{where}: {first['msg']}") from error
    _check(header, body, len(body) - end - 1, family)
    ends = list(accumulate((size for _, size, _ in header.parts), initial=end + 1))
    places = {
        name: (start, start + size, digest) for (name, size, digest), start in zip(header.parts, ends[:-1], strict=True)
    }
    return Packed(header.kind, header.family, header.about, body, places)


def _check(header: _Header, body: bytes, size: int, family: str) -> None:
    if header.root != (digest := header.digest()):
        raise _broken(body, f"root: {header.root} is not the SHA-256 of the description, {digest}")
    if header.family != family:
        raise _broken(body, f"family: found {header.family}, expected {family}")
    names = [name for name, _, _ in header.parts]
    if any(left >= right for left, right in pairwise(names)):
        raise _broken(body, "parts: names must ascend, each once")
    if (total := sum(part for _, part, _ in header.parts)) != size:
        raise _broken(body, f"parts: their sizes add up to {total} bytes, found {size}")


def _broken(body: bytes, why: str) -> PermanentError:
    return PermanentError(f"a packed model of {len(body)} bytes was not opened: {why}; train again")


def _canonical(content: Any) -> bytes:
    """Sorted keys, no spaces, ASCII: one text for one content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
