"""When a split or a dividend that one drop shows takes effect, by hand: cases as real feeds have them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions import evidence
from afterbell.ingest.actions.decide import corporate_actions
from tests.ingest.actions.drops import S0, S1, actions_of, drop, known


@pytest.mark.parametrize(
    ("shown", "factor", "kind"),
    [
        (drop(S1, (S0, 100.00, 50.00), 51.00), 0.5, "split"),  # 2:1
        (drop(S1, (S0, 95.23, 47.62), 47.10), 0.5, "split"),  # 2:1, rounded to the cent: 0.50005
        (drop(S1, (S0, 90.00, 60.00), 61.00), 2 / 3, "split"),  # 3:2
        (drop(S1, (S0, 0.31, 6.20), 6.05), 20.0, "split"),  # 1:20
        (drop(S1, (S0, 20.00, 19.50), 19.40), 0.975, "dividend"),  # half a dollar
        (drop(S1, (S0, 20.00, 19.99), 20.00), 0.9995, "dividend"),  # one cent
        (drop(S1, (S0, 21.00, 20.00), 20.10), 20 / 21, "dividend"),  # a stock dividend of 5 %: told like cash
        (drop(S1, (S0, 20.00, 10.70), 10.60), 0.535, "dividend"),  # a spin-off: no ratio of small integers
    ],
)
def test_a_factor_takes_effect_on_the_session_that_the_vendor_and_the_price_name(
    shown: pl.DataFrame, factor: float, kind: str
) -> None:
    assert actions_of(shown) == [(S1, factor, kind, "vendor", S1)]


@pytest.mark.parametrize(
    "shown",
    [
        drop(S1, (S0, 100.00, 100.00), 103.00),
        drop(S1, (S0, 33.33, 11.11), 33.37, adjusted=11.12),  # both adjusted by a later 3:1: 1.0003 is rounding
        drop(S1, (S0, 7.01, 3.51), 7.03, adjusted=3.51),  # likewise 2:1
        drop(S1, (S0, 100.00, 100.00), 45.00, open=60.00, volumes=(100_000, 4_000_000)),  # a crash
        drop(S1, (S0, 40.00, 40.00), 20.10, volumes=(100_000, 5_000_000)),  # a crash that lands on the ratio
        drop(S1, (S0, 20.00, 20.00), 41.00, volumes=(100_000, 2_000_000)),  # bought at twice the price
        drop(S1, (S0, 48.11, 48.11), 4.78, volumes=(391_700, 349_900)),  # another unit: shares don't scale
    ],
)
def test_no_action_is_made_up(shown: pl.DataFrame) -> None:
    assert actions_of(shown) == []


@pytest.mark.parametrize(
    ("shown", "told_first", "factor", "kind"),
    [
        (drop(S1, (S0, 2.66, 20.00), 19.60), None, 20.00 / 2.66, "split"),  # 7.519 old shares for a new one
        (drop(S1, (S0, 1.00, 13.51), 13.20), None, 13.51, "split"),
        (drop(S1, (S0, 100.00, 103.95), 104.10), None, 1.0395, "split"),  # shares put together beside a payout
        (drop(S1, (S0, 100.00, 75.00), 75.40), None, 0.75, "dividend"),  # a payout of a quarter, shares as usual
        (drop(S1, (S0, 100.00, 75.00), 75.40, volumes=(100_000, 140_000)), None, 0.75, "split"),  # 4:3, in new shares
        (drop(S1, (S0, 100.00, 80.00), 80.40, volumes=(125_000, 99_000)), 100_000, 0.8, "split"),  # 5:4, told anew
        (drop(S1, (S0, 100.00, 80.00), 80.40, volumes=(100_000, 101_000)), 100_000, 0.8, "dividend"),
        (drop(S1, (S0, 39.80, 34.61), 36.80, volumes=(115_000, 90_000)), 100_000, 1 / 1.15, "split"),  # 15 % in shares
        (drop(S1, (S0, 39.80, 34.61), 36.80, volumes=(100_000, 90_000)), 100_000, 34.61 / 39.80, "dividend"),
        (drop(S1, (S0, 69.93, 37.98), 38.86, volumes=(184_000, 240_000)), 100_000, 37.98 / 69.93, "dividend"),  # BAX
    ],
)
def test_shares_tell_a_split_from_a_payout(
    shown: pl.DataFrame, told_first: int | None, factor: float, kind: str
) -> None:
    known_first = shown.with_columns(volume_told=pl.lit(told_first, pl.Int64))
    assert actions_of(known_first) == [(S1, factor, kind, "vendor", S1)]


def test_a_ratio_that_cannot_be_told_is_named_and_adjusts_nothing() -> None:
    assert actions_of(drop(S1, (S0, 1.00, 1.00), 6.50, volumes=(650_000, 100_000))) == [
        (S1, 1.0, "split", "undecided", S1)
    ]


def test_an_action_says_how_sure_it_is_and_what_it_rests_on() -> None:
    shown = [
        drop(S1, (S0, 100.00, 50.00), 51.00, volumes=(200_000, 210_000)).with_columns(
            volume_told=pl.lit(100_000, pl.Int64)
        ),
        drop(S1, (S0, 100.00, 50.00), 51.00).with_columns(symbol=pl.lit("T")),
        drop(S1, (S0, 20.00, 19.50), 19.40).with_columns(symbol=pl.lit("U")),
        drop(S1, (S0, 100.00, 100.00), 50.20, volumes=(1_000_000, 2_050_000)).with_columns(symbol=pl.lit("V")),
    ]
    rows = corporate_actions(pl.concat(shown)).select("symbol", "rests_on", "confidence").rows()
    assert [row[:2] for row in rows] == [
        ("S", "vendor, price, shares"), ("T", "vendor, price"), ("U", "vendor"), ("V", "price, shares"),
    ]  # fmt: skip
    assert rows[0][2] > rows[1][2] > rows[2][2] > 0.9
    assert 0.9 < rows[3][2] < 1.0


def test_a_dividend_with_nothing_near_it_is_told_when_it_becomes_known_and_not_again() -> None:
    paid = drop(S1, (S0, 20.00, 19.50), 19.40)
    assert actions_of(paid) == [(S1, 0.975, "dividend", "vendor", S1)]
    assert corporate_actions(paid.with_columns(known=True)).is_empty()


def test_a_split_that_the_vendor_misses_is_believed_from_the_price() -> None:
    # CF, 5:1 on 2015-06-18, as delivered.
    day = drop(S1, (S0, 316.68, 316.68), 64.25, open=63.37, volumes=(860_700, 2_587_700))
    assert actions_of(day) == [(S1, 0.2, "split", "price", S1)]


def test_a_reverse_split_that_the_vendor_misses_shows_in_fewer_shares() -> None:
    # SMT, 1:10 on 2016-05-12, as delivered.
    assert actions_of(drop(S1, (S0, 0.42, 0.42), 4.10, open=4.20, volumes=(107_900, 9_500))) == [
        (S1, 10.0, "split", "price", S1)
    ]


def test_a_drop_without_the_session_before_shows_nothing() -> None:
    rows = pl.DataFrame({"symbol": ["S"], "session": [S1], "open": [1.0], "high": [1.0], "low": [1.0], "close": [1.0]})
    assert evidence.show(rows.with_columns(volume=1, adj_close=0.5)).is_empty()


PUBLIC = {
    # symbol: ex-session and factor, as the companies announced them
    "SBUX": (date(2015, 4, 9), 1 / 2), "NFLX": (date(2015, 7, 15), 1 / 7), "NKE": (date(2015, 12, 24), 1 / 2),
    "AZN": (date(2015, 7, 27), 1 / 2), "FRO": (date(2016, 2, 3), 5.0), "UA": (date(2016, 4, 8), 1 / 2),
    "CF": (date(2015, 6, 18), 1 / 5), "EXPO": (date(2015, 6, 5), 1 / 2), "SJI": (date(2015, 5, 8), 1 / 2),
    "SMT": (date(2016, 5, 12), 10.0), "DRWI": (date(2016, 2, 4), 25.0), "IO": (date(2016, 2, 5), 15.0),
    "BTU": (date(2015, 10, 1), 15.0), "EBAY": (date(2015, 7, 20), None),
}  # fmt: skip


@pytest.mark.market
def test_known_splits_of_the_real_drops_take_effect_once_and_on_their_day(market_drops: Path) -> None:
    wanted = {day for day, _ in PUBLIC.values()}
    sessions = Exchange().between(date(2015, 3, 23), date(2016, 6, 30))
    frames = []
    for number, session in enumerate(sessions):
        if wanted & set(sessions[max(number - 2, 0) : number + 3]):
            path = market_drops / f"s3/prices/{session:%Y}/{session:%Y%m%d}.csv.gz"
            if path.stat().st_size < 100:
                continue  # one of them is empty
            rows = pl.read_csv(path, try_parse_dates=True).rename({"date": "session"})
            shown = evidence.show(rows.filter(pl.col("symbol").is_in(list(PUBLIC))))
            frames.append(shown.with_columns(knowledge_time=known(session), drop_id=pl.lit(f"{session}")))
    rows = corporate_actions(pl.concat(frames))
    far = rows.filter((pl.col("factor") - 1).abs() > 0.15)
    found = {row["symbol"]: (row["ex_session"], row["factor"]) for row in far.iter_rows(named=True)}
    assert far.height == len(PUBLIC)
    assert found.pop("EBAY")[0] == PUBLIC["EBAY"][0]  # a spin-off: its factor is the vendor's
    assert found == {name: told for name, told in PUBLIC.items() if name != "EBAY"}
    assert dict(far.select("symbol", "kind").iter_rows())["EBAY"] == "dividend"
