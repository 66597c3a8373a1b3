"""The real drops with few of their symbols: line by line as the vendor wrote them, in a share of the time."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from afterbell.stores.protocols import Delivery, StoreKind

DROPS = Path(__file__).resolve().parents[2] / "shared" / "market" / "us_daily"
"""Where they lie beside the project; not on a user's machine."""
KINDS: tuple[StoreKind, ...] = ("s3", "hdfs")


def delivered_on(path: Path) -> date:
    """The day in a drop's file name."""
    return datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=UTC).date()


def paths() -> Iterator[tuple[StoreKind, Path]]:
    """All drops with their stores, by store and name."""
    for kind in KINDS:
        for path in sorted((DROPS / kind).rglob("*.gz")):
            yield kind, path


def delivery(kind: StoreKind, path: Path, one_in: int, always: Collection[bytes] = ()) -> Delivery:
    """A drop as it is delivered, with one symbol of ``one_in``; see ``thinned``."""
    return Delivery(kind, path.relative_to(DROPS / kind).as_posix(), thinned(path, one_in, always))


def thinned(path: Path, one_in: int, always: Collection[bytes] = ()) -> bytes:
    """The bytes of a drop with one symbol of ``one_in``, those of ``always``, and each line that isn't a row.

    A symbol is taken by its CRC-32, so that all drops agree. An empty drop stays empty.
    """
    data = path.read_bytes()
    lines = gzip.decompress(data).splitlines(keepends=True) if data else []
    kept = (line for line in lines if _is_kept(line, one_in, always))
    return gzip.compress(b"".join(kept), 1, mtime=0) if data else b""


def _is_kept(line: bytes, one_in: int, always: Collection[bytes]) -> bool:
    symbol, comma, _ = line.replace(b"\t", b",").partition(b",")
    return not comma or symbol == b"symbol" or symbol in always or zlib.crc32(symbol) % one_in == 0
