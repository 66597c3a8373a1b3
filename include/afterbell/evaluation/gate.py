"""Whether a candidate is published, the champion is kept, or a person has to look.

One statistic decides: the rank IC of the blend, by session, out of sample, pooled over the horizons (it is the least
moved by outliers in the returns). While nothing serves, it is the candidate's own against zero. With a champion it is
the difference to the champion's on the symbols and sessions that both have scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

import numpy as np

from afterbell.errors import GateError
from afterbell.evaluation.overlap import Mean, overlapping_mean, pooled_mean
from afterbell.evaluation.paired import PairedICs
from afterbell.evaluation.panel import Floats
from afterbell.evaluation.settings import FirstRelease, GateSettings, Replacement

Verdict = Literal["publish", "keep", "hold"]
POOLED = 0
"""The horizon of a comparison that is of all of them."""


@dataclass(frozen=True)
class Contender:
    """A candidate, by its own figures.

    Attributes:
        candidate_id: its id.
        session: the exchange session it was trained for.
        rank_ics: by horizon, the finite rank IC of the blend by out-of-sample session, all its symbols counted.
        sharpes: by horizon, the annualised Sharpe ratio of the blend's portfolio net of costs, where it is defined.
    """

    candidate_id: str
    session: date
    rank_ics: Mapping[int, Mapping[date, float]]
    sharpes: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rival:
    """The champion, as a candidate is compared with it.

    Attributes:
        release_id: the champion's.
        candidate_id: the candidate that it was.
        session: the exchange session it was trained for.
        horizons: those that the champion has models for.
        paired: by horizon, rank ICs of candidate and champion on what both have scored.
        approved: likewise, of candidate and the last release that a person approved; the champion itself may be that.
        approved_id: that release; for messages.
        same_recipe: whether the candidate has the champion's model specification and factor definitions.
    """

    release_id: str
    candidate_id: str
    session: date
    horizons: tuple[int, ...]
    paired: Mapping[int, PairedICs]
    approved: Mapping[int, PairedICs]
    approved_id: str
    same_recipe: bool


@dataclass(frozen=True)
class Comparison:
    """A comparison with the champion, with the last approved release, or with zero skill.

    Attributes:
        horizon: in sessions; ``POOLED`` for all horizons together, which alone decides.
        sessions: that were compared.
        first: the first of them.
        last: the last of them.
        mean: of the difference in rank IC.
        low: its pessimistic quantile.
        high: its optimistic quantile, at the same distance from the other end.
        passed: whether the difference is as it has to be; for a single horizon, whether it would be.
        against: what is compared with: ``zero skill``, ``champion`` or ``approved``.
    """

    horizon: int
    sessions: int
    first: date
    last: date
    mean: float
    low: float
    high: float
    passed: bool
    against: str = "champion"


@dataclass(frozen=True)
class GateDecision:
    """The verdict, its reason in a sentence, and the comparisons it rests on.

    Attributes:
        verdict: ``publish``, ``keep`` or ``hold``.
        reason: a sentence.
        comparisons: it rests on.
        offer: whether a person may publish the candidate all the same: some skill is shown while nothing serves, or it
            is another recipe that is about as good as the champion.
    """

    verdict: Verdict
    reason: str
    comparisons: tuple[Comparison, ...] = ()
    offer: bool = False


def decide(
    candidate: Contender, rival: Rival | None, horizons: tuple[int, ...], settings: GateSettings
) -> GateDecision:
    """Judge ``candidate``.

    Args:
        candidate: with its out-of-sample rank ICs.
        rival: the release that serves, or None while nothing serves.
        horizons: those of the specification.
        settings: the policy.

    Raises:
        GateError: the sessions that should decide are too few.
    """
    decided = _decide_without_comparing(candidate, rival, horizons, settings)
    if decided:
        return decided
    if rival is None:
        return _decide_first(candidate, horizons, settings)
    return _decide_replacement(candidate, rival, horizons, settings)


def undecided(error: GateError, champion_id: str | None) -> GateDecision:
    """The verdict of a gate that cannot decide: the champion stays and scores, and the reason is the error's."""
    if champion_id is None:
        return GateDecision("hold", f"the gate cannot decide, and nothing serves yet: {error}")
    return GateDecision("keep", f"the gate cannot decide, so the champion {champion_id} goes on serving: {error}")


