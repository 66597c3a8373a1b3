"""Arrays that grow in a file: what NumPy reads back, and what takes no memory meanwhile."""

import numpy as np
import pytest

from afterbell.errors import PermanentError
from afterbell.training import columns
from afterbell.training.columns import ColumnFile


def written(path, parts, columns_, room, dtype="f4"):
    file = ColumnFile(path, dtype, columns_, room)
    for part in parts:
        file.append(part)
    file.close_up()
    file.close()
    return np.load(path, allow_pickle=False)


@pytest.mark.parametrize("room", [7, 8, 1000])
def test_pieces_stand_one_after_the_other_in_each_column(tmp_path, room, monkeypatch):
    monkeypatch.setattr(columns, "_PIECE", 12)  # columns are moved in more than one piece
    whole = np.arange(21, dtype=np.float32).reshape(3, 7)
    found = written(tmp_path / "x.npy", [whole[:, :2], whole[:, 2:2], whole[:, 2:]], 3, room)
    assert np.array_equal(found, whole)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_one_column_is_an_array_of_one_dimension(tmp_path):
    found = written(tmp_path / "x.npy", [[np.arange(3)], [np.arange(3, 5)]], None, 9, "i4")
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert found.shape == (5,)
    assert found.dtype == np.int32


def test_room_that_is_not_used_takes_no_space(tmp_path):
    path = tmp_path / "x.npy"
    written(path, [np.ones((2, 10), np.float32)], 2, 100_000_000)
    assert path.stat().st_size == 128 + 2 * 10 * 4


def test_more_rows_than_there_is_room_for_are_refused(tmp_path):
    with pytest.raises(PermanentError, match="read 5 rows, the table's metadata counts 4"):
        written(tmp_path / "x.npy", [np.ones((1, 3)), np.ones((1, 2))], 1, 4)
