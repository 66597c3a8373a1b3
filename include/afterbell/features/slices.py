"""A plan cut into months, and months into the work of tasks; pure.

A month is what the feature tables are partitioned by: whoever computes one writes one file of it. A task has
neighbouring months, so that what it reads for the look-back of one is in memory for the next; it has the whole market
of a session, so no symbol with a long history weighs on one task, and ranks within a session need no exchange.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from afterbell.features.grid import SessionGrid, from_day
from afterbell.features.holes import HolePlan

ROWS_A_TASK = 600_000
"""Rows that a task writes: some ten seconds' work, four months of a market of 7,000 symbols."""


@dataclass(frozen=True)
class HoleSlice:
    """The holes of one calendar month.

    Attributes:
        month: counted from January 1970, 0.
        grid: consecutive sessions of the exchange, from the first that is read to the last hole.
        hole_columns: the holes as columns of ``grid``, ascending.
    """

    month: int
    grid: SessionGrid
    hole_columns: tuple[int, ...]

    @property
    def months(self) -> range:
        """The months that it reads."""
        return range(month_of(from_day(int(self.grid.days[0]))), self.month + 1)


def month_of(session: date) -> int:
    """The calendar month of a session, counted from January 1970."""
    return (session.year - 1970) * 12 + session.month - 1


def slices_of(plan: HolePlan, grid: SessionGrid, depth: int) -> list[HoleSlice]:
    """The months of a plan that have holes, ascending.

    Args:
        plan: from ``plan_holes``.
        grid: of its sessions.
        depth: sessions before its own that a row may look at.
    """
    slices = []
    for month, group in groupby(plan.hole_positions, key=lambda position: month_of(plan.sessions[position])):
        holes = list(group)
        begin = max(0, holes[0] - depth)
        slices.append(HoleSlice(month, grid.part(begin, holes[-1] + 1), tuple(hole - begin for hole in holes)))
    return slices


def tasks_of(slices: Sequence[HoleSlice], rows_a_session: int, cores: int) -> list[tuple[HoleSlice, ...]]:
    """Neighbouring slices put together, of about equal numbers of holes.

    Args:
        slices: from ``slices_of``.
        rows_a_session: how many rows a session has, about.
        cores: of the cluster; no core is left without work while there are months enough.
    """
    holes = sum(len(month_slice.hole_columns) for month_slice in slices)
    waves = math.ceil(holes * rows_a_session / ROWS_A_TASK / cores)
    share = holes / max(1, min(waves * cores, len(slices)))
    tasks: list[list[HoleSlice]] = []
    done, last = 0, 0
    for month_slice in slices:
        # A slice goes where its middle lies.
        place = int((done + len(month_slice.hole_columns) / 2) / share)
        done += len(month_slice.hole_columns)
        if not tasks or place > last:
            tasks.append([])
        tasks[-1].append(month_slice)
        last = place
    return [tuple(task) for task in tasks]
