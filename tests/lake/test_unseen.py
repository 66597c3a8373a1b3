"""Sessions about whose corporate actions a vendor showed nothing, by hand and in the real drops."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import LakeLocation, Runtime
from afterbell.ingest.plan import DropTask
from afterbell.ingest.read import read_drop
from afterbell.lake.bars import BarsQuery, adjusted_bar
from afterbell.lake.unseen import LEDGER, unseen_sessions
from afterbell.sources.rules import rules_of
from afterbell.sources.source import load_source
from afterbell.stores.protocols import StoredObject
from tests.lake.test_bars import D0, D1, D2, D3, action, bar
from tests.spark_run import ELSEWHERE

NYSE = Exchange()
DAYS = NYSE.between(date(2016, 6, 1), date(2016, 6, 30))


def ledger(*rows: tuple[str, date, int | None]) -> pl.DataFrame:
    told = [(source, day, "landed", compared, datetime(2016, 7, 1, tzinfo=UTC)) for source, day, compared in rows]
    kinds = (pl.String, pl.Date, pl.String, pl.Int64, pl.Datetime("us", "UTC"))
    return pl.DataFrame(told, schema=dict(zip(LEDGER, kinds, strict=True)), orient="row")


def test_a_session_is_unseen_where_its_drop_was_empty_cut_short_single_or_missing() -> None:
    compared = dict.fromkeys(DAYS, 6000)
    compared |= {DAYS[4]: 0, DAYS[7]: 8, DAYS[9]: 2999, DAYS[10]: 3001}
    del compared[DAYS[12]]  # no drop at all
    rows = [("prices", day, count) for day, count in compared.items()]
    assert unseen_sessions(ledger(*rows), DAYS) == {"prices": [DAYS[4], DAYS[7], DAYS[9], DAYS[12]]}


def test_another_delivery_makes_it_seen() -> None:
    rows = [("prices", day, 0 if day == DAYS[4] else 50) for day in DAYS]
    assert unseen_sessions(ledger(*rows, ("prices", DAYS[4], 50)), DAYS) == {"prices": []}


def test_a_source_that_shows_no_actions_has_no_unseen_sessions() -> None:
    rows = [("plain", day, None) for day in DAYS] + [("prices", day, 9) for day in DAYS]
    assert unseen_sessions(ledger(*rows), DAYS) == {"prices": []}
    assert unseen_sessions(ledger(*rows[: len(DAYS)]), DAYS) == {}


def test_an_answer_about_a_bar_names_the_unseen_sessions_since(tmp_path: Path) -> None:
    location = LakeLocation(catalog=f"jdbc:sqlite:{tmp_path}/catalog.db", warehouse=f"file:{tmp_path}/warehouse")
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=location.warehouse)
    for space in ("market", "raw"):
        catalog.create_namespace(space)
    drops = ledger(*(("prices", day, 0 if day == D2 else 6000) for day in (*DAYS, D1, D2, D3)))
    for name, rows in (
        ("market.bars", [bar(day, 50.0, day) | {"drop_id": f"prices:{day:%Y%m%d}:a"} for day in (D0, D1, D2, D3)]),
        ("market.corporate_actions", [action(D1, 0.5, "split", D1, symbol="T")]),
        ("raw.drops", drops.to_dicts()),
    ):
        table = pa.Table.from_pylist(rows)
        catalog.create_table(name, table.schema).append(table)
    env = {"AFTERBELL_LAKE_CATALOG": location.catalog, "AFTERBELL_LAKE_WAREHOUSE": location.warehouse}
    runtime = Runtime.from_env(ELSEWHERE | env | {"AFTERBELL_HOME": str(tmp_path)})
    for session, as_of, unseen in (
        (D0, D3, [D2.isoformat()]),
        (D2, D3, [D2.isoformat()]),  # its own return may lack a dividend
        (D3, D3, []),
        (D0, D1, []),
    ):
        found = adjusted_bar(runtime, BarsQuery("S", session, as_of), NYSE)
        assert found is not None
        assert found["unseen"] == unseen


def test_an_action_of_a_session_that_the_lake_has_not_come_to_does_not_count_yet(tmp_path: Path) -> None:
    location = LakeLocation(catalog=f"jdbc:sqlite:{tmp_path}/catalog.db", warehouse=f"file:{tmp_path}/warehouse")
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=location.warehouse)
    for space in ("market", "raw"):
        catalog.create_namespace(space)
    said = {"basis": "person", "rests_on": "person: Ann: announced", "drop_id": "overrides:1"}
    for name, rows in (
        ("market.bars", [bar(day, 50.0, day) | {"drop_id": f"prices:{day:%Y%m%d}:a"} for day in (D0, D1)]),
        ("market.corporate_actions", [action(day, 0.5, "split", D0) | said for day in (D1, D3)]),
        ("raw.drops", ledger(("prices", D0, 6000), ("prices", D1, 6000)).to_dicts()),
    ):
        table = pa.Table.from_pylist(rows)
        catalog.create_table(name, table.schema).append(table)
    env = {"AFTERBELL_LAKE_CATALOG": location.catalog, "AFTERBELL_LAKE_WAREHOUSE": location.warehouse}
    runtime = Runtime.from_env(ELSEWHERE | env | {"AFTERBELL_HOME": str(tmp_path)})
    closes = {}
    for as_of in (None, D1, D3):
        found = adjusted_bar(runtime, BarsQuery("S", D0, as_of), NYSE)
        assert found is not None
        closes[as_of] = (found["close"], [line[:10] for line in found["decided"]])
    assert closes[None] == closes[D1] == (25.0, [D1.isoformat()])
    assert closes[D3] == (12.5, [D1.isoformat(), D3.isoformat()])


@pytest.mark.market
def test_the_real_drops_have_three_unseen_sessions(market_drops: Path) -> None:
    source, known = load_source("us_daily_prices"), datetime(2016, 7, 1, tzinfo=UTC)
    days = NYSE.between(date(2015, 5, 26), date(2015, 7, 14)) + NYSE.between(date(2015, 11, 2), date(2015, 11, 30))
    rows = []
    for day in days:
        key = f"prices/{day:%Y}/{day:%Y%m%d}.csv.gz"
        body = (market_drops / "s3" / key).read_bytes()
        there = StoredObject("s3", key, len(body), "v", known)
        carried = (NYSE.previous(day), day)
        task = DropTask(source.name, "s3", key, len(body), "v", day, carried, known, "", late=False, refusal="")
        drop = read_drop(source, rules_of(source), task, partial(_answer, there, body))
        rows.append((source.name, day, drop.outcome.compared))
    found = unseen_sessions(ledger(*rows), days)[source.name]
    assert found == [date(2015, 6, 10), date(2015, 7, 6), date(2015, 11, 17)]


def _answer(there: StoredObject, body: bytes) -> tuple[StoredObject, bytes]:
    return there, body
