"""Which sessions of a factor set are still to be computed, and what must be read for them; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class HolePlan:
    """Which holes to fill, and what to read for them.

    Attributes:
        sessions: consecutive sessions of the exchange, from the first that is read to the last hole.
        hole_positions: the holes, positions in ``sessions``, ascending.
        ranges: the sessions to read, first and last of each range, ascending and disjoint.
    """

    sessions: tuple[date, ...]
    hole_positions: tuple[int, ...]
    ranges: tuple[tuple[date, date], ...]

    @property
    def holes(self) -> tuple[date, ...]:
        """The sessions to compute."""
        return tuple(self.sessions[index] for index in self.hole_positions)

    @property
    def read(self) -> int:
        """How many sessions are read."""
        inside = (first <= session <= last for session in self.sessions for first, last in self.ranges)
        return sum(inside)


def plan_holes(calendar: Sequence[date], due: Collection[date], done: Collection[date], depth: int) -> HolePlan | None:
    """Plan the sessions that are due and not done.

    Args:
        calendar: all sessions of the exchange, ascending, from ``depth`` before the first due one.
        due: sessions with bars that were known at their cut-off.
        done: sessions that are stored under the current definition.
        depth: sessions before its own that a row may look at.

    Returns:
        None where nothing is missing.
    """
    position = {session: index for index, session in enumerate(calendar)}
    holes = sorted(position[session] for session in set(due) - set(done))
    if not holes:
        return None
    ranges: list[tuple[int, int]] = []
    for hole in holes:
        first = max(0, hole - depth)
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], hole)
        else:
            ranges.append((first, hole))
    begin = ranges[0][0]
    return HolePlan(
        tuple(calendar[begin : holes[-1] + 1]),
        tuple(hole - begin for hole in holes),
        tuple((calendar[first], calendar[last]) for first, last in ranges),
    )
