"""A data file that could not be ended leaves nothing behind: a full disk needs the room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from afterbell.config.runtime import S3Location
from afterbell.lake.files import FileWriter
from afterbell.lake.shape import Shape
from tests.small_disk import full, may_mount, small_disk

S3 = S3Location(None, "us-east-1", "feed", "artifacts")
SCHEMA = pa.schema([("noise", pa.binary())])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if not may_mount():
        pytest.skip("a small file system can't be mounted here: that takes root")
    with small_disk(tmp_path / "disk", 8) as found:
        yield found


def write(disk: Path, megabytes: float, table: pa.Schema = SCHEMA) -> str:
    rows = [os.urandom(4096) for _ in range(int(megabytes * 256))]
    with FileWriter(Shape("market.noise", table, f"file:{disk}/data"), "", S3) as writer:
        writer.write(pa.table({"noise": rows}, schema=SCHEMA))
    return writer.made.path.removeprefix("file:")


def files(disk: Path) -> list[str]:
    return [path.name for path in (disk / "data").rglob("*") if path.is_file()]


@pytest.mark.parametrize("free", [0, 4096, 1024 * 1024], ids=["no byte", "a page", "a part of it"])
def test_a_file_that_the_disk_has_no_room_for_is_removed(disk: Path, free: int) -> None:
    (disk / "data").mkdir()
    with full(disk, but=free), pytest.raises(OSError, match="No space left on device"):
        write(disk, 3)
    assert files(disk) == []
    assert pq.read_table(write(disk, 3)).num_rows == 3 * 256


def test_a_file_whose_rows_could_not_be_made_is_removed(disk: Path) -> None:
    with pytest.raises(ValueError, match="schema does not match"):
        write(disk, 1, pa.schema([("other", pa.int64())]))
    assert files(disk) == []
