"""Every factor of Alpha158 is Qlib's: its frozen answers on a small, awkward market (``answers/README.md``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from afterbell.features.grid import Floats
from afterbell.features.sets.alpha158 import ALPHA158
from bench.adjusted import factors_of
from bench.qlib.compare import compare

ANSWERS = Path(__file__).parent / "answers"
QLIB = pq.read_table(ANSWERS / "alpha158_qlib.parquet")
FACTORS = [name for name in QLIB.column_names if name not in {"symbol", "session"}]


@pytest.fixture(scope="module")
def ours() -> dict[str, Floats]:
    """Our factors in the order of the answers' rows, from the whole market at once."""
    found = factors_of(pq.read_table(ANSWERS / "alpha158_bars.parquet"))
    found = found.filter(pc.greater_equal(found["session"], pc.min(QLIB["session"])))
    found = found.sort_by([("symbol", "ascending"), ("session", "ascending")])
    assert found.select(["symbol", "session"]).equals(QLIB.select(["symbol", "session"]))
    return {name: found[name].to_numpy().astype(np.float64) for name in ALPHA158.names}


def test_the_set_has_qlibs_columns_and_no_other() -> None:
    assert sorted(ALPHA158.names) == sorted(FACTORS)
    assert len(FACTORS) == 158


@pytest.mark.parametrize("factor", FACTORS)
def test_a_factor_agrees_with_qlib_on_every_cell(ours: dict[str, Floats], factor: str) -> None:
    theirs = QLIB[factor].to_numpy().astype(np.float64)
    found = compare(factor, ours[factor], theirs)
    shown = [
        f"{QLIB['symbol'][at]} {QLIB['session'][at]}: ours {ours[factor][at]:.9g}, Qlib {theirs[at]:.9g}"
        for at in found.misses[:5].tolist()
    ]
    assert not len(found.misses), "\n".join([f"{100 * found.share:.2f} % agree", *shown])
