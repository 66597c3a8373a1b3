"""What changed since the session before; every order and size below was worked out by hand."""

from __future__ import annotations

import math

from afterbell.evaluation.since import changes

YESTERDAY = {
    "verdict": "publish",
    "metrics": {"h1": {"rank_ic": 0.08, "sharpe_net": 2.0, "turnover": 0.5, "families": {"ridge": {"rank_ic": 1.0}}}},
    "inputs": {
        "rows": 1000,
        "quarantined_rows": 4,
        "refused_drops": [{"key": "a"}],
        "late_drops": [],
        "data_docs": "x",
    },
}


def today(**more):
    return {"verdict": "publish", "metrics": YESTERDAY["metrics"], "inputs": YESTERDAY["inputs"]} | more


def test_the_same_figures_are_no_change():
    assert changes(YESTERDAY, today()) == []


def test_texts_come_first_then_the_largest_share():
    metrics = {"h1": {"rank_ic": 0.06, "sharpe_net": 1.0, "turnover": 0.5}}
    inputs = {"rows": 990, "quarantined_rows": 16, "refused_drops": [], "late_drops": [{"source": "a"}]}
    found = changes(YESTERDAY, today(verdict="keep", metrics=metrics, inputs=inputs))
    # shares: refused 1 of 1, late 1 of 1, quarantined 12 of 16, Sharpe 1 of 2, rank IC 0.02 of 0.08, rows 10 of 1000
    assert [each.name for each in found] == [
        "verdict", "drops set aside", "late drops", "lines set aside", "Sharpe net of costs, h1", "rank IC, h1",
        "rows taken in",
    ]  # fmt: skip
    assert (found[0].before, found[0].now) == ("publish", "keep")
    assert [round(each.size, 4) for each in found[3:]] == [0.75, 0.5, 0.25, 0.01]


def test_a_change_of_sign_is_larger_than_a_loss_of_everything():
    flipped, lost = {"h1": {"rank_ic": -0.08}}, {"h1": {"rank_ic": 0.0}}
    before = {"metrics": {"h1": {"rank_ic": 0.08}}}
    assert [each.size for each in changes(before, {"metrics": flipped})] == [2.0]
    assert [each.size for each in changes(before, {"metrics": lost})] == [1.0]


def test_what_came_and_what_went_is_told():
    found = changes({"metrics": {"h1": {"ic": 0.1}}}, {"metrics": {"h5": {"ic": 0.2}}})
    assert {each.name: (each.before, each.now) for each in found} == {"IC, h1": (0.1, None), "IC, h5": (None, 0.2)}
    assert all(each.size == math.inf for each in found)


def test_what_is_no_figure_is_left_out():
    odd = {"metrics": {"h1": {"rank_ic": "x", "ic": float("nan"), "turnover": True}, "h2": 7}, "inputs": [1]}
    assert changes(odd, {"metrics": None, "inputs": {"rows": None, "late_drops": 3}}) == []
