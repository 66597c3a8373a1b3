"""Decompression that stops at a limit, whatever size the object claims. Pure."""

from __future__ import annotations

import bz2
import io
import lzma
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pyarrow as pa
from isal import isal_zlib

from afterbell.errors import CorruptDropError
from afterbell.sources.layout import Compression

_GZIP = 31  # "a gzip stream, the largest window", in the code that zlib has for it
_GZIP_FLAGS, _GZIP_RESERVED = 3, b"\x20"  # where a member's flags are, and from which value on they have no meaning
_CHUNK = 4 * 1024 * 1024
_SMALLEST_PIECE, _LARGEST_PIECE = 256, 1024 * 1024
_ZEROS = re.compile(rb"\0*")
_XZ_PADDING = 4
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": partial(isal_zlib.decompressobj, _GZIP),
    "bz2": bz2.BZ2Decompressor,
    "xz": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ),
}
_MAGIC: dict[str, bytes] = {
    "gzip": b"\x1f\x8b",
    "bz2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
}
_GZIP_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance
_BROKEN = (_GZIP_ERROR, OSError, EOFError, lzma.LZMAError, pa.ArrowInvalid)


def decompress(how: Compression, drop: str, body: bytes, limit: int, allowed: str) -> bytes:
    """All members of a compressed object.

    Args:
        how: the compression; a zip is for ``afterbell.ingest.parsing.archive``.
        drop: the drop's name, for messages.
        body: the object.
        limit: bytes that may come out.
        allowed: the limit in words, for messages.

    Raises:
        CorruptDropError: it isn't compressed like that, is corrupt, ends too early, is followed by something else, or
            is larger than the limit.
    """
    if how == "none" or not body:
        return body
    if not body.startswith(_MAGIC[how]):
        raise CorruptDropError(f"{drop}: expected {how}, found an object that starts with {body[:16]!r}")
    try:
        content = _arrow(how, body, limit) if how in {"zstd", "lz4"} else _members(how, drop, body, limit)
    except _BROKEN as error:
        raise CorruptDropError(f"{drop}: the {how} data is corrupt ({error}); ask for it again") from error
    if content is None:
        raise CorruptDropError(f"{drop}: decompresses to more than {limit} bytes; {allowed}")
    return content


def _members(how: Compression, drop: str, body: bytes, limit: int) -> bytes | None:
    """All members one after the other; zeros may follow the last one, as tapes and block devices leave them."""
    parts: list[bytes] = []
    size, place = 0, 0
    while place < len(body):
        place = _after_zeros(how, body, place)
        if place == len(body):
            break
        if not body.startswith(_MAGIC[how], place):
            raise CorruptDropError(f"{drop}: {len(body) - place} bytes that aren't {how} follow the compressed data")
        if how == "gzip" and body[place + _GZIP_FLAGS : place + _GZIP_FLAGS + 1] >= _GZIP_RESERVED:
            raise CorruptDropError(f"{drop}: the gzip data is corrupt (unknown flags in its header); ask for it again")
        member = _Member(how, body, place)
        while not member.eof:
            part = member.read(limit - size + 1)
            if part is None:
                raise CorruptDropError(f"{drop}: the {how} data ends too early, after {size} bytes of text")
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
        place = member.place
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _after_zeros(how: Compression, body: bytes, place: int) -> int:
    """Where padding of zeros ends; between members it is allowed in xz alone, and there in fours."""
    zeros = _ZEROS.match(body, place)
    end = place if zeros is None else zeros.end()
    allowed = end == len(body)
    if how == "xz":
        allowed = (allowed or body.startswith(_MAGIC[how], end)) and (end - place) % _XZ_PADDING == 0
    return end if allowed else place


class _Member:
    """One member of a gzip, bz2 or xz object.

    It is handed its bytes in pieces that grow: what a piece holds of the members after it is copied, so that handing
    over the whole rest each time would cost the square of the number of members.

    Attributes:
        place: where in the object the bytes begin that it has not read; when it has ended, where the next one begins.
    """

    def __init__(self, how: Compression, body: bytes, place: int) -> None:
        self._stream: Any = _DECOMPRESSORS[how]()
        self._body, self.place = memoryview(body), place
        # A first member is mostly the only one.
        self._piece = _SMALLEST_PIECE if place else _LARGEST_PIECE

    @property
    def eof(self) -> bool:
        """Whether all of it was read."""
        return bool(self._stream.eof)

    def read(self, most: int) -> bytes | None:
        """The text of the next piece, at most ``most`` bytes; None where the object ends before the member does."""
        piece = self._body[self.place : self.place + self._piece]
        if not piece:
            return None
        self.place += len(piece)
        self._piece = min(self._piece * 4, _LARGEST_PIECE)
        part = bytes(self._stream.decompress(piece, most))
        if self._stream.eof:
            self.place -= len(self._stream.unused_data)
        return part


def _arrow(how: Compression, body: bytes, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    with pa.CompressedInputStream(io.BytesIO(body), how) as stream:
        while part := stream.read(min(_CHUNK, limit - size + 1)):
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
    return b"".join(parts)
