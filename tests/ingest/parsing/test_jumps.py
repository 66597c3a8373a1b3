"""Bars held for their jump: what nearly all symbols are spared changes no verdict."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from afterbell.ingest.actions.evidence import with_context
from afterbell.ingest.parsing.parse import DropName, parse_drop
from afterbell.ingest.parsing.repeats import hold_jumps
from afterbell.sources.rules import RuleSet, load_rules
from afterbell.sources.source import load_source
from tests.ingest.drops import BEFORE, DAY, prices, rules

RULES = load_rules("bars")


def held_by_a_full_look(rows: pl.DataFrame, limit: float) -> list[int]:
    """Every pair of closes, without a look at which may matter."""
    seen = with_context(rows)
    move = pl.col("close") / (pl.col("previous_close") * pl.col("adjustment"))
    far = (move < round(1 / limit, 6)) | (move > limit)
    return seen.filter((pl.col("previous_close") > 0) & far)["line"].to_list()


def bars(seed: int, *, scattered: bool) -> pl.DataFrame:
    dice = random.Random(seed)
    rows = []
    for symbol in range(60):
        close = dice.choice((0.02, 1.0, 10.0, 400.0)) * dice.uniform(0.8, 1.2)
        ratio = dice.choice((1.0, 1.0, 0.5, 0.1, 0.19, 0.21, 4.9, 5.1, 10.0, 20.0, 0.0001))
        shown = dice.choice((1.0, 1.0, ratio, 2.0, 0.2))
        for session, price, adjusted in ((DAY, close * ratio, close * ratio), (BEFORE, close, close * shown)):
            if dice.random() < 0.9:
                prices = (price, price * 1.01, price * 0.99, price)
                rows.append((f"S{symbol}", session, *(round(each, 4) for each in prices), 1000, round(adjusted, 4)))
    if scattered:
        dice.shuffle(rows)
    names = ("symbol", "session", "open", "high", "low", "close", "volume", "adj_close")
    return pl.DataFrame(rows, schema=names, orient="row").with_row_index("line", 2).cast({"line": pl.Int64})


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("limit", [1.3, 2.0, 5.0])
def test_the_same_bars_are_held_as_by_a_look_at_every_pair(limit: float, scattered: bool) -> None:
    jump = RULES.jump()
    assert jump is not None
    wanted = RuleSet(name="bars", rules=(jump.model_copy(update={"limit": limit}),))
    for seed in range(5):
        rows = bars(seed, scattered=scattered)
        stays, held = hold_jumps(wanted, rows)
        assert held["line"].to_list() == held_by_a_full_look(rows, limit)
        assert stays["line"].to_list() == [line for line in rows["line"].to_list() if line not in set(held["line"])]


def test_a_jump_is_held_in_the_newest_session_only_and_says_why() -> None:
    lines = ["A,2016-06-30,3.65,3.65,3.65,3.65,000,3.65", "A,2016-06-29,0.60,0.60,0.60,0.60,000,0.60"]
    parsed = prices(*lines)
    assert (rules(parsed), parsed.rows["session"].to_list()) == ([(2, "jump")], [BEFORE])
    assert "found 3.65 after 0.6, explained by 1.0" in parsed.rejected["reason"][0]
    assert prices(lines[0]).rows.height == 1  # nothing to compare with


def test_a_split_that_the_vendor_shows_is_no_jump() -> None:
    lines = ["A,2016-06-30,10.00,10.10,9.90,10.00,5000,10.00", "A,2016-06-29,100.00,101.00,99.00,100.00,500,10.00"]
    assert prices(*lines).rejected.is_empty()


@pytest.mark.market
def test_real_jumps_are_those_of_a_look_at_every_pair(market_drops: Path) -> None:
    source, found = load_source("us_daily_prices"), 0
    without = RuleSet(name="bars", rules=tuple(rule for rule in RULES.rules if rule.kind != "jump"))
    for day in (date(2015, 5, 26), date(2016, 2, 16), date(2016, 6, 30), date(2015, 12, 24)):
        name = DropName(f"prices/{day:%Y}/{day:%Y%m%d}.csv.gz", day, source.sessions_carried(day))
        body = (market_drops / "s3" / name.key).read_bytes()
        rows = parse_drop(source, without, name, body).rows.with_row_index("line").cast({"line": pl.Int64})
        _, held = hold_jumps(RULES, rows)
        assert held["line"].to_list() == held_by_a_full_look(rows, 5.0)
        found += held.height
    assert found >= 3
