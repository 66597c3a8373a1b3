"""Every row of the table of failures that concerns data and stores has a test that is named after it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = {
    1: "a late drop is waited for up to the cut-off, then the late policy decides",
    2: "a drop that never comes fails the session and holds the champion",
    3: "a day without a session changes nothing",
    4: "a drop of a day without a session is set aside with a warning",
    5: "a half day's counts and deadline come from the calendar",
    6: "an upload that is not complete is waited for, never taken by mere existence",
    7: "zero bytes, or a header only, fail that drop by its name",
    8: "the same name with the same bytes changes nothing",
    9: "the same name with other bytes is a recorded revision",
    10: "an object replaced while it is read is noticed, and its new version read",
    11: "a body twice in one file, header lines in the body: set aside and counted",
    12: "rows of another day only where the source says so",
    13: "truncated or corrupt compression fails, and is never skipped silently",
    14: "a decompression bomb, or a huge file, fails at a stated limit",
    15: "what is not of the claimed format fails on its header",
    16: "a listing of more than a thousand keys is paged through",
    17: "a column that is missing, renamed or of another type fails by its name",
    18: "an added column is accepted with a warning where the source allows it, else it fails",
    19: "columns in another order are read by name",
    20: "a row with too few or too many fields is set aside",
    21: "a byte order mark and CRLF are stripped; any other undeclared encoding fails",
    22: "a huge field, a stray quote or a NUL sets its row aside",
    23: "a symbol outside the allowed pattern sets its row aside",
    24: "a null, NaN, infinite, zero or negative price is set aside and counted by rule",
    25: "a high below the low, an open or close outside them, is set aside",
    26: "zero volume is accepted and flagged",
    27: "a jump without a corporate action sets the symbol aside for the session",
    28: "a split or dividend gives its factor and ex-session, never a false return",
    29: "an adjustment visible before its ex-session takes effect on the ex-session only",
    30: "a restated price or volume is a new revision with its knowledge time",
    31: "equal duplicates collapse and are counted; different ones are set aside together",
    32: "a gap inside the history is recorded and never filled",
    33: "stale prices are warned of, and set aside past the limit",
    34: "a symbol renamed, used again, delisted or listed: validity by date, history kept",
    35: "naive or mixed time zones, changes of clocks: the source's zone; future rows set aside",
    36: "a date past the calendar's bounds fails",
    37: "a decimal comma, N/A, an exponent, an overflow: strict, set aside",
    38: "too many rows set aside, or too many symbols missing, fail and hold",
    39: "a store that throttles or resets is tried again with jitter and bounded concurrency",
    40: "an object that a manifest names and that is gone is data loss",
    41: "a pointer's write without an answer is of unknown outcome and read again",
    42: "a precondition that failed on the pointer is a lost race: nothing, or a failure",
    43: "expired credentials are renewed once; denied access fails; a wrong bucket before the work",
    44: "HDFS in safe mode, down or full: tried again to the cut-off, nothing half-written",
}


def named_tests() -> dict[int, set[str]]:
    """The names of the tests of each row, as they stand in the files of this room and below it."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in HERE.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match = re.match(r"test_row_(\d\d)_\w+", node.name) if isinstance(node, ast.FunctionDef) else None
            if match:
                found[int(match[1])].add(match[0])
    return found


@pytest.mark.parametrize("row", sorted(TABLE), ids=lambda row: f"row {row}")
def test_every_row_has_a_test(row: int) -> None:
    assert named_tests()[row], f"row {row} ({TABLE[row]}) has no test: name one test_row_{row:02d}_..."


def test_every_test_is_of_a_row_of_the_table() -> None:
    assert set(named_tests()) == set(TABLE) == set(range(1, 45))
