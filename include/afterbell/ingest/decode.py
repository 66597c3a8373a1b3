"""From the bytes of a drop to its lines: decompression within limits, UTF-8, BOM and CRLF stripped."""

from __future__ import annotations

import zlib

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.source import Source

_GZIP = 31  # zlib's code for "a gzip stream, the largest window"
_CHUNK = 4 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def decode_lines(source: Source, key: str, body: bytes) -> pl.DataFrame:
    """The lines of a drop.

    Args:
        source: what the drop should be.
        key: the drop's name, for messages.
        body: the object's bytes, as stored.

    Returns:
        ``line`` (Int64, from 1) and ``raw`` (String, without its line end); empty lines at the end are left out.

    Raises:
        CorruptDropError: the compression is broken, a limit is passed, or the text isn't UTF-8.
    """
    limit = source.limits.compressed_bytes
    if len(body) > limit:
        raise CorruptDropError(f"drop {key}: has {len(body)} bytes, the limit of source {source.name} is {limit}")
    data = _gunzip(source, key, body) if source.format.compression == "gzip" else body
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorruptDropError(
            f"drop {key}: expected utf-8 text, found byte {data[error.start]:#04x} at offset {error.start}"
        ) from error
    text = text.rstrip("\r\n")
    lines = text.split("\n") if text else []
    return pl.DataFrame(
        {"line": pl.int_range(1, len(lines) + 1, eager=True, dtype=pl.Int64), "raw": pl.Series(lines, dtype=pl.String)}
    ).with_columns(pl.col("raw").str.strip_suffix("\r"))


def _gunzip(source: Source, key: str, body: bytes) -> bytes:
    """All members of a gzip object, never more than the limits allow."""
    limit = min(source.limits.uncompressed_bytes, source.limits.ratio * len(body))
    parts: list[bytes] = []
    size, rest = 0, body
    while rest:
        if not rest.startswith(_GZIP_MAGIC):
            raise CorruptDropError(
                f"drop {key}: expected gzip, found an object that starts with {rest[:16]!r}"
                if not parts
                else f"drop {key}: {len(rest)} bytes that aren't gzip follow the compressed data"
            )
        stream = zlib.decompressobj(_GZIP)
        while not stream.eof:
            try:
                part = stream.decompress(rest, min(_CHUNK, limit - size + 1))
            except zlib.error as error:
                raise CorruptDropError(f"drop {key}: the gzip data is corrupt ({error}); ask for it again") from error
            if not part and not stream.unconsumed_tail and not stream.eof:
                raise CorruptDropError(f"drop {key}: the gzip data ends too early, after {size} bytes of text")
            size += len(part)
            if size > limit:
                raise CorruptDropError(
                    f"drop {key}: decompresses to more than {limit} bytes; source {source.name} allows "
                    f"{source.limits.uncompressed_bytes} and {source.limits.ratio} times the compressed size"
                )
            parts.append(part)
            rest = stream.unconsumed_tail
        rest = stream.unused_data
    return b"".join(parts)
