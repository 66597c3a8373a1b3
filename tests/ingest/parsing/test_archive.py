"""Members of zips: which one is read, and every archive that is refused, with its reason."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.archive import MemberRequest, read_member
from tests.ingest.lean import zipped

LINES = b"20131001 00:00,4780000,4855000,4770000,4842000,12345678\n"


def read(body: bytes, pattern: str = "", limit: int = 1_000_000) -> bytes:
    return read_member(MemberRequest("drop k", pattern, limit, "that is the limit"), body)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_the_only_member_is_read_however_it_is_packed(method: int) -> None:
    assert read(zipped({"aapl.csv": LINES}, method)) == LINES


def test_the_member_of_the_pattern_is_read_and_others_are_left() -> None:
    body = zipped({"readme.txt": "x", "data/aapl.csv": LINES, "data/aapl.csv.sha": "y"})
    assert read(body, r"data/aapl\.csv") == LINES


def test_a_folder_beside_the_only_member_does_not_count() -> None:
    assert read(zipped({"data/": b"", "data/aapl.csv": LINES})) == LINES


def test_an_archive_with_a_comment_is_read() -> None:
    buffer = io.BytesIO(zipped({"aapl.csv": LINES}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"made by a vendor"
    assert read(buffer.getvalue()) == LINES


def test_a_zip64_archive_is_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("aapl.csv", "w", force_zip64=True) as stream:
        stream.write(LINES)
    assert read(buffer.getvalue()) == LINES


@pytest.mark.parametrize(
    ("members", "pattern", "message"),
    [
        ({}, "", "expected one member in the zip, found 0: its members are none"),
        ({"a.csv": LINES, "b.csv": LINES}, "", "found 2: they are 'a.csv', 'b.csv'"),
        ({"a.csv": LINES, "b.csv": LINES}, r"[ab]\.csv", "named like .* found 2"),
        (
            {"ibm.csv": LINES},
            r"aapl\.csv",
            r"expected one member named like aapl\\\.csv in the zip, found 0: .*'ibm.csv'",
        ),
        ({"x/aapl.csv": LINES}, r"aapl\.csv", "found 0"),
        ({"data/": b""}, "", "found 0"),
        ({"../aapl.csv": LINES}, "", r"named '\.\./aapl.csv'; expected names inside the archive"),
        ({"a/../../b.csv": LINES}, "", "expected names inside"),
        ({"/etc/passwd": LINES}, "", "expected names inside"),
        ({"..\\aapl.csv": LINES}, "", "expected names inside"),
        ({"C:/aapl.csv": LINES}, "", "expected names inside"),
        ({"aapl.csv": LINES, "../other": b"x"}, r"aapl\.csv", "expected names inside"),
        ({"a\x1b[2J.csv": LINES}, "", "expected names inside"),
    ],
)
def test_an_archive_without_exactly_one_fitting_member_is_refused(
    members: dict[str, str | bytes], pattern: str, message: str
) -> None:
    with pytest.raises(CorruptDropError, match=message):
        read(zipped(members), pattern)


def test_a_name_that_is_there_twice_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("aapl.csv", LINES)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("aapl.csv", b"other\n")
    with pytest.raises(CorruptDropError, match="found 2"):
        read(buffer.getvalue(), r"aapl\.csv")


@pytest.mark.parametrize("limit", [999, 1_000])
def test_a_member_is_read_up_to_the_limit_and_refused_by_its_declared_size_beyond(limit: int) -> None:
    body = zipped({"aapl.csv": bytes(1_000)})
    if limit >= 1_000:
        assert read(body, limit=limit) == bytes(1_000)
        return
    with pytest.raises(CorruptDropError, match="decompresses to 1000 bytes, more than 999; that is the limit"):
        read(body, limit=limit)


@pytest.mark.parametrize("claimed", [10, 500_000])
def test_a_member_whose_declared_size_is_false_is_refused(claimed: int) -> None:
    body = bytearray(zipped({"aapl.csv": bytes(100_000)}))
    entry = body.index(b"PK\x01\x02")
    body[entry + 24 : entry + 28] = struct.pack("<I", claimed)
    with pytest.raises(CorruptDropError, match=r"corrupt|ends too early"):
        read(bytes(body))


def damaged(at: int, value: bytes) -> bytes:
    """A stored member; ``at`` counts from the first byte of its data."""
    body = bytearray(zipped({"aapl.csv": LINES}, zipfile.ZIP_STORED))
    begin = body.index(LINES) + at
    body[begin : begin + len(value)] = value
    return bytes(body)


def test_a_flipped_byte_is_found_by_the_checksum() -> None:
    with pytest.raises(CorruptDropError, match=r"corrupt .*CRC"):
        read(damaged(15, b"9"))


@pytest.mark.parametrize("end", [1, 10, 60, 100])
def test_an_archive_that_is_cut_off_is_refused(end: int) -> None:
    with pytest.raises(CorruptDropError, match="corrupt"):
        read(zipped({"aapl.csv": LINES})[:-end])


def test_an_encrypted_member_is_named() -> None:
    body = bytearray(zipped({"aapl.csv": LINES}))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(mark) + flags] |= 1
    with pytest.raises(CorruptDropError, match=r"member 'aapl\.csv' of the zip is encrypted"):
        read(bytes(body))


def test_a_method_that_nobody_here_reads_is_named() -> None:
    body = bytearray(zipped({"aapl.csv": LINES}))
    for mark, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = body.index(mark) + method
        body[at : at + 2] = struct.pack("<H", 9)  # Deflate64
    with pytest.raises(CorruptDropError, match=r"a feature that is not supported .*ask for one compressed by deflate"):
        read(bytes(body))


@pytest.mark.parametrize("tail", [b"x", b"\0" * 512, b"<html>"])
def test_bytes_after_the_archive_are_refused(tail: bytes) -> None:
    with pytest.raises(CorruptDropError, match=r"aren't zip follow|corrupt"):
        read(zipped({"aapl.csv": LINES}) + tail)


@pytest.mark.parametrize("body", [b"x" + zipped({"a.csv": LINES}), LINES, b"\x1f\x8b", b"PK"])
def test_what_does_not_begin_as_a_zip_is_none(body: bytes) -> None:
    with pytest.raises(CorruptDropError, match="expected zip, found an object that starts with"):
        read(body)


def test_a_list_of_very_many_members_is_refused_before_it_is_read() -> None:
    entry = b"PK\x01\x02" + bytes(42)
    with pytest.raises(CorruptDropError, match="lists more than 10000 members"):
        read(b"PK\x03\x04" + entry * 10_001)
