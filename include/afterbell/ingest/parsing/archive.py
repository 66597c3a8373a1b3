"""One member of a zip, read within limits and in memory alone: no name in an archive ever becomes a path. Pure."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass

from afterbell.errors import CorruptDropError

_CHUNK = 1024 * 1024
_MOST_MEMBERS = 10_000
"""Of an archive: a list of millions of names would fill a task's memory before anything is read."""
_ENTRY, _FIRST, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_END_BYTES = 22
_ENCRYPTED = 0x2041  # bits of a member's flags: a password, strong encryption, an encrypted list of members
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, LookupError,
    OverflowError,
)  # fmt: skip
_SHOWN = 5


@dataclass(frozen=True)
class MemberRequest:
    """The member of an archive to read.

    Attributes:
        drop: the drop's name, for messages.
        pattern: a regular expression for the member's whole name; empty for the only one.
        limit: bytes that may come out.
        allowed: the limit in words, for messages.
    """

    drop: str
    pattern: str
    limit: int
    allowed: str


def read_member(request: MemberRequest, body: bytes) -> bytes:
    """The bytes of one member of a zip.

    Raises:
        CorruptDropError: it is no zip, is damaged or encrypted, is larger than the limit, has a name that leads out of
            its folder, or doesn't have exactly one member that fits.
    """
    if not body.startswith((_FIRST, _END)):
        raise CorruptDropError(f"{request.drop}: expected zip, found an object that starts with {body[:16]!r}")
    if body.count(_ENTRY) > _MOST_MEMBERS:
        raise CorruptDropError(f"{request.drop}: the zip lists more than {_MOST_MEMBERS} members; expected one drop")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            _check_end(request, archive, body)
            return _read_chosen(request, archive, _choose_member(request, archive))
    except NotImplementedError as error:
        raise CorruptDropError(
            f"{request.drop}: the zip uses a feature that is not supported ({error}); ask for one compressed by deflate"
        ) from error
    except _BROKEN as error:
        raise CorruptDropError(f"{request.drop}: the zip data is corrupt ({error}); ask for it again") from error


def _check_end(request: MemberRequest, archive: zipfile.ZipFile, body: bytes) -> None:
    end = len(body) - _END_BYTES - len(archive.comment)
    if end < 0 or not body.startswith(_END, end):
        raise CorruptDropError(f"{request.drop}: bytes that aren't zip follow the archive; ask for it again")


def _choose_member(request: MemberRequest, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    outside = [member.orig_filename for member in archive.infolist() if _leads_out(member.orig_filename)]
    if outside:
        raise CorruptDropError(
            f"{request.drop}: the zip has a member named {outside[0][:120]!r}; expected names inside the archive, "
            "without a leading /, a drive, .. or control characters"
        )
    fitting = [member for member in members if not request.pattern or re.fullmatch(request.pattern, member.filename)]
    if len(fitting) == 1:
        return fitting[0]
    expected = f"one member named like {request.pattern}" if request.pattern else "one member"
    names = ", ".join(repr(member.filename[:80]) for member in (fitting or members)[:_SHOWN]) or "none"
    more = f", and {len(members)} in all" if len(members) > _SHOWN else ""
    raise CorruptDropError(
        f"{request.drop}: expected {expected} in the zip, found {len(fitting)}: "
        f"{'its members are' if not fitting else 'they are'} {names}{more}; correct format.member of the source, or "
        "ask for one drop an archive"
    )


def _leads_out(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return name[:1] in {"/", "\\"} or ".." in parts or ":" in parts[0] or not name.isprintable()


def _read_chosen(request: MemberRequest, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    name = member.filename[:120]
    if member.flag_bits & _ENCRYPTED:
        raise CorruptDropError(
            f"{request.drop}: member {name!r} of the zip is encrypted; ask for it without a password"
        )
    if member.file_size > request.limit:
        raise CorruptDropError(
            f"{request.drop}: member {name!r} of the zip decompresses to {member.file_size} bytes, more than "
            f"{request.limit}; {request.allowed}"
        )
    parts, size = [], 0
    with archive.open(member) as stream:
        # The size in the list can be false; at the end the checksum is compared.
        while part := stream.read(min(_CHUNK, request.limit - size + 1)):
            size += len(part)
            if size > request.limit:
                raise CorruptDropError(
                    f"{request.drop}: member {name!r} of the zip decompresses to more than {request.limit} bytes; "
                    f"{request.allowed}"
                )
            parts.append(part)
    if size != member.file_size:
        raise CorruptDropError(
            f"{request.drop}: member {name!r} of the zip ends too early, after {size} of {member.file_size} bytes; ask "
            "for it again"
        )
    return b"".join(parts)
