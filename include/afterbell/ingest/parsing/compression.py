"""Decompression that stops at a limit, whatever the object claims of itself. Pure."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from typing import Any

import pyarrow as pa

from afterbell.errors import CorruptDropError
from afterbell.ingest.sources.layout import Compression

_GZIP = 31  # zlib's code for "a gzip stream, the largest window"
_CHUNK = 4 * 1024 * 1024
_SMALLEST_CHUNK = 64 * 1024
_MAGIC: dict[str, bytes] = {
    "gzip": b"\x1f\x8b",
    "bz2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
}
_BROKEN = (zlib.error, OSError, EOFError, lzma.LZMAError, pa.ArrowInvalid)


def decompress(how: Compression, drop: str, body: bytes, limit: int, allowed: str) -> bytes:
    """All members of a compressed object.

    Args:
        how: the compression.
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
        found = _arrow(how, body, limit) if how in {"zstd", "lz4"} else _members(how, drop, body, limit)
    except _BROKEN as error:
        raise CorruptDropError(f"{drop}: the {how} data is corrupt ({error}); ask for it again") from error
    if found is None:
        raise CorruptDropError(f"{drop}: decompresses to more than {limit} bytes; {allowed}")
    return found


def _members(how: Compression, drop: str, body: bytes, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size, rest = 0, body
    while rest:
        if not rest.startswith(_MAGIC[how]):
            raise CorruptDropError(f"{drop}: {len(rest)} bytes that aren't {how} follow the compressed data")
        member = _Gzip(rest) if how == "gzip" else _Member(how, rest)
        while not member.eof:
            part = member.read(limit - size + 1)
            if not part and not member.eof:
                raise CorruptDropError(f"{drop}: the {how} data ends too early, after {size} bytes of text")
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
        rest = member.rest
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Stream:
    """One member of a compressed object, and what follows it."""

    _stream: Any

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def rest(self) -> bytes:
        return bytes(self._stream.unused_data)


class _Gzip(_Stream):
    """One member of a gzip object."""

    def __init__(self, data: bytes) -> None:
        self._stream = zlib.decompressobj(_GZIP)
        self._data = data
        # A member ends with its size: with that as a hint, most objects come out in one call and without a copy.
        self._hint = max(int.from_bytes(data[-4:], "little"), _SMALLEST_CHUNK)

    def read(self, most: int) -> bytes:
        part = bytes(self._stream.decompress(self._data, max(1, min(most, self._hint + 1))))
        self._data, self._hint = self._stream.unconsumed_tail, _CHUNK
        return part


class _Member(_Stream):
    """One member of a bz2 or xz object."""

    def __init__(self, how: Compression, data: bytes) -> None:
        self._stream = bz2.BZ2Decompressor() if how == "bz2" else lzma.LZMADecompressor(lzma.FORMAT_XZ)
        self._data = data

    def read(self, most: int) -> bytes:
        part = bytes(self._stream.decompress(self._data, max(1, min(most, _CHUNK))))
        self._data = b""  # it keeps what it could not use yet
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
