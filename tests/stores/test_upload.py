"""Invariant: an upload brings every delivery to its store once, and a wrong folder brings nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, MissingDropsError
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.factory import drop_store
from afterbell.stores.protocols import Delivery
from afterbell.stores.upload import UploadSummary, folder_deliveries, upload

DROPS = [
    Delivery("s3", "prices/2026/20260629.csv.gz", b"prices of a day"),
    Delivery("s3", "prices/2026/20260630.csv.gz", b""),
    Delivery("hdfs", "reports/2026/20260630.csv.gz", b"reports"),
]


@pytest.mark.services
def test_a_second_upload_writes_nothing(runtime: Runtime) -> None:
    told: list[UploadSummary] = []
    assert upload(iter(DROPS), runtime, told.append) == UploadSummary(objects=3, bytes=22, skipped=0)
    assert upload(iter(DROPS), runtime) == UploadSummary(objects=0, bytes=0, skipped=3)
    assert [done.objects for done in told] == [1, 2, 3]


@pytest.mark.services
def test_only_what_changed_is_written_again(runtime: Runtime) -> None:
    upload(DROPS, runtime)
    changed = [Delivery(d.store, d.key, d.body[::-1]) for d in DROPS]  # of the same size
    assert upload(changed, runtime) == UploadSummary(objects=2, bytes=22, skipped=1)
    for kind in ("s3", "hdfs"):
        store = drop_store(kind, runtime)
        found = {item.key: store.read(item) for item in store.list("")}
        assert found == {d.key: d.body for d in changed if d.store == kind}


@pytest.mark.services
def test_a_simulated_feed_arrives_whole(runtime: Runtime) -> None:
    feed = list(deliveries(simulate(MarketSpec(symbols=10, sessions=20))))
    assert upload(feed, runtime).objects == len(feed)
    for kind in ("s3", "hdfs"):
        store = drop_store(kind, runtime)
        assert {item.key: store.read(item) for item in store.list("")} == {
            d.key: d.body for d in feed if d.store == kind
        }


@pytest.mark.services
def test_a_failure_names_the_key_and_ends_the_upload(runtime: Runtime) -> None:
    with pytest.raises(ConfigError, match=r"key '\.\./a' is not allowed"):
        upload([*DROPS, Delivery("hdfs", "../a", b"")], runtime)


def test_a_folder_s_drops_go_where_the_layout_says(tmp_path: Path) -> None:
    for drop in DROPS:
        path = tmp_path / drop.store / drop.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drop.body)
    (tmp_path / "s3" / ".hidden").write_bytes(b"")
    (tmp_path / "README.md").write_text("not a drop")
    assert sorted(folder_deliveries(tmp_path), key=lambda d: d.key) == DROPS


@pytest.mark.parametrize("present", ["nothing", "reports only", "prices outside s3", "no folder"])
def test_a_folder_without_price_drops_is_refused_at_once(tmp_path: Path, present: str) -> None:
    folder = tmp_path / "drops"
    files = {"nothing": "", "reports only": "hdfs/reports/2026/20260630.csv.gz"}
    files["prices outside s3"] = "prices/2026/20260630.csv.gz"
    if present != "no folder":
        path = folder / (files[present] or "notes.txt")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    # At the call, not when the first drop is asked for: nothing can have been uploaded.
    with pytest.raises(MissingDropsError, match=r"drops.*expected .*drops/s3/prices/YYYY/YYYYMMDD.csv.gz"):
        folder_deliveries(folder)


@pytest.mark.market
def test_the_real_drops_are_found(market_drops: Path) -> None:
    found = folder_deliveries(market_drops)
    first = next(iter(found))
    assert (first.store, first.key) == ("s3", "prices/2015/20150323.csv.gz")
    assert sum(drop.key.startswith("prices/") for drop in found) == 323  # of 324, the first one taken