def in_time(decision: GateDecision, now: datetime, deadline: datetime) -> GateDecision:
    """``decision``, or a hold where it would publish after the deadline."""
    if decision.verdict != "publish" or now <= deadline:
        return decision
    reason = f"the deadline {deadline:%Y-%m-%d %H:%M:%S} UTC has passed; the verdict before it was: {decision.reason}"
    return replace(decision, verdict="hold", reason=reason)


def hold_for(decision: GateDecision, problems: Sequence[str]) -> GateDecision:
    """``decision``, or a hold that names ``problems`` of the final models, if there are any."""
    if not problems or decision.verdict == "keep":
        return decision
    reason = f"{'; '.join(problems)}. A person has to look; the comparison itself: {decision.reason}"
    return replace(decision, verdict="hold", reason=reason, offer=False)


def _decide_without_comparing(
    candidate: Contender, rival: Rival | None, horizons: tuple[int, ...], settings: GateSettings
) -> GateDecision | None:
    if rival and rival.candidate_id == candidate.candidate_id:
        return GateDecision("keep", f"candidate {candidate.candidate_id} is already champion")
    if rival and candidate.session < rival.session:
        return GateDecision(
            "keep",
            f"the champion is of {rival.session}: an old session ({candidate.session}) never moves it",
        )
    expected = sorted({*horizons, *(rival.horizons if rival else ())})
    missing = [horizon for horizon in expected if not candidate.rank_ics.get(horizon)]
    if missing:
        return GateDecision(
            "hold",
            f"the candidate has no out-of-sample predictions for horizons {missing}, expected {expected}",
        )
    return _hold_if_too_good(candidate, settings)


def _hold_if_too_good(candidate: Contender, settings: GateSettings) -> GateDecision | None:
    ceilings = settings.too_good
    for horizon in sorted(candidate.rank_ics):
        mean = _own_mean(candidate, horizon)
        t = mean.value / mean.error if mean.error > 0 else math.copysign(math.inf, mean.value)
        sharpe = candidate.sharpes.get(horizon, 0.0)
        figures = {
            f"rank IC {mean.value:.3f}, above {ceilings.rank_ic}": mean.value > ceilings.rank_ic,
            f"t {t:.1f} of the rank IC, above {ceilings.t:.0f}": t > ceilings.t,
            f"Sharpe ratio {sharpe:.1f}, above {ceilings.sharpe:.0f}": sharpe > ceilings.sharpe,
        }
        above = [figure for figure, is_above in figures.items() if is_above]
        if above:
            return GateDecision(
                "hold",
                f"h{horizon}: {' and '.join(above)}, is too good to be true: a person has to look for look-ahead",
            )
    return None


def _decide_first(candidate: Contender, horizons: tuple[int, ...], settings: GateSettings) -> GateDecision:
    policy = settings.first_release
    own = {horizon: _own_mean(candidate, horizon) for horizon in horizons}
    fewest = min(mean.values for mean in own.values())
    if fewest < settings.min_sessions:
        return GateDecision("hold", f"{fewest} out-of-sample sessions are too few, expected {settings.min_sessions}")
    pooled = pooled_mean(list(own.values()))
    p = pooled.p_not_above_zero
    windows = {horizon: sorted(candidate.rank_ics[horizon]) for horizon in horizons}
    compared = _comparisons(own, pooled, windows, policy.offer, 0.0, "zero skill")
    figures = f"the pooled rank IC is {pooled.value:+.4f} ± {pooled.error:.4f}, {_p_value(p)}"
    if p <= policy.publish:
        return GateDecision(
            "publish", f"first release: {figures} (at most {policy.publish:g} needs no person)", compared
        )
    if p <= policy.offer:
        return GateDecision(
            "hold",
            f"first release: {figures} (above {policy.publish:g}): it is published when a person agrees, and scores as "
            "provisional until then",
            compared,
            offer=True,
        )
    return GateDecision(
        "hold", f"first release: {figures} (expected at most {policy.offer:g}): no skill is shown yet", compared
    )


