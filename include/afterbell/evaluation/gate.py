"""Whether a candidate is published, the champion is kept, or a person has to look.

Judged by the rank IC of the blend, by session, out of sample: it is the least moved by outliers in the returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import numpy as np

from afterbell.errors import GateError
from afterbell.evaluation.overlap import newey_west_se, overlap_lag
from afterbell.evaluation.panel import Floats
from afterbell.evaluation.settings import GateSettings
from afterbell.evaluation.statistics import block_length, bootstrap_means

Verdict = Literal["publish", "keep", "hold"]


@dataclass(frozen=True)
class Contender:
    """A candidate or the champion.

    Attributes:
        candidate_id: its id.
        session: the exchange session it was trained for.
        rank_ics: by horizon, the finite rank IC of the blend by out-of-sample session.
    """

    candidate_id: str
    session: date
    rank_ics: Mapping[int, Mapping[date, float]]


@dataclass(frozen=True)
class Comparison:
    """One horizon's comparison, with the champion or with zero skill.

    Attributes:
        horizon: in sessions.
        sessions: of the common window.
        first: its first session.
        last: its last session.
        mean: of the difference in rank IC.
        low: its pessimistic quantile, from the bootstrap.
        high: its optimistic quantile, at the same distance from the other end.
        passed: with a champion, whether ``low`` lies above the margin; without one, whether ``high`` is not below 0.
    """

    horizon: int
    sessions: int
    first: date
    last: date
    mean: float
    low: float
    high: float
    passed: bool


@dataclass(frozen=True)
class GateDecision:
    """The verdict, its reason in a sentence, and the comparisons it rests on."""

    verdict: Verdict
    reason: str
    comparisons: tuple[Comparison, ...] = field(default=())


def decide(
    candidate: Contender, champion: Contender | None, horizons: tuple[int, ...], settings: GateSettings
) -> GateDecision:
    """Judge ``candidate``.

    Args:
        candidate: with its out-of-sample rank ICs.
        champion: the release that serves, or None while nothing serves.
        horizons: those of the specification.
        settings: margins and ceilings.

    Raises:
        GateError: the window that should decide is empty or too short.
    """
    early = _decide_without_comparing(candidate, champion, horizons, settings)
    if early:
        return early
    if champion and not champion.rank_ics:
        raise GateError(
            f"the champion {champion.candidate_id} has no out-of-sample predictions at the snapshot that evaluate was "
            "handed: nothing was decided. Rerun the step `train`, or roll back to a release that has some"
        )
    compared = tuple(_compare(candidate, champion, horizon, settings) for horizon in horizons)
    failed = [comparison for comparison in compared if not comparison.passed]
    expected = "expected not all below 0" if champion is None else f"expected all above {-settings.margin:+.4f}"
    rival = "zero skill" if champion is None else f"the champion {champion.candidate_id}"
    if failed:
        worst = min(failed, key=lambda comparison: comparison.low)
        reason = (
            f"h{worst.horizon}: rank IC against {rival} is {worst.mean:+.4f}, between {worst.low:+.4f} and "
            f"{worst.high:+.4f} at the {settings.quantile:.0%} quantiles over {worst.sessions} sessions; {expected}"
        )
        return GateDecision("hold" if champion is None else "keep", reason, compared)
    figures = ", ".join(f"h{one.horizon} {one.mean:+.4f} (low {one.low:+.4f})" for one in compared)
    claim = "not surely worse than" if champion is None else "no worse than"
    return GateDecision("publish", f"{claim} {rival} in rank IC: {figures}", compared)


def undecided(error: GateError, champion_id: str | None) -> GateDecision:
    """The verdict of a gate that cannot decide: the champion stays and scores, and the reason is the error's."""
    if champion_id is None:
        return GateDecision("hold", f"the gate cannot decide, and nothing serves yet: {error}")
    return GateDecision("keep", f"the gate cannot decide, so the champion {champion_id} goes on serving: {error}")


def in_time(decision: GateDecision, now: datetime, deadline: datetime) -> GateDecision:
    """``decision``, or a hold where it would publish after the deadline."""
    if decision.verdict != "publish" or now <= deadline:
        return decision
    reason = f"the deadline {deadline:%Y-%m-%d %H:%M:%S} UTC has passed; but for that it was: {decision.reason}"
    return GateDecision("hold", reason, decision.comparisons)


def _decide_without_comparing(
    candidate: Contender, champion: Contender | None, horizons: tuple[int, ...], settings: GateSettings
) -> GateDecision | None:
    if champion and champion.candidate_id == candidate.candidate_id:
        return GateDecision("keep", f"candidate {candidate.candidate_id} is already champion")
    if champion and candidate.session < champion.session:
        return GateDecision(
            "keep",
            f"the champion is of {champion.session}: an old session ({candidate.session}) never moves it",
        )
    needed = sorted({*horizons, *(champion.rank_ics if champion else ())})
    missing = [horizon for horizon in needed if not candidate.rank_ics.get(horizon)]
    if missing:
        return GateDecision(
            "hold",
            f"the candidate has no out-of-sample predictions for horizons {missing}, expected {needed}",
        )
    fewest = min(len(candidate.rank_ics[horizon]) for horizon in horizons)
    if champion is None and fewest < settings.min_sessions:
        return GateDecision("hold", f"{fewest} out-of-sample sessions are too few, expected {settings.min_sessions}")
    return _hold_if_too_good(candidate, settings)


def _hold_if_too_good(candidate: Contender, settings: GateSettings) -> GateDecision | None:
    for horizon, by_session in sorted(candidate.rank_ics.items()):
        values = _ordered(by_session, sorted(by_session))
        mean = float(values.mean())
        error = newey_west_se(values, overlap_lag(values.size, horizon))
        t = mean / error if error > 0 else float("inf") * np.sign(mean)
        if mean > settings.max_rank_ic or t > settings.max_t:
            return GateDecision(
                "hold",
                f"h{horizon}: rank IC {mean:.3f} (t {t:.1f}) is too good to be true: above {settings.max_rank_ic}, or "
                f"t above {settings.max_t:.0f}, a person has to look for look-ahead",
            )
    return None


def _compare(candidate: Contender, champion: Contender | None, horizon: int, settings: GateSettings) -> Comparison:
    own = candidate.rank_ics[horizon]
    # A horizon that the champion was not trained for has no rival but zero skill.
    rival = champion.rank_ics.get(horizon) if champion else None
    common = sorted(own if rival is None else own.keys() & rival.keys())
    if len(common) < settings.min_sessions:
        against = champion.candidate_id if champion else "zero skill"
        raise GateError(
            f"h{horizon}: candidate {candidate.candidate_id} and {against} have {len(common)} out-of-sample sessions "
            f"in common, expected {settings.min_sessions} or more: nothing was decided"
        )
    difference = _ordered(own, common) - (_ordered(rival, common) if rival is not None else 0.0)
    block = block_length(len(common), horizon)
    means = bootstrap_means(difference, block, settings.resamples, settings.seed)
    low, high = (float(value) for value in np.quantile(means, [settings.quantile, 1.0 - settings.quantile]))
    # A champion is replaced only by what is surely no worse. Where nothing serves yet, a candidate is refused only if
    # it is surely worse than knowing nothing: its report shows how little it may know.
    passed = high >= 0.0 if champion is None else low > -settings.margin
    return Comparison(horizon, len(common), common[0], common[-1], float(difference.mean()), low, high, passed)


def _ordered(by_session: Mapping[date, float], sessions: list[date]) -> Floats:
    return np.array([by_session[session] for session in sessions], np.float64)
