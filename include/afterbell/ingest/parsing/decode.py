"""From the bytes of a drop to its lines: decompression within limits, UTF-8, BOM and CRLF stripped. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.archive import MemberRequest, read_member
from afterbell.ingest.parsing.compression import decompress
from afterbell.sources.source import Source

Offsets = npt.NDArray[np.int64]
_BOM = b"\xef\xbb\xbf"
_NEWLINE = 10


@dataclass(frozen=True)
class Text:
    """The lines of a drop, or a part of them.

    Attributes:
        data: UTF-8; every line ends with a newline, with or without a carriage return before it; no empty lines at
            the end.
        first: the number of its first line in the drop, from 1.
        begin: where in ``data`` its first line begins; what comes before is the header.
    """

    data: bytes
    first: int = 1
    begin: int = 0

    @cached_property
    def own(self) -> bytes:
        """The lines themselves."""
        return self.data[self.begin :]

    @cached_property
    def ends(self) -> Offsets:
        """Where in ``own`` each line ends: the offsets of the newlines."""
        return np.flatnonzero(np.frombuffer(self.own, np.uint8) == _NEWLINE)

    @cached_property
    def starts(self) -> Offsets:
        """Where in ``own`` each line begins."""
        begins = np.zeros_like(self.ends)
        begins[1:] = self.ends[:-1] + 1
        return begins

    def lines(self, numbers: list[int]) -> list[str]:
        """The text of these lines, without their ends."""
        places = [number - self.first for number in numbers]
        return [self.own[self.starts[place] : self.ends[place]].removesuffix(b"\r").decode() for place in places]

    def without_returns(self) -> Text:
        """The same lines without the carriage returns before their newlines."""
        return Text(self.own.replace(b"\r\n", b"\n"), self.first)

    def without(self, odd: npt.NDArray[np.bool_]) -> bytes:
        """The bytes of all lines but the ``odd`` ones."""
        view = memoryview(self.own)
        cuts = np.flatnonzero(odd)
        begins = [0, *(self.ends[cuts] + 1).tolist()]
        stops = [*self.starts[cuts].tolist(), len(self.own)]
        return b"".join(view[begin:stop] for begin, stop in zip(begins, stops, strict=True))

    def blocks(self, size: int) -> list[Text]:
        """The same lines in pieces of about ``size`` bytes."""
        if len(self.data) - self.begin <= size:
            return [self] if len(self.data) > self.begin else []
        pieces, start, number = [], self.begin, self.first
        while start < len(self.data):
            stop = self.data.find(b"\n", min(start + size, len(self.data) - 1)) + 1
            pieces.append(Text(self.data[start:stop], number))
            start, number = stop, number + pieces[-1].data.count(b"\n")
        return pieces


def decode(source: Source, key: str, body: bytes) -> Text:
    """The lines of a drop.

    Args:
        source: what the drop should be.
        key: the drop's name, for messages.
        body: the object's bytes, as stored.

    Raises:
        CorruptDropError: the compression is broken, a limit is passed, or the text isn't UTF-8.
    """
    data = unpacked(source, key, body).removeprefix(_BOM)
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CorruptDropError(
                f"drop {key}: expected utf-8 text, found byte {data[error.start]:#04x} at offset {error.start}"
            ) from error
    end = len(data)
    while end and data[end - 1] in b"\r\n":
        end -= 1
    if end and data[end:] in (b"\n", b"\r\n"):
        return Text(data)
    return Text(data[:end] + b"\n" if end else b"")


def check_size(source: Source, key: str, size: int) -> None:
    """Refuse an object by its size as it is stored, before it fills the task's memory.

    Raises:
        CorruptDropError: it is larger than the source allows.
    """
    if size > source.limits.compressed_bytes:
        raise CorruptDropError(
            f"drop {key}: has {size} bytes, the limit of source {source.name} is {source.limits.compressed_bytes}"
        )


def unpacked(source: Source, key: str, body: bytes) -> bytes:
    """The object without its compression.

    Raises:
        CorruptDropError: the compression is broken, or a limit is passed.
    """
    limits = source.limits
    check_size(source, key, len(body))
    compressed = source.format.compression != "none"
    limit = min(limits.uncompressed_bytes, limits.ratio * len(body) if compressed else limits.uncompressed_bytes)
    allowed = f"source {source.name} allows {limits.uncompressed_bytes} and {limits.ratio} times the compressed size"
    if source.format.compression == "zip":
        request = MemberRequest(f"drop {key}", source.member_pattern(key), limit, allowed)
        data = read_member(request, body) if body else body
    else:
        data = decompress(source.format.compression, f"drop {key}", body, limit, allowed)
    if len(data) > limit:
        raise CorruptDropError(f"drop {key}: has {len(data)} bytes uncompressed, more than {limit}; {allowed}")
    return data


def frame_of(text: Text, numbers: list[int]) -> pl.DataFrame:
    """Lines as a frame: ``line`` (Int64) and ``raw`` (String)."""
    return pl.DataFrame({"line": numbers, "raw": text.lines(numbers)}, schema={"line": pl.Int64, "raw": pl.String})
