"""In a market without any signal the daily run finds none."""

import pytest

pytestmark = pytest.mark.services


def test_without_a_signal_none_is_found(unplanted):
    _, summary = unplanted
    for horizon in ("h1", "h5"):
        found = summary["metrics"][horizon]
        assert abs(found["ic"]) < 3 * found["ic_se"], horizon
        assert abs(found["rank_ic"]) < 3 * found["rank_ic_se"], horizon
