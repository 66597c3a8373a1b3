"""The report of an experiment: that of a run, with the request and the trials before the gate, all of it escaped."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from scipy import stats
from selenium import webdriver

from afterbell.experiments.report import SearchedFamily, deflated, outcome, render, title
from afterbell.experiments.request import ExperimentRequest
from tests.accessibility import violations
from tests.browser import chromium, emulate
from tests.evaluation.test_report import make_data

NASTY = "<script>alert('x')</script>"
REQUEST = ExperimentRequest.model_validate(
    {
        "name": "more-trees", "first": "2019-01-02", "last": "2020-05-29", "horizons": (1, 5), "families": ("ridge",),
        "factor_sets": ("core",), "trials": 3, "cost_bps": 12.5, "seed": 7, "min_price": 5.0,
        "min_dollar_volume": 2_500_000.0,
    }
)  # fmt: skip
ENTRY = {
    "family": "ridge", "horizon": 5, "chosen": 1, "deflated_sharpe": 0.8342, "sharpe_expected_without_skill": 0.1,
    "trials_made": 12,
    "trials": [
        {"number": 0, "params": {"alpha": 1.0}, "rank_ic": 0.0212, "sharpe": 0.1, "reason": ""},
        {"number": 1, "params": {"alpha": 12.5}, "rank_ic": 0.03456, "sharpe": 0.2, "reason": ""},
        {"number": 2, "params": {"alpha": 99.0}, "rank_ic": None, "sharpe": None, "reason": NASTY},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    data = dataclasses.replace(make_data(), title=title(REQUEST), outcome=outcome(promote=False))
    return render(data, REQUEST, [SearchedFamily.model_validate(ENTRY)], {"h1": None, "h5": 0.8342})


@pytest.mark.parametrize(
    "text",
    [
        f"<h1>Afterbell: experiment more-trees ({REQUEST.id})</h1>",
        "Passed the gate: promotion was not asked for",
        "<dt>cost of trading, one way</dt><dd>12.5 basis points</dd>",
        "<dt>universe</dt><dd>close from 5, median dollar volume from 2,500,000</dd>",
        "<dt>true Sharpe ratio of the blend above 0, h1</dt><dd>n/a</dd>",
        "<dt>true Sharpe ratio of the blend above 0, h5</dt><dd>83.4%</dd>",
        "<h3>ridge h5: 3 trials, number 1 chosen, deflated Sharpe ratio 83.4% for 12 trials in all</h3>",
    ],
)
def test_the_request_and_what_its_trials_mean_are_shown(page: str, text: str) -> None:
    assert text in page


def test_each_trial_has_its_row_and_the_chosen_one_stands_out(page: str) -> None:
    rows = [row for row in re.findall(r"<tr.*?</tr>", page) if "alpha" in row]
    assert rows == [
        (
            "<tr><td>0</td><td>0.0212</td><td>0.100</td><td>{&#34;alpha&#34;: 1.0}</td>"
            "<td>the specification&#39;s own</td></tr>"
        ),
        '<tr class="strong"><td>1</td><td>0.0346</td><td>0.200</td><td>{&#34;alpha&#34;: 12.5}</td><td></td></tr>',
        (
            "<tr><td>2</td><td>n/a</td><td>n/a</td><td>{&#34;alpha&#34;: 99.0}</td>"
            "<td>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</td></tr>"
        ),
    ]


def test_what_was_pruned_and_left_out_is_said_and_of_many_trials_the_best_are_shown() -> None:
    trials = [
        {"number": number, "params": {}, "rank_ic": number / 1000, "sharpe": 0.1, "reason": "", "folds": 1 + number % 2}
        | {"ending": "complete" if number % 2 else "pruned"}
        for number in range(200)
    ]
    cut = {
        "trials": trials,
        "chosen": 199,
        "used": 0,
        "planned": 400,
        "left_out": "trials 200 to 399",
        "why": "no time",
    }
    page = render(make_data(), REQUEST, [SearchedFamily.model_validate(ENTRY | cut)], {})
    for text in (
        "400 trials planned, 200 done: 100 pruned, 0 failed.",
        "Left out: trials 200 to 399, because no time.",
        "Its models were not done in time: those of the specification&#39;s own setting are reported.",
        "The best 51 are shown; candidate.json has all.",
        "pruned after 1 fold",
    ):
        assert text in page, text
    shown = [int(number) for number in re.findall(r"<tr[^>]*><td>(\d+)</td><td>0\.\d{4}</td>", page)]
    assert shown == [0, *range(101, 200, 2)]


def test_the_experiment_stands_between_the_horizons_and_the_gate(page: str) -> None:
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Horizon of 1 session", "Horizon of 5 sessions", "Live", "Exposures", "Final models", "Experiment", "Gate",
        "What the models use", "Data", "Provenance",
    ]  # fmt: skip
    assert NASTY not in page


def test_without_a_search_there_is_no_table_of_trials() -> None:
    page = render(make_data(), REQUEST, [], {})
    assert "<h2>Experiment</h2>" in page
    assert "Trials" not in page
    assert outcome(promote=True)["publish"] == "Passed the gate: a person is asked whether to promote it"


def test_sessions_on_which_nothing_was_chosen_are_judged_against_zero() -> None:
    """By hand from the paper's formula: ratio, periods, skewness and kurtosis of the net returns by scipy."""
    data = make_data()
    found = deflated(type("Own", (), {"scored": data.scored})())
    net = data.scored[1]["blend"].portfolio.net
    ratio = net.mean() / net.std(ddof=1)
    spread = 1 - stats.skew(net) * ratio + (stats.kurtosis(net, fisher=False) - 1) / 4 * ratio**2
    assert found["h1"] == pytest.approx(stats.norm.cdf(ratio * math.sqrt(net.size - 1) / math.sqrt(spread)))
    assert set(found) == {"h1", "h5"}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path) as started:
        yield started


def test_the_report_breaks_no_rule_of_accessibility_and_fits_a_telephone(
    browser: webdriver.Chrome, page: str, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    for width in (1280, 400):
        emulate(browser, width, 900)
        browser.get(f"file://{tmp_path / 'report.html'}")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert violations(browser) == [], width
