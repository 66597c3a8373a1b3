"""One bar as known on a day, as traded and adjusted, by hand; the lake is written by PyIceberg alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import LakeLocation, Runtime
from afterbell.errors import NotASessionError
from afterbell.lake.bars import BarsQuery, adjust, adjusted_bar, bar_as_known
from tests.conftest import Services
from tests.spark_run import ELSEWHERE

# Thursday to Wednesday; Monday 2016-07-04 is a holiday.
D0, D1, D2, D3 = date(2016, 6, 30), date(2016, 7, 1), date(2016, 7, 5), date(2016, 7, 6)
NYSE = Exchange()


def at(day: date, hour: int = 20) -> datetime:
    return datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)


def bar(session: date, close: float, known: date, revision: int = 0, symbol: str = "S") -> dict[str, Any]:
    prices = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close, "adj_close": close}
    rest = {"symbol": symbol, "session": session, "volume": 1000, "knowledge_time": at(known), "revision": revision}
    return rest | prices


def action(ex_session: date, factor: float, kind: str, known: date, symbol: str = "S") -> dict[str, Any]:
    return {"symbol": symbol, "ex_session": ex_session, "factor": factor, "kind": kind, "knowledge_time": at(known)}


BARS = [
    bar(D0, 100.0, D0),
    bar(D0, 101.0, D1, revision=1),  # restated
    bar(D1, 50.0, D1),  # two for one
    bar(D2, 49.0, D2),  # a dollar is paid
    bar(D3, 98.0, D3),
    bar(D1, 7.0, D1, symbol="OTHER"),
]
ACTIONS = [
    action(D1, 0.5, "split", D1),
    action(D2, 0.98, "dividend", D2),
    action(D3, 2.0, "split", D2),  # believed a day too early,
    action(D3, 1.0, "split", D3),  # and withdrawn
    action(D2, 0.1, "split", D2, symbol="OTHER"),
]


def write_lake(location: LakeLocation, home: Path, **properties: str) -> None:
    catalog = SqlCatalog("lake", uri=f"sqlite:///{home}/catalog.db", warehouse=location.warehouse, **properties)
    catalog.create_namespace("market")
    for name, rows in (("bars", BARS), ("corporate_actions", ACTIONS)):
        table = pa.Table.from_pylist(rows)
        day = "session" if name == "bars" else "ex_session"
        table = table.set_column(table.column_names.index(day), day, table[day].cast(pa.date32()))
        catalog.create_table(f"market.{name}", table.schema).append(table)


@pytest.fixture(params=["file", pytest.param("s3a", marks=pytest.mark.services)])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """The same lake in a folder and in S3."""
    address = f"jdbc:sqlite:{tmp_path}/catalog.db"
    if request.param == "file":
        location = LakeLocation(catalog=address, warehouse=f"file:{tmp_path}/warehouse")
        write_lake(location, tmp_path)
        env = {"AFTERBELL_LAKE_CATALOG": location.catalog, "AFTERBELL_LAKE_WAREHOUSE": location.warehouse}
        yield Runtime.from_env(ELSEWHERE | env | {"AFTERBELL_HOME": str(tmp_path)})
        return
    services: Services = request.getfixturevalue("services")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, services.env[name])
    warehouse = f"s3a://{services.runtime.s3.artifact_bucket}/bars-as-known"
    location = LakeLocation(catalog=address, warehouse=warehouse)
    endpoint = {"s3.endpoint": services.runtime.s3.endpoint or "", "s3.force-virtual-addressing": "false"}
    write_lake(location, tmp_path, **endpoint, **{"s3.region": services.runtime.s3.region})
    env = {"AFTERBELL_LAKE_CATALOG": location.catalog, "AFTERBELL_LAKE_WAREHOUSE": location.warehouse}
    yield Runtime.from_env(services.env | env)


def test_bars_are_answered_as_known_and_adjusted_as_of_a_day(lake: Runtime) -> None:
    then = bar_as_known(lake, BarsQuery("S", D0, D0))
    assert then == {
        "symbol": "S", "session": "2016-06-30", "open": 99.0, "high": 102.0, "low": 98.0, "close": 100.0,
        "volume": 1000, "knowledge_time": "2016-06-30T20:30:00+00:00", "revision": 0,
    }  # fmt: skip
    assert bar_as_known(lake, BarsQuery("S", D0, date(2016, 6, 29))) is None
    now = bar_as_known(lake, BarsQuery("S", D0))
    assert now is not None
    assert (now["close"], now["revision"]) == (101.0, 1)

    # As of D1 the split has taken effect, the dividend has not: 101 x 0.5, and 2,000 shares of the new kind.
    half = adjusted_bar(lake, BarsQuery("S", D0, D1), NYSE)
    assert half is not None
    assert (half["open"], half["high"], half["low"], half["close"]) == (50.0, 51.5, 49.5, 50.5)
    assert (half["volume"], half["revision"], half["return"]) == (2000, 1, None)
    # The split's own session is in the new shares already; its return is 50 / (101 x 0.5) - 1.
    day = adjusted_bar(lake, BarsQuery("S", D1, D1), NYSE)
    assert day is not None
    assert (day["close"], day["volume"]) == (50.0, 1000)
    assert day["return"] == pytest.approx(50 / 50.5 - 1, abs=1e-15)
    # Across the holiday, with the dividend: 49 / (50 x 0.98) - 1 = 0.
    paid = adjusted_bar(lake, BarsQuery("S", D2, D2), NYSE)
    assert paid is not None
    assert paid["return"] == pytest.approx(0.0, abs=1e-15)
    # As of the last day: both actions, not the one that was withdrawn.
    last = adjusted_bar(lake, BarsQuery("S", D0, D3), NYSE)
    assert last is not None
    assert (last["close"], last["volume"]) == (pytest.approx(101 * 0.5 * 0.98, abs=1e-12), 2000)
    # The withdrawn action was believed as of D2, but its ex-session lies after that day.
    assert adjusted_bar(lake, BarsQuery("S", D2, D2), NYSE) == adjusted_bar(lake, BarsQuery("S", D2, D3), NYSE)
    assert adjusted_bar(lake, BarsQuery("S", D3, D2), NYSE) is None


def test_a_day_without_a_session_is_refused(lake: Runtime) -> None:
    with pytest.raises(NotASessionError, match="2016-07-04"):
        adjusted_bar(lake, BarsQuery("S", date(2016, 7, 4)), NYSE)


def test_an_action_known_before_its_ex_session_counts_from_that_on() -> None:
    found = bar(D0, 100.0, D0)
    early = [action(D2, 0.5, "split", D0)]
    assert adjust(found, None, early, D1)["close"] == 100.0
    assert adjust(found, None, early, D2)["close"] == 50.0
    assert adjust(found, None, early, None)["close"] == 50.0
    assert adjust(bar(D2, 50.0, D2), bar(D1, 100.0, D1), early, D2)["return"] == 0.0
