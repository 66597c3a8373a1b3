"""Objects of many members, and zeros after the last one: read as the compressors' own tools read them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing import compression
from afterbell.ingest.parsing.compression import decompress
from afterbell.sources.layout import Compression

PACK: dict[Compression, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
TEXT = bytes(random.Random(7).choices(b"0123456789,.\n", k=300_000))
# Written by `bgzip` of HTSlib: members of at most 64 KiB with an extra field, and an empty one at the end.
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def unpack(how: Compression, body: bytes, limit: int = 10_000_000) -> bytes:
    return decompress(how, "drop k", body, limit, "that is the limit")


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("size", [1, 200, 5_000, 70_000, 300_000])
def test_members_of_any_size_come_out_one_after_the_other(how: Compression, size: int) -> None:
    pieces = [TEXT[first : first + size] for first in range(0, len(TEXT), size)][:400]
    assert unpack(how, b"".join(PACK[how](piece) for piece in pieces)) == b"".join(pieces)


@pytest.mark.parametrize("how", PACK)
def test_the_bytes_that_are_handed_on_grow_with_the_object_and_not_with_its_square(
    how: Compression, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []
    make = compression._DECOMPRESSORS[how]

    class Counted:
        def __init__(self) -> None:
            self._stream = make()

        def decompress(self, piece: bytes, most: int) -> bytes:
            handed.append(len(piece))
            return bytes(self._stream.decompress(piece, most))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._stream, name)

    monkeypatch.setitem(compression._DECOMPRESSORS, how, Counted)
    empty = PACK[how](b"")
    assert unpack(how, empty * 4000) == b""
    # The first piece is the whole object; of each later one at most 256 bytes are handed over, whatever follows.
    assert sum(handed) <= 4000 * (len(empty) + 256)


def test_a_bgzf_file_is_read() -> None:
    blocks = [gzip.compress(TEXT[first : first + 60_000]) for first in range(0, len(TEXT), 60_000)]
    assert unpack("gzip", b"".join(blocks) + BGZF_END) == TEXT


@pytest.mark.parametrize(("how", "zeros"), [("gzip", 512), ("gzip", 1), ("gzip", 70_000), ("bz2", 512), ("xz", 512)])
def test_zeros_after_the_last_member_are_read_over(how: Compression, zeros: int) -> None:
    assert unpack(how, PACK[how](TEXT) + bytes(zeros)) == TEXT
    assert unpack(how, PACK[how](b"") * 3 + bytes(zeros)) == b""


def test_zeros_between_the_streams_of_an_xz_file_come_in_fours() -> None:
    one = lzma.compress(b"line\n")
    assert unpack("xz", one + bytes(8) + one + bytes(4)) == b"line\nline\n"
    with pytest.raises(CorruptDropError, match="aren't xz follow"):
        unpack("xz", one + bytes(7) + one)


@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("tail", [b"x", bytes(512) + b"x", b"\n", b"<html>"])
def test_anything_else_after_the_last_member_is_refused(how: Compression, tail: bytes) -> None:
    with pytest.raises(CorruptDropError, match=f"{len(tail)} bytes that aren't {how} follow"):
        unpack(how, PACK[how](TEXT) + tail)


@pytest.mark.parametrize("how", PACK)
def test_a_later_member_that_is_cut_off_is_refused(how: Compression) -> None:
    with pytest.raises(CorruptDropError, match=r"ends too early|corrupt"):
        unpack(how, PACK[how](TEXT) * 3 + PACK[how](TEXT)[:-5])


@pytest.mark.parametrize("how", PACK)
def test_many_members_meet_the_limit_together(how: Compression) -> None:
    body = PACK[how](TEXT[:1000]) * 50
    assert len(unpack(how, body, limit=50_000)) == 50_000
    with pytest.raises(CorruptDropError, match="decompresses to more than 49999 bytes"):
        unpack(how, body, limit=49_999)


def test_an_object_of_zeros_is_no_gzip() -> None:
    with pytest.raises(CorruptDropError, match="expected gzip, found an object that starts with"):
        unpack("gzip", bytes(512))


@pytest.mark.parametrize("damage", ["bytes", "header", "end", "gap"])
def test_damaged_gzip_is_refused_where_zlib_refuses_it(damage: str) -> None:
    chance = random.Random(damage)
    taken = refused = 0
    for _ in range(500):
        text = TEXT[: chance.choice([0, 1, 300, 5_000])]
        body = bytearray(
            _member(text, chance.choice([0, 1, 9]), chance.sample(sorted(_OPTIONAL), chance.randint(0, 3)))
        )
        at = chance.randrange(len(body))
        if damage == "bytes":
            body[at] = chance.randrange(256)
        elif damage == "header":
            body[chance.randrange(10)] = chance.randrange(256)
        elif damage == "end":
            del body[at:]
        else:
            del body[at : at + chance.randint(1, 5)]
        if not body:
            continue
        try:
            expected = zlib.decompress(bytes(body), 31)
        except zlib.error:
            refused += 1
            with pytest.raises(CorruptDropError):
                unpack("gzip", bytes(body))
        else:
            taken += 1
            assert unpack("gzip", bytes(body)) == expected
    assert refused > 100
    assert taken > 10 or damage in {"end", "gap"}


_OPTIONAL = {4: b"\x04\x00abcd", 8: b"name\0", 16: b"comment\0"}
"""Fields of a gzip header by their flags, in the order in which they stand: RFC 1952, 2.3."""


def _member(text: bytes, level: int, flags: list[int]) -> bytes:
    plain = gzip.compress(text, level, mtime=0)
    return (
        plain[:3] + bytes([sum(flags)]) + plain[4:10] + b"".join(_OPTIONAL[flag] for flag in sorted(flags)) + plain[10:]
    )
