"""From rows to panels."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from afterbell.errors import GateError
from afterbell.evaluation.metrics import score_panel
from afterbell.evaluation.out_of_sample import COLUMNS, contender, panels_of
from tests.evaluation.conftest import PORTFOLIO, days, make_panel


def rows():
    one, two = date(2020, 1, 2), date(2020, 1, 3)
    cells = [
        ("c", "B", one, 1, "ridge", 0, 0.1, 0.01),
        ("c", "A", two, 1, "ridge", 1, 0.2, 0.02),
        ("c", "A", two, 1, "lightgbm", 1, 0.3, 0.02),
        ("c", "A", one, 5, "ridge", 0, 0.4, 0.05),
    ]
    return pl.DataFrame(cells, schema=list(COLUMNS), orient="row")


def test_cells_land_where_their_session_and_symbol_are_whatever_the_order():
    for frame in (rows(), rows().reverse()):
        panel = panels_of(frame)[1]
        assert panel.sessions == (date(2020, 1, 2), date(2020, 1, 3))
        assert panel.folds.tolist() == [0, 1]
        nan = np.nan
        assert np.array_equal(panel.scores["ridge"], [[nan, 0.1], [0.2, nan]], equal_nan=True)
        assert np.array_equal(panel.scores["lightgbm"], [[nan, nan], [0.3, nan]], equal_nan=True)
        assert np.array_equal(panel.labels, [[nan, 0.01], [0.02, nan]], equal_nan=True)


def test_horizons_are_apart():
    assert sorted(panels_of(rows())) == [1, 5]
    assert panels_of(rows())[5].labels.tolist() == [[0.05]]


def test_rows_that_stand_twice_are_refused():
    with pytest.raises(GateError, match="more than once"):
        panels_of(pl.concat([rows(), rows().head(1)]))


def test_a_contender_has_only_sessions_whose_ic_is_defined():
    panel = make_panel(0.05, sessions=30)
    panel.labels[4] = np.nan
    found = contender("c", date(2020, 6, 1), {1: panel}, {1: score_panel(panel, PORTFOLIO)})
    assert sorted(found.rank_ics[1]) == [day for number, day in enumerate(days(30)) if number != 4]
