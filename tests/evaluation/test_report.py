"""The report: whole, escaped, light, and the same bytes again."""

import dataclasses
import math
import re
from functools import cache
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.exposures import Exposures
from afterbell.evaluation.final_check import FinalCheck
from afterbell.evaluation.findings import Holdings
from afterbell.evaluation.gate import Rival, decide
from afterbell.evaluation.live_record import LiveRecord
from afterbell.evaluation.metrics import score_panels
from afterbell.evaluation.out_of_sample import contender
from afterbell.evaluation.overlap import Mean
from afterbell.evaluation.paired import PairedICs
from afterbell.evaluation.report import ReportData, render, render_held
from afterbell.evaluation.since import Change
from afterbell.training.candidate_document import CandidateDocument
from tests.accessibility import violations
from tests.browser import chromium, emulate
from tests.evaluation.conftest import GATE, PORTFOLIO, date, make_panel

SYMBOLS = tuple(f"S{number:03d}" for number in range(200))
NASTY = "<script>alert('x')</script>"
CANDIDATE = {
    "candidate_id": "0123456789abcdef",
    "session": "2020-06-02",
    "spec": {"horizons": [1, 5]},
    "features": {"sets": [{"set": "core", "definition_hash": "feedc0de", "names": ["f0", "f1"]}]},
    "inputs": {"bars_snapshot": 11, "actions_snapshot": 22, "features_snapshots": {"core": 33}},
    "models": [{"family": "ridge", "horizon": 1, "path": "models/ridge-h1.json", "size": 1, "sha256": "ab" * 32}],
    "train_rows": 1234567,
    "train_sessions": ["2019-01-02", "2020-05-29"],
    "fits": 20,
    "skipped": [f"h1: {NASTY}"],
    "code_version": "0.1.0+abc",
    "environment": {"python": "3.11"},
}


@cache
def make_scores(candidate, session):
    panels = {
        horizon: dataclasses.replace(make_panel(0.05, horizon=horizon, sessions=80, seed=horizon), symbols=SYMBOLS)
        for horizon in (1, 5)
    }
    scored = score_panels(panels, PORTFOLIO)
    return CandidateScores(panels, scored, contender(candidate, session, panels, scored), 80 * 200 * 4)


def make_finals(problem=""):
    mean = Mean(0.0512, 0.0041, 20.0, 20, 18.0)
    return {
        1: FinalCheck(1, 20, mean, mean, 0.8123, 196, 0.9444, (problem,) if problem else ()),
        5: FinalCheck(5, 20, mean, mean, 0.7, 196, math.nan),
    }


def make_holdings():
    beta, size = Mean(0.123, 0.045, 9.0, 80, 80.0), Mean(-0.21, 0.03, 9.0, 80, 80.0)
    correlations = {"market beta": beta, "size (dollar volume)": size}
    exposures = Exposures(correlations, Mean(0.05, 0.01, 9.0, 41, 9.0), Mean(0.031, 0.009, 9.0, 41, 9.0))
    return Holdings({1: exposures}, {1: 1_234_567.8, 5: math.nan})


def make_live():
    """Of two sessions, the second without a label over five."""
    rows = [(date(2020, 6, 1), 1, 1, 0.04), (date(2020, 6, 2), 1, 1, 0.06), (date(2020, 6, 1), 1, 5, 0.02)]
    names = ["session", "horizon", "label_horizon", "rank_ic"]
    rank_ics = pl.DataFrame(rows, names, orient="row").with_columns(symbols=200)
    return LiveRecord(rank_ics, {(1, 1): Mean(0.05, 0.01, 1.0, 2, 2.0), (1, 5): Mean(0.02, math.nan, 1.0, 1, 1.0)}, 2)


def make_rival(panels, scored):
    compared = {
        horizon: PairedICs(panel.sessions, scored[horizon]["ridge"].rank_ic, scored[horizon]["ridge"].rank_ic - 0.01, 9)
        for horizon, panel in panels.items()
    }
    return Rival(
        "2020-06-01-fedcba987654", "fedcba9876543210", date(2020, 6, 1), (1, 5), compared, compared,
        "2020-06-01-fedcba987654", True,
    )  # fmt: skip


