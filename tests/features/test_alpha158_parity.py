"""Every factor of Alpha158 is Qlib's: its frozen answers on a small, awkward market (``answers/README.md``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from afterbell.features.compute import compute
from afterbell.features.grid import Actions, Bars, Floats
from afterbell.features.sets.alpha158 import ALPHA158
from bench.qlib.compare import compare
from tests.features.worlds import cut_off, grid

ANSWERS = Path(__file__).parent / "answers"
QLIB = pq.read_table(ANSWERS / "alpha158_qlib.parquet")
FACTORS = [name for name in QLIB.column_names if name not in {"symbol", "session"}]


@pytest.fixture(scope="module")
def ours() -> dict[str, Floats]:
    """Our factors in the order of the answers' rows, from the whole market at once."""
    table = pq.read_table(ANSWERS / "alpha158_bars.parquet")
    sessions, column = np.unique(table["session"].to_numpy(), return_inverse=True)
    symbols, code = np.unique(table["symbol"].to_numpy(), return_inverse=True)
    values = np.stack([table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")])
    known = np.array([cut_off(session) for session in range(len(sessions))])
    bars = Bars(code, column, known[column], np.zeros(len(code), dtype=np.int64), values.astype(np.float64))
    none = np.zeros(0, dtype=np.int64)
    actions = Actions(none, none, none, none.astype(np.float64), none.astype(np.bool_))
    wanted = np.flatnonzero(sessions >= QLIB["session"].to_numpy().min())
    rows = compute(bars, actions, grid(0, len(sessions) - 1), len(symbols), ALPHA158, wanted)
    order = np.lexsort((rows.session, rows.symbol))
    assert symbols[rows.symbol[order]].tolist() == QLIB["symbol"].to_pylist()
    assert sessions[rows.session[order]].tolist() == QLIB["session"].to_pylist()
    return dict(zip(ALPHA158.names, rows.values[:, order].astype(np.float64), strict=True))


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