def _decide_replacement(
    candidate: Contender, rival: Rival, horizons: tuple[int, ...], settings: GateSettings
) -> GateDecision:
    policy = settings.replacement
    paired = _long_enough(rival.paired, settings.min_sessions, f"the champion {rival.release_id}")
    own = pooled_mean([overlapping_mean(part.own, horizon) for horizon, part in paired.items()])
    differences = {horizon: overlapping_mean(part.difference, horizon) for horizon, part in paired.items()}
    difference = pooled_mean(list(differences.values()))
    windows = {horizon: list(part.sessions) for horizon, part in paired.items()}
    compared = _comparisons(differences, difference, windows, policy.quantile, -policy.margin, "champion")
    problems = list(_shortfalls(own, difference, policy))
    problems += _new_horizons_without_skill(candidate, rival, horizons, settings.first_release)
    approved = _long_enough(rival.approved, settings.min_sessions, f"the approved release {rival.approved_id}")
    losses = {horizon: overlapping_mean(part.difference, horizon) for horizon, part in approved.items()}
    loss = pooled_mean(list(losses.values()))
    if rival.approved_id != rival.release_id:
        windows = {horizon: list(part.sessions) for horizon, part in approved.items()}
        compared += _comparisons(losses, loss, windows, policy.loss_quantile, -policy.loss_budget, "approved")
    if loss.quantile(policy.loss_quantile) <= -policy.loss_budget:
        problems.append(
            f"its difference to {rival.approved_id}, the last release that a person approved, is {loss.value:+.4f} ± "
            f"{loss.error:.4f}, and may be below {-policy.loss_budget:+.4f}"
        )
    figures = (
        f"pooled rank IC against the champion {rival.release_id}: {difference.value:+.4f} ± {difference.error:.4f} "
        f"over {difference.values} sessions, {difference.quantile(policy.quantile):+.4f} at the "
        f"{policy.quantile:.0%} quantile"
    )
    if problems:
        return GateDecision("keep", f"{figures}; {'; '.join(problems)}", compared)
    better = difference.value >= policy.hysteresis or difference.quantile(policy.quantile) > 0
    if not rival.same_recipe and not better:
        lack = f"another recipe has to be better by {policy.hysteresis:.4f} in the mean, or surely better"
        return GateDecision("keep", f"{figures}; {lack}", compared, offer=True)
    kind = "a refresh of the same recipe" if rival.same_recipe else "another recipe"
    return GateDecision("publish", f"{kind}, {figures}", compared)


def _shortfalls(own: Mean, difference: Mean, policy: Replacement) -> Iterable[str]:
    """What a candidate lacks, a sentence each."""
    low = difference.quantile(policy.quantile)
    if low <= -policy.margin:
        yield f"expected above {-policy.margin:+.4f}"
    if own.value < policy.floor:
        yield f"its own rank IC is {own.value:+.4f}, expected {policy.floor:+.4f} or more"


def _new_horizons_without_skill(
    candidate: Contender, rival: Rival, horizons: tuple[int, ...], policy: FirstRelease
) -> Iterable[str]:
    """Horizons that the champion has no models for have no rival but zero skill."""
    for horizon in sorted(set(horizons) - set(rival.horizons)):
        mean = _own_mean(candidate, horizon)
        p = mean.p_not_above_zero
        if p > policy.offer:
            yield (
                f"h{horizon} is new, and its rank IC {mean.value:+.4f} ± {mean.error:.4f} shows no skill "
                f"({_p_value(p)}, expected at most {policy.offer:g})"
            )


def _long_enough(paired: Mapping[int, PairedICs], least: int, rival: str) -> dict[int, PairedICs]:
    """The horizons with enough sessions.

    Raises:
        GateError: there is none.
    """
    enough = {horizon: part for horizon, part in sorted(paired.items()) if len(part.sessions) >= least}
    if not enough:
        counts = ", ".join(f"h{horizon} {len(part.sessions)}" for horizon, part in sorted(paired.items())) or "none"
        raise GateError(
            f"the candidate and {rival} have too few scored sessions in common ({counts}), expected {least} or more"
        )
    return enough


def _own_mean(candidate: Contender, horizon: int) -> Mean:
    by_session = candidate.rank_ics[horizon]
    values: Floats = np.array([by_session[session] for session in sorted(by_session)], np.float64)
    return overlapping_mean(values, horizon)


def _comparisons(
    means: Mapping[int, Mean],
    pooled: Mean,
    windows: Mapping[int, Sequence[date]],
    quantile: float,
    least: float,
    against: str,
) -> tuple[Comparison, ...]:
    """The pooled comparison first, then each horizon's."""
    sessions = sorted({session for window in windows.values() for session in window})
    rows = [(POOLED, pooled, sessions), *((horizon, mean, windows[horizon]) for horizon, mean in means.items())]
    return tuple(
        Comparison(
            horizon, mean.values, window[0], window[-1], mean.value, mean.quantile(quantile),
            mean.quantile(1.0 - quantile), mean.quantile(quantile) > least, against,
        )
        for horizon, mean, window in rows
    )  # fmt: skip


def _p_value(p: float) -> str:
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