def make_data(*, champion=True):
    scores = make_scores("0123456789abcdef", date(2020, 6, 2))
    served = make_scores("fedcba9876543210", date(2020, 6, 1))
    panels, scored, own = scores.panels, scores.scored, scores.contender
    rival = make_rival(panels, scored) if champion else None
    return ReportData(
        run_id="manual__2020-06-02",
        candidate=CandidateDocument.model_validate(CANDIDATE),
        decision=decide(own, rival, (1, 5), GATE),
        panels=panels,
        scored=scored,
        rival=rival,
        gains={"lightgbm h1": {"f0": 3.0, f"f1{NASTY}": 1.0}},
        coefficients={"ridge h1": {"f0": 0.02, "f1": -0.01}},
        data={"rows": 5000, "quarantine_by_rule": {NASTY: 7}, "refused_drops": [{"key": "k", "reason": NASTY}]},
        champion=served if champion else None,
        holdings=[make_holdings()] * (2 if champion else 1),
        finals=make_finals(),
        live=make_live(),
        cost_bps=5.0,
        volume_share=0.01,
    )


def test_a_report_of_something_else_than_a_session_has_its_title_and_its_own_words_for_the_verdict():
    data = make_data(champion=False)
    kind = data.decision.verdict
    said = render(dataclasses.replace(data, title="experiment <b> (0123)", outcome={kind: "Nothing is promoted"}))
    assert f"<title>Afterbell experiment &lt;b&gt; (0123): {kind}</title>" in said
    assert "Made for session 2020-06-02." in said
    assert "Nothing is promoted" in said
    assert "becomes champion" not in said
    assert "Afterbell: session 2020-06-02" in render(data)


@pytest.fixture(scope="module")
def page():
    return render(make_data())


@pytest.fixture(scope="module")
def first_page():
    """Of a candidate without any champion."""
    return render(make_data(champion=False))


@pytest.fixture(scope="module")
def troubled_page():
    """Of final models with problems, and of many missing drops; without exposures."""
    drops = [{"reason": f"no data {number} {'x' * 300}"} for number in range(140)]
    data = {"missing_drops": drops, "late_drops": drops[:2]}
    finals = make_finals(f"it is odd {NASTY}" + " indeed" * 40)
    return render(dataclasses.replace(make_data(), finals=finals, holdings=(), data=data))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.addresses = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href"}]


def test_what_was_traded_stands_beside_what_it_earned(page):
    assert "signals of 2 sessions, 2020-06-01 to 2020-06-02, by 2 releases." in page
    assert "0.0500 ± 0.0100" in page
    assert "Cumulative live rank IC" in page


def test_learned_weights_of_families_are_named_and_equal_ones_are_not(page):
    data = make_data()
    panels = {
        horizon: dataclasses.replace(
            panel, weights={"lightgbm": np.full((80, 1), 0.7), "ridge": np.full((80, 1), 0.3)} if horizon == 5 else None
        )
        for horizon, panel in data.panels.items()
    }
    assert "the last one&#39;s h5: lightgbm 0.70, ridge 0.30" in render(dataclasses.replace(data, panels=panels))
    assert "are weighed by what is learned" not in page


def test_a_first_night_says_that_nothing_is_known_of_its_signals_yet():
    none = dataclasses.replace(make_live(), rank_ics=make_live().rank_ics.clear(), means={})
    data = make_data(champion=False)
    said = render(dataclasses.replace(data, live=none))
    assert "No signal that was traded has a label yet" in said
    assert "Cumulative live rank IC" not in said
    assert "<h2>Live</h2>" not in render(dataclasses.replace(data, live=None))  # of an experiment


def test_nothing_from_the_data_becomes_markup_and_nothing_is_fetched(page):
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.seen
    assert page.count("&lt;script&gt;") >= 3
    assert all(address.startswith("#") for address in tags.addresses)
    assert "@import" not in page


def test_the_report_says_what_it_must(page):
    for said in ("Publish", "against the champion 2020-06-01-fedcba987654", "pooled, which decides",
                 "Cumulative rank IC",
                 "decile", "net of costs", "share of gain", "standardised coefficients", "1,234,567",
                 "quarantine by rule", "bars snapshot", "feedc0de", "0.1.0+abc", "ab" * 32):  # fmt: skip
        assert said in page


def test_it_is_light_and_has_both_colour_schemes(page):
    assert len(page.encode()) < 2_000_000
    assert "prefers-color-scheme:dark" in page
    assert page.count("<svg ") == 6 * 2 + 2 + 2 + 1
    # Stand-in colours are all replaced: none is left as a number.
    assert not re.search(r"(fill|stroke): #0[0-9a-f]{5}", page)


def test_the_same_data_gives_the_same_bytes(page):
    assert render(make_data()) == page


def test_a_first_release_is_compared_with_zero_skill(first_page):
    assert "<td>zero skill</td>" in first_page
    assert "On what both have scored" not in first_page


