"""Invariant: drops are laid out as the vendor's, faults included, and their bytes depend on the spec alone."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from tests.simulation.reading import market_of, price_drops, text_of

SMALL = MarketSpec(symbols=12, sessions=25)
FAULTY = MarketSpec(symbols=200, sessions=60, seed=3)
FROZEN_PRICES = "6225400b36999c92896a8f268d93fecf817f96df2f8d1b051d31366997e47c92"
FROZEN_SYMBOLS = "86b65f7176fd06bd4b255a6a1d870a445a489f3921c14054706445b5e9d1f61d"


def test_the_same_seed_gives_the_same_bytes() -> None:
    once, again = (list(deliveries(simulate(SMALL))) for _ in range(2))
    assert once == again


def test_a_drop_s_text_is_frozen() -> None:
    _, drops = market_of(SMALL)
    # The text and not the compressed bytes: another build of zlib may pack them otherwise.
    found = {drop.key: hashlib.sha256(text_of(drop).encode()).hexdigest() for drop in drops if drop.body}
    assert found["prices/2026/20260629.csv.gz"] == FROZEN_PRICES
    assert found["symbols/2026/20260629.txt.gz"] == FROZEN_SYMBOLS


def test_another_seed_gives_other_bytes() -> None:
    _, drops = market_of(SMALL)
    _, others = market_of(MarketSpec(symbols=12, sessions=25, seed=8))
    assert not {text_of(drop) for drop in drops if drop.body} & {text_of(drop) for drop in others if drop.body} - {""}


def test_gzip_carries_no_time() -> None:
    _, drops = market_of(SMALL)
    assert all(drop.body[4:8] == b"\0\0\0\0" for drop in drops if drop.body)


def test_faults_leave_the_market_itself_as_it_was() -> None:
    market, _ = market_of(SMALL)
    clean, _ = market_of(MarketSpec(symbols=12, sessions=25, faults=False))
    assert (clean.bars.close == market.bars.close).all()
    assert not clean.plans


def test_a_price_drop_holds_its_session_and_the_one_before_in_pairs() -> None:
    market, drops = market_of(MarketSpec(symbols=50, sessions=30, faults=False))
    drops = price_drops(drops)
    assert [drop.key for drop in drops] == [f"prices/{d:%Y}/{d:%Y%m%d}.csv.gz" for d in market.dates]
    first = pd.read_csv(io.StringIO(text_of(drops[0])))
    assert set(first["date"]) == {market.dates[0].isoformat()}
    for session in range(1, len(drops)):
        rows = [line.split(",") for line in text_of(drops[session]).splitlines()[1:]]
        today, before = market.dates[session].isoformat(), market.dates[session - 1].isoformat()
        assert {row[1] for row in rows} == {today, before}
        follows = {
            (rows[i - 1][0], rows[i - 1][1]) == (row[0], today) for i, row in enumerate(rows) if row[1] == before
        }
        assert follows == {True}


def test_prices_have_cents_and_lie_in_their_range() -> None:
    _, drops = market_of(MarketSpec(symbols=50, sessions=30, faults=False))
    for drop in price_drops(drops):
        text = text_of(drop)
        frame = pd.read_csv(io.StringIO(text))
        assert (frame["high"] >= frame[["open", "close", "low"]].max(axis=1)).all()
        assert (frame["low"] <= frame[["open", "close", "high"]].min(axis=1)).all()
        assert (frame["low"] > 0).all()
        assert (frame["volume"] >= 1).all()
        assert all(len(cell.partition(".")[2]) == 2 for line in text.splitlines()[1:] for cell in line.split(",")[2:6])


def test_about_half_of_the_volumes_are_restated_a_little() -> None:
    _, drops = market_of(MarketSpec(symbols=50, sessions=30, faults=False))
    drops = price_drops(drops)
    first = pd.concat(pd.read_csv(io.StringIO(text_of(d))).assign(n=i) for i, d in enumerate(drops))
    pairs = first.groupby(["symbol", "date"])["volume"].agg(["first", "last", "count"])
    change = (pairs["last"] / pairs["first"] - 1)[pairs["count"] == 2].abs()
    assert 0.4 < (change > 0).mean() < 0.6
    assert change.max() < 0.06


def test_reports_are_known_after_their_period_and_only_of_listed_symbols() -> None:
    market, drops = market_of(MarketSpec(symbols=50, sessions=150, faults=False))
    reports = {drop.key[-15:-7]: text_of(drop) for drop in drops if drop.key.startswith("reports/")}
    assert list(reports) == [f"{day:%Y%m%d}" for day in market.dates]  # an empty one where nothing was filed
    frames = [pd.read_csv(io.StringIO(text)).assign(known=day) for day, text in reports.items() if text]
    rows = pd.concat(frames)
    age = (pd.to_datetime(rows["known"]) - pd.to_datetime(rows["end_date"])).dt.days
    assert age[~rows["amend"]].between(25, 65).all()
    assert set(rows["doc_type"]) == {"10-Q", "10-K"}
    assert ((rows["doc_type"] == "10-K") == (rows["period_focus"] == "FY")).all()
    late = {e.symbol: e.session.replace("-", "") for e in market.truth.listings}
    assert all(row.known >= late.get(row.symbol, "") for row in rows.itertuples())
    originals = rows[~rows["amend"]]
    assert not originals.duplicated(["symbol", "end_date"]).any()


@pytest.mark.parametrize(
    "kind",
    [
        "stray_line", "header_repeated", "too_few_fields", "negative_price", "high_below_low", "illegal_symbol",
        "other_day", "duplicate_row",
    ],
)  # fmt: skip
def test_every_fault_of_the_truth_is_in_the_bytes(kind: str) -> None:
    market, drops = market_of(FAULTY)
    texts = {drop.key: text_of(drop) for drop in price_drops(drops) if drop.body}
    planned = Counter(fault.key for fault in market.truth.faults if fault.kind == kind)
    closed = {fault.key for fault in market.truth.faults if fault.kind == "closed_day"}
    found = {key: count_of(kind, text) for key, text in texts.items() if key not in closed}
    assert planned
    assert {key: number for key, number in found.items() if number} == dict(planned)


def count_of(kind: str, text: str) -> int:
    lines = text.splitlines()[1:]
    rows = [line.split(",") for line in lines if line.count(",") == 7 and not line.startswith("symbol,")]
    usual = {day for day, _ in Counter(row[1] for row in rows).most_common(2)}
    counts = {
        "stray_line": sum("," not in line for line in lines),
        "header_repeated": sum(line.startswith("symbol,") for line in lines),
        "too_few_fields": sum(line.count(",") == 4 for line in lines),
        "negative_price": sum(float(row[5]) < 0 for row in rows),
        "high_below_low": sum(float(row[3]) < float(row[4]) for row in rows),
        "illegal_symbol": sum(not (row[0].isascii() and row[0].isalpha()) for row in rows),
        "other_day": sum(row[1] not in usual for row in rows),
        "duplicate_row": len(rows) - len({tuple(row) for row in rows}),
    }
    return counts[kind]


def test_faulty_rows_are_few_and_the_newest_drop_has_none() -> None:
    market, drops = market_of(FAULTY)
    rows = sum(text_of(drop).count("\n") - 1 for drop in price_drops(drops) if drop.body)
    within = [fault for fault in market.truth.faults if fault.kind not in {"closed_day", "empty_file"}]
    assert 8 <= len(within) < 0.005 * rows
    assert market.dates[-1].isoformat() not in {fault.session for fault in market.truth.faults}


def test_extra_drops_come_on_closed_days() -> None:
    market, drops = market_of(FAULTY)
    bodies = {drop.key: drop.body for drop in drops}
    extra = {fault.kind: fault for fault in market.truth.faults if fault.kind in {"closed_day", "empty_file"}}
    assert pd.Timestamp(extra["closed_day"].session).day_name() == "Saturday"
    assert pd.Timestamp(extra["empty_file"].session).day_name() == "Sunday"
    assert bodies[extra["empty_file"].key] == b""
    friday = pd.Timestamp(extra["closed_day"].session) - pd.Timedelta(days=1)
    assert bodies[extra["closed_day"].key] == bodies[f"prices/{friday:%Y}/{friday:%Y%m%d}.csv.gz"]


def test_a_spoiled_row_is_delivered_whole_a_session_later() -> None:
    market, drops = market_of(FAULTY)
    texts = {drop.key: text_of(drop) for drop in price_drops(drops) if drop.body}
    for fault in market.truth.faults:
        if fault.kind in {"too_few_fields", "negative_price", "high_below_low"}:
            at = [day.isoformat() for day in market.dates].index(fault.session)
            following = market.dates[at + 1]
            text = texts[f"prices/{following:%Y}/{following:%Y%m%d}.csv.gz"]
            row = next(ln for ln in text.splitlines() if ln.startswith(f"{fault.symbol},{fault.session},")).split(",")
            assert len(row) == 8
            assert 0 < float(row[4]) <= float(row[5]) <= float(row[3])


@pytest.mark.market
def test_the_layout_is_that_of_the_real_drops(market_drops: Path) -> None:
    _, drops = market_of(MarketSpec(symbols=50, sessions=30, faults=False))
    for store, key in (
        ("s3", "prices/2015/20150427.csv.gz"),
        ("hdfs", "reports/2015/20150427.csv.gz"),
        ("hdfs", "symbols/2015/20150427.txt.gz"),
    ):
        real = gzip.decompress((market_drops / store / key).read_bytes()).decode().splitlines()
        kind = key.split("/", maxsplit=1)[0]
        ours = next(drop for drop in drops if drop.key.startswith(f"{kind}/") and drop.key != drops[0].key)
        lines = text_of(ours).splitlines()
        assert ours.store == store
        assert len(ours.key) == len(key)
        separator = "\t" if kind == "symbols" else ","
        assert lines[1].count(separator) == real[1].count(separator)
        if kind != "symbols":
            assert lines[0] == real[0]
        if kind == "prices":  # the session's row, then the same symbol's row of the session before
            assert [real[1].split(",")[0], real[1].split(",")[1]] == ["FAX", "2015-04-27"]
            assert [real[2].split(",")[0], real[2].split(",")[1]] == ["FAX", "2015-04-24"]
            assert lines[1].split(",")[0] == lines[2].split(",")[0]
            assert lines[1].split(",")[1] > lines[2].split(",")[1]
