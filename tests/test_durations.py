"""Durations as people say them."""

from __future__ import annotations

import pytest

from afterbell.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (185.2, "3 min 05 s"), (0, "0.0 s"), (4.24, "4.2 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (3599.97, "1 h 00 min"),
        (7080, "1 h 58 min"), (93784, "26 h 03 min"), (-61, "-1 min 01 s"), (None, "-"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_the_units_that_count(seconds, said):
    assert format_duration(seconds) == said
