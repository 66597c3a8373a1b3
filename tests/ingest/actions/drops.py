"""Evidence that drops of made-up bars leave, and what is decided from it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import corporate_actions

# Consecutive sessions: Monday to Friday, and the Monday after.
S0, S1, S2, S3, S4, S5 = (date(2016, 6, day) for day in (6, 7, 8, 9, 10, 13))

FELL = (S0, 20.00, 20.00)  # to 17.00: remembered, and no action


def known(session: date) -> datetime:
    return datetime(session.year, session.month, session.day, 20, 30, tzinfo=UTC)


def drop(session: date, before: tuple[date, float, float], price: float, **bar: Any) -> pl.DataFrame:
    """The evidence of a drop with one symbol: (session before, its close, its adjusted close), then the new close."""
    day, close, adjusted = before
    volumes = bar.pop("volumes", (100_000, 100_000))
    opened = bar.get("open", price)
    rows = [
        ("S", day, close, close, close, close, volumes[0], adjusted),
        ("S", session, opened, max(opened, price), min(opened, price), price, volumes[1], bar.get("adjusted", price)),
    ]
    schema = ["symbol", "session", "open", "high", "low", "close", "volume", "adj_close"]
    shown = evidence.show(pl.DataFrame(rows, schema=schema, orient="row"))
    return shown.with_columns(knowledge_time=known(session), drop_id=pl.lit(f"d{session:%d}"))


def revisions(*told: tuple[date, float, int, date]) -> pl.DataFrame:
    """Bars of one symbol as several drops tell them: session, price, shares, and the drop's session."""
    seen: dict[date, int] = {}
    rows = []
    for session, price, volume, by in told:
        nth = seen[session] = seen.get(session, -1) + 1
        rows.append(("S", session, price, price, price, price, volume, known(by), nth, f"d{by.day}"))
    columns = ["symbol", "session", "open", "high", "low", "close", "volume", "knowledge_time", "revision", "drop_id"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def actions_of(*drops: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Ex-session, factor, kind, basis and the session whose drop made it known."""
    rows = corporate_actions(pl.concat(drops))
    return [
        (
            row["ex_session"],
            pytest.approx(row["factor"], abs=1e-9),
            row["kind"],
            row["basis"],
            row["knowledge_time"].date(),
        )
        for row in rows.iter_rows(named=True)
    ]


def random_evidence(seed: int) -> pl.DataFrame:
    """Drops of five symbols whose vendor shows actions early, twice, late and never, some known late."""
    rng = np.random.default_rng(seed)
    sessions = Exchange().between(date(2016, 3, 1), date(2016, 6, 30))
    frames = []
    for name in "ABCDE":
        price, pending = 50.0, 1.0
        for before, session in pairwise(sessions):
            new = price * float(np.exp(rng.normal(0, 0.02)))
            factor = float(rng.choice([1.0, 1.0, 1.0, 0.99, 0.5, 5.0], p=[0.4, 0.2, 0.1, 0.15, 0.1, 0.05]))
            here = rng.random() < 0.6  # else the price moves a session later, if at all
            moved = new * pending * (factor if here else 1.0)
            pending = factor if not here and rng.random() < 0.7 else 1.0
            adjusted = price * (factor if rng.random() < 0.8 else 1.0)
            shown = drop(session, (before, price, adjusted), moved, volumes=(10_000, int(rng.integers(3_000, 40_000))))
            late = timedelta(days=int(rng.choice([0, 0, 0, 0, 2, 9])))
            frames.append(shown.with_columns(symbol=pl.lit(name), knowledge_time=known(session) + late))
            price = float(np.clip(moved, 5.0, 500.0))
    return pl.concat(frames)
