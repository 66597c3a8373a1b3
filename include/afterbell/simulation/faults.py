"""The vendor's ordinary mistakes: which there are, where they are made, and what they look like in a drop.

None is made in the newest session's drop, and a row is only spoiled where the next drop delivers it again whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from afterbell.simulation.layout import PRICE_HEADER
from afterbell.simulation.listings import Listings
from afterbell.simulation.spec import MarketSpec

_SHARE = 0.0001  # of the delivered rows get each of the mistakes
_ILLEGAL = ("../../etc", "=1+1", "A B", "$(ID)", "\u0410\u0410\u0420L")  # the last looks Latin

CLOSED_DAY = "closed_day"
EMPTY_FILE = "empty_file"


@dataclass(frozen=True)
class FaultPlan:
    """One mistake to be made.

    Attributes:
        kind: one of `KINDS`, `CLOSED_DAY` or `EMPTY_FILE`.
        session: index of the session whose drop it is made in, or after which the extra drop comes.
        symbol: index of the symbol whose row is taken.
    """

    kind: str
    session: int
    symbol: int


def _stray_line(lines: list[str], _row: int, _plan: FaultPlan) -> None:
    lines.insert(_row, "*** transmission resumed ***")


def _header_repeated(lines: list[str], row: int, _plan: FaultPlan) -> None:
    lines.insert(row, PRICE_HEADER)


def _too_few_fields(lines: list[str], row: int, _plan: FaultPlan) -> None:
    lines[row] = ",".join(lines[row].split(",")[:5])


def _negative_price(lines: list[str], row: int, _plan: FaultPlan) -> None:
    fields = lines[row].split(",")
    fields[5] = f"-{fields[5]}"
    lines[row] = ",".join(fields)


def _high_below_low(lines: list[str], row: int, _plan: FaultPlan) -> None:
    fields = lines[row].split(",")
    fields[3], fields[4] = f"{float(fields[4]) - 0.01:.2f}", fields[3]
    lines[row] = ",".join(fields)


def _illegal_symbol(lines: list[str], row: int, plan: FaultPlan) -> None:
    illegal = _ILLEGAL[(plan.session + plan.symbol) % len(_ILLEGAL)]
    lines.insert(row + 1, ",".join([illegal, *lines[row].split(",")[1:]]))


def _other_day(lines: list[str], row: int, _plan: FaultPlan) -> None:
    fields = lines[row].split(",")
    fields[1] = (date.fromisoformat(fields[1]) - timedelta(days=14)).isoformat()
    lines.insert(row + 1, ",".join(fields))


def _duplicate_row(lines: list[str], row: int, _plan: FaultPlan) -> None:
    lines.insert(row + 1, lines[row])


KINDS: dict[str, Callable[[list[str], int, FaultPlan], None]] = {
    "stray_line": _stray_line,
    "header_repeated": _header_repeated,
    "too_few_fields": _too_few_fields,
    "negative_price": _negative_price,
    "high_below_low": _high_below_low,
    "illegal_symbol": _illegal_symbol,
    "other_day": _other_day,
    "duplicate_row": _duplicate_row,
}
"""Each changes the lines of a drop, at the row of the plan's symbol and session."""

WITHOUT_SYMBOL = {"stray_line", "header_repeated", CLOSED_DAY, EMPTY_FILE}


def plan_faults(spec: MarketSpec, dates: tuple[date, ...], listings: Listings) -> tuple[FaultPlan, ...]:
    """Decide which mistakes are made; they are spread over the sessions, one of each kind at least."""
    if not spec.faults:
        return ()
    rng = spec.rng("faults")
    per_kind = max(1, round(_SHARE * 2 * spec.sessions * spec.symbols))
    kinds = [kind for kind in KINDS for _ in range(per_kind)]
    order = rng.permutation(np.arange(1, spec.sessions - 1))
    plans: dict[tuple[int, int], FaultPlan] = {}
    for number, kind in enumerate(kinds):
        session = int(order[number % len(order)])
        # The row must come again, whole, in the next drop.
        listed = np.flatnonzero(listings.active(session) & listings.active(session + 1))
        symbol = int(rng.choice(listed))
        plans.setdefault((session, symbol), FaultPlan(kind, session, symbol))
    return (*sorted(plans.values(), key=lambda plan: (plan.session, plan.symbol)), *_closed_days(rng, dates))


def _closed_days(rng: np.random.Generator, dates: tuple[date, ...]) -> tuple[FaultPlan, ...]:
    """A drop on a Saturday, and an empty one on a Sunday."""
    fridays = [index for index, day in enumerate(dates[:-1]) if day.weekday() == 4]
    first, second = rng.choice(fridays, 2, replace=False)
    return FaultPlan(CLOSED_DAY, int(first), -1), FaultPlan(EMPTY_FILE, int(second), -1)


def closed_day(plan: FaultPlan, dates: tuple[date, ...]) -> date:
    """The day that an extra drop is named after."""
    return dates[plan.session] + timedelta(days=1 if plan.kind == CLOSED_DAY else 2)


def spoil(lines: list[str], plan: FaultPlan, symbol: str, session: date) -> None:
    """Make the planned mistake in the lines of a price drop, the header being the first."""
    start = f"{symbol},{session.isoformat()},"
    row = next(index for index, line in enumerate(lines) if line.startswith(start))
    KINDS[plan.kind](lines, row, plan)
