"""What the gate's policy does, by simulation: how often it publishes, and where a year of nights ends.

Rank ICs are drawn by session: a part that all contenders of a night share (the market's), and a part of each one's own,
both with the autocorrelation of labels that overlap. Every night draws anew, which is the worst case for a gate that
decides each night: in practice the sessions of two nights are nearly the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from statistics import mean, quantiles

import numpy as np

from afterbell.errors import GateError
from afterbell.evaluation.gate import Contender, GateDecision, Rival, decide
from afterbell.evaluation.paired import PairedICs
from afterbell.evaluation.panel import Floats
from afterbell.evaluation.settings import GateSettings, load_gate
from bench.measure import Figure

HORIZONS = (1, 5)
SESSIONS = 160
SHARED, OWN = 0.08, 0.03
"""Standard deviations of the rank IC of one session: the part that contenders share, and each one's own."""
NIGHTS, YEARS, FIRST = 250, 20, 4_000
_DAYS = tuple(date(2020, 1, 1) + timedelta(days=day) for day in range(SESSIONS))


@dataclass(frozen=True)
class Year:
    """A simulated year of nights.

    Attributes:
        skill: true rank IC of the champion after the last night.
        replaced: nights on which the champion was replaced.
        undecided: nights on which the gate could not decide.
    """

    skill: float
    replaced: int
    undecided: int


def rank_ics(rng: np.random.Generator, spread: float) -> dict[int, Floats]:
    """By horizon, float64 (sessions,) about zero; the horizons see the same single sessions."""
    single = rng.normal(size=SESSIONS + max(HORIZONS) - 1)
    return {
        horizon: spread * np.convolve(single, np.ones(horizon), "valid")[-SESSIONS:] / np.sqrt(horizon)
        for horizon in HORIZONS
    }


def first_night(skill: float, rng: np.random.Generator, settings: GateSettings) -> GateDecision:
    """The verdict on one candidate of true rank IC ``skill``, while nothing serves."""
    shared, own = rank_ics(rng, SHARED), rank_ics(rng, OWN)
    return decide(_contender("new", 1, {h: skill + shared[h] + own[h] for h in HORIZONS}), None, HORIZONS, settings)


def year(
    start: float,
    step: float,
    rng: np.random.Generator,
    settings: GateSettings,
    *,
    same_recipe: bool = True,
    nights: int = NIGHTS,
    own: float = OWN,
) -> Year:
    """A year in which each night's candidate is ``step`` better than the champion of that night.

    Args:
        start: true rank IC of the first champion, which a person approved.
        step: of each candidate.
        rng: draws the nights.
        settings: the policy.
        same_recipe: whether candidates are refreshes of the champion's recipe.
        nights: how many.
        own: standard deviation of the part of a rank IC that contenders don't share.
    """
    champion, replaced, undecided = start, 0, 0
    for night in range(nights):
        shared = rank_ics(rng, SHARED)
        candidate, rival, approved = (
            {horizon: skill + shared[horizon] + noise[horizon] for horizon in HORIZONS}
            for skill, noise in (
                (champion + step, rank_ics(rng, own)),
                (champion, rank_ics(rng, own)),
                (start, rank_ics(rng, own)),
            )
        )
        against = _paired(candidate, rival)
        standing = Rival(
            "old",
            "old",
            date(2021, 1, 1) + timedelta(days=night),
            HORIZONS,
            against,
            _paired(candidate, approved) if replaced else against,
            "approved" if replaced else "old",
            same_recipe,
        )
        try:
            decision = decide(_contender("new", night + 1, candidate), standing, HORIZONS, settings)
        except GateError:
            undecided += 1
            continue
        if decision.verdict == "publish":
            champion, replaced = champion + step, replaced + 1
    return Year(champion, replaced, undecided)


def operating_characteristics() -> list[Figure]:
    """The table of the policy in ``gate.yaml``."""
    settings, rows = load_gate(), []
    for skill in (-0.01, 0.0, 0.01, 0.02, 0.03, 0.05):
        rng = np.random.default_rng(11)
        decisions = [first_night(skill, rng, settings) for _ in range(FIRST)]
        note = f"nothing serves, a candidate of true rank IC {skill:+.2f}, one night, {SESSIONS} sessions"
        published = mean(decision.verdict == "publish" for decision in decisions)
        rows.append(Figure(f"first {skill:+.2f}, published", published, "of nights", note, 4))
        offered = mean(decision.offer or decision.verdict == "publish" for decision in decisions)
        rows.append(Figure(f"first {skill:+.2f}, or offered", offered, "of nights", note, 4))
    for same_recipe in (True, False):
        kind = "refresh" if same_recipe else "another"
        for step in (-0.01, -0.002, 0.0, 0.002, 0.01):
            rows += _year_rows(kind, step, settings, same_recipe=same_recipe)
    return rows


def _year_rows(kind: str, step: float, settings: GateSettings, *, same_recipe: bool) -> list[Figure]:
    years = [
        year(0.03, step, np.random.default_rng((17, number)), settings, same_recipe=same_recipe)
        for number in range(YEARS)
    ]
    skills = [each.skill for each in years]
    note = (
        f"{YEARS} years of {NIGHTS} nights, each candidate {step:+.3f} from that night's champion, the first one of "
        f"a true rank IC of 0.03; the lowest tenth ends at {quantiles(skills, n=10)[0]:+.4f}"
    )
    replaced = mean(each.replaced for each in years) / NIGHTS
    return [
        Figure(f"{kind} {step:+.3f}, replaced", replaced, "of nights", note, 4),
        Figure(f"{kind} {step:+.3f}, ends at", mean(skills), "rank IC", note, 4),
    ]


def _contender(name: str, night: int, ics: dict[int, Floats]) -> Contender:
    by_session = {horizon: dict(zip(_DAYS, values.tolist(), strict=True)) for horizon, values in ics.items()}
    return Contender(name, date(2021, 1, 1) + timedelta(days=night), by_session)


def _paired(own: dict[int, Floats], rival: dict[int, Floats]) -> dict[int, PairedICs]:
    return {horizon: PairedICs(_DAYS, own[horizon], rival[horizon], SESSIONS * 1000) for horizon in own}