def test_what_changed_since_the_session_before_comes_before_the_horizons():
    since = ("2020-06-01", [Change("verdict", "keep", "publish"), Change(f"rank IC {NASTY}", 0.08, 0.06)])
    page = render(dataclasses.replace(make_data(), since=since))
    told = page.index("What changed since 2020-06-01")
    assert page.index("Sharpe net of costs") < told < page.index("Horizon of 1 session")
    assert "<td>keep</td><td>publish</td>" in page
    assert "<td>0.08</td><td>0.06</td><td>-0.02</td>" in page
    assert NASTY not in page
    assert "What changed" not in render(make_data())


def test_a_session_like_the_one_before_says_so():
    assert "Nothing: figures and data are the same." in render(
        dataclasses.replace(make_data(), since=("2020-06-01", []))
    )


def test_the_champions_figures_stand_beside_the_candidates(page, first_page):
    rows = [re.sub(r"<.*?>", "|", row) for row in re.findall(r"<tr.*?</tr>", page)]
    for name in ("blend", "lightgbm", "ridge"):
        own = next(row for row in rows if row.startswith(f"||{name}|"))
        served = next(row for row in rows if row.startswith(f"||champion: {name}|"))
        # Of the same scores here: all figures but the name are the same.
        assert served.replace("champion: ", "") == own
    tiles = re.findall(r"<dt>(?:rank IC, h1.*?|Sharpe net of costs, h5)</dt><dd>(.*?)</dd>", page)
    assert len(tiles) == 2
    assert all(re.fullmatch(r"(\S+)<small>champion \1</small>", figure) for figure in tiles)
    assert "Drift, h5: rank correlation with the champion's scores, mean 1.00" in page
    assert "champion" not in re.findall(r"<dt>rank IC, h1.*?</dd>", first_page)[0]


def test_what_is_tested_and_what_is_published_is_said(page, first_page):
    notes = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.partition("How to read the figures")[2]))
    assert "each on sessions that it was not trained on" in notes["tested"]
    assert "candidate 0123456789abcdef, fitted to all sessions" in notes["published"]
    assert "release 2020-06-01-fedcba987654" in notes["champion"]
    assert "one standard error of the mean, for labels that overlap" in notes["±"]
    assert "5 basis points" in notes["net"]
    assert "before costs" in notes["gross"]
    assert "none serves yet" in first_page


def test_exposures_capacity_and_final_models_have_tables(page, troubled_page):
    assert (
        "<td>h1 candidate</td><td>0.123 ± 0.045</td><td>-0.210 ± 0.030</td><td>0.0500 ± 0.0100</td>"
        "<td>0.0310 ± 0.0090</td><td>41</td><td>1,234,568</td>"
    ) in page
    assert "<td>h1 champion</td>" in page
    assert "<td>h5 candidate</td><td>n/a</td><td>n/a</td><td>n/a</td><td>n/a</td><td>0</td><td>n/a</td>" in page
    assert "capacity at 1.0% of volume" in page
    assert "<td>+0.812</td><td>+0.944</td><td>196</td><td>none</td>" in page
    assert "<td>+0.700</td><td>n/a</td>" in page
    assert "<h2>Exposures" not in troubled_page


def test_problems_of_the_final_models_stand_at_the_top(troubled_page):
    where = troubled_page.index('<p class="note bad">h1, final models: it is odd &lt;script&gt;')
    assert troubled_page.index('class="card verdict') < where < troubled_page.index('class="tiles"')


def test_long_lists_are_folded_and_short_ones_open(troubled_page):
    assert '<details class="card"><summary>missing drops: 140</summary>' in troubled_page
    assert '<details class="card" open><summary>late drops: 2</summary>' in troubled_page
    assert troubled_page.count("no data") == 142


def test_a_held_runs_lists_are_folded_as_well():
    drops = [{"reason": f"no data {number} {NASTY}"} for number in range(6)]
    data = {"rows": 12, "quarantine_by_rule": {"price_positive": 7}, "late_drops": drops, "missing_drops": []}
    page = render_held("2020-06-02", "run-1", "no time was left", data, ["ridge h1"])
    assert "<dt>rows</dt><dd>12</dd>" in page
    assert "<dt>left out</dt><dd>ridge h1</dd>" in page
    assert "<td>price_positive</td><td>7</td>" in page
    assert '<details class="card"><summary>late drops: 6</summary>' in page
    assert "missing drops" not in page
    assert NASTY not in page


@pytest.fixture
def browser(tmp_path):
    with chromium(tmp_path) as started:
        yield started


def test_the_report_breaks_no_rule_of_accessibility_and_fits_a_telephone(browser, page, troubled_page, tmp_path):
    for name, text in (("page", page), ("troubled", troubled_page)):
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        for width in (1280, 400):
            emulate(browser, width, 900)
            browser.get(f"file://{tmp_path / name}.html")
            browser.execute_script("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            assert violations(browser) == [], width
