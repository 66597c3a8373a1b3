"""The report: whole, escaped, light, and the same bytes again."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from afterbell.evaluation.gate import Rival, decide
from afterbell.evaluation.metrics import score_panel
from afterbell.evaluation.out_of_sample import contender
from afterbell.evaluation.paired import PairedICs
from afterbell.evaluation.report import ReportData, render
from afterbell.evaluation.since import Change
from afterbell.training.candidate_document import CandidateDocument
from tests.evaluation.conftest import GATE, PORTFOLIO, date, make_panel

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


def _rival(panels, scored):
    compared = {
        horizon: PairedICs(panel.sessions, scored[horizon]["ridge"].rank_ic, scored[horizon]["ridge"].rank_ic - 0.01, 9)
        for horizon, panel in panels.items()
    }
    other = contender("fedcba9876543210", date(2020, 6, 1), panels, scored)
    return Rival("2020-06-01-fedcba987654", other, (1, 5), compared, compared, "2020-01-02-ffffffffffff", True)


def make_data(*, champion=True):
    panels = {horizon: make_panel(0.05, horizon=horizon, sessions=80, seed=horizon) for horizon in (1, 5)}
    scored = {horizon: score_panel(panel, PORTFOLIO) for horizon, panel in panels.items()}
    own = contender("0123456789abcdef", date(2020, 6, 2), panels, scored)
    rival = _rival(panels, scored) if champion else None
    return ReportData(
        run_id="manual__2020-06-02",
        candidate=CandidateDocument.model_validate(CANDIDATE),
        decision=decide(own, rival, (1, 5), GATE),
        panels=panels,
        scored=scored,
        contenders=(own, rival.contender) if rival else (own,),
        paired=rival.paired if rival else {},
        gains={"lightgbm h1": {"f0": 3.0, f"f1{NASTY}": 1.0}},
        coefficients={"ridge h1": {"f0": 0.02, "f1": -0.01}},
        data={"rows": 5000, "quarantine_by_rule": {NASTY: 7}, "refused_drops": [{"key": "k", "reason": NASTY}]},
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


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.addresses = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "xlink:href"}]


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
    assert page.count("<svg ") == 4 * 2 + 2 + 2
    # Stand-in colours are all replaced: none is left as a number.
    assert not re.search(r"(fill|stroke): #0[0-9a-f]{5}", page)


def test_the_same_data_gives_the_same_bytes(page):
    assert render(make_data()) == page


def test_a_first_release_is_compared_with_zero_skill():
    page = render(make_data(champion=False))
    assert "<td>zero skill</td>" in page
    assert "On what both have scored" not in page


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
