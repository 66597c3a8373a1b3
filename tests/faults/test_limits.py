"""Row 14: a drop beyond a limit of its source is refused, and the limit is told."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any

import pytest

from afterbell.errors import CorruptDropError
from afterbell.ingest.fetch import Stores
from afterbell.ingest.month_task import read_slice
from afterbell.ingest.outcome import Outcome
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.ingest.plan import QUARANTINED, plan_source
from afterbell.ingest.slices import share_out
from afterbell.ingest.task_results import LEDGER
from afterbell.sources.rules import load_rules
from afterbell.sources.source import Source, load_source
from afterbell.stores.protocols import StoredObject, StoreKind
from tests.faults import market
from tests.faults.conftest import Stage

LINES = market.whole(1)
TEXT = "".join(f"{line}\n" for line in LINES).encode()
BODY = gzip.compress(TEXT, mtime=0)
LONGEST = max(len(line) for line in LINES)
RATIO = len(TEXT) // len(BODY)


def source_with(name: str, limits: dict[str, int], **changes: Any) -> Source:
    return Source.model_validate(load_source(name).model_dump() | {"limits": limits} | changes)


def prices(**limits: int) -> ParsedDrop:
    source = source_with("us_daily_prices", limits)
    name = DropName(market.prices_key(1), market.day(1), source.sessions_carried(market.day(1)))
    return parse_drop(source, load_rules(source.quality), name, BODY)


@pytest.mark.parametrize(
    "limits",
    [
        {"compressed_bytes": len(BODY)},
        {"uncompressed_bytes": len(TEXT)},
        {"ratio": RATIO + 1},
        {"rows": 200},
        {"line_bytes": max(LONGEST, 64)},
    ],
    ids=lambda limits: next(iter(limits)),
)
def test_row_14_a_drop_at_its_limit_is_taken_whole(limits: dict[str, int]) -> None:
    found = prices(**limits)
    assert (found.rows.height, found.rejected.height) == (200, 0)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"compressed_bytes": len(BODY) - 1}, f"has {len(BODY)} bytes, the limit of source .* is {len(BODY) - 1}"),
        ({"uncompressed_bytes": len(TEXT) - 1}, f"more than {len(TEXT) - 1} bytes; .* allows {len(TEXT) - 1} and"),
        ({"ratio": RATIO}, f"more than {RATIO * len(BODY)} bytes; .* and {RATIO} times the compressed size"),
        ({"rows": 199}, "the limit of source us_daily_prices is 199 lines"),
    ],
    ids=["compressed", "uncompressed", "ratio", "rows"],
)
def test_row_14_a_drop_beyond_a_limit_fails_and_tells_it(limits: dict[str, int], says: str) -> None:
    with pytest.raises(CorruptDropError, match=f"drop {market.prices_key(1)}: .*{says}"):
        prices(**limits)


def test_row_14_a_line_beyond_the_limit_is_set_aside_alone() -> None:
    source = source_with("us_daily_prices", {"line_bytes": 64})
    name = DropName(market.prices_key(1), market.day(1), source.sessions_carried(market.day(1)))
    long = f"S01,{market.day(1)},1.00,1.00,1.00,1.00,1,1.{'0' * 64}"
    body = market.packed([market.HEADER, market.row("S00", 1, 1), long])
    found = parse_drop(source, load_rules(source.quality), name, body)
    assert found.rows["symbol"].to_list() == ["S00"]
    assert found.rejected.select("line", "rule").rows() == [(3, "line_too_long")]


def read(stage: Stage, source: Source, listing: Sequence[StoredObject]) -> list[Outcome]:
    """What the task of an ingest says of the objects of ``source``."""
    plan = plan_source(source, listing, [], market.day(1))
    (work,) = share_out(plan.tasks, {source.name: source.kind})
    stores = Stores(lambda kind: stage.s3_drops() if kind == "s3" else stage.hdfs_drops())
    parts = read_slice(work, {source.name: (source, load_rules(source.quality))}, stores.fetch, None, stage.direct.s3)
    return [Outcome.from_json(text) for part in parts if part.name == LEDGER for text in part.frame["outcome"]]


@pytest.mark.services
@pytest.mark.parametrize("kind", ["s3", "hdfs"])
def test_row_14_a_huge_object_is_refused_by_the_size_in_the_listing_and_never_fetched(
    stage: Stage, kind: StoreKind
) -> None:
    store = stage.s3_drops() if kind == "s3" else stage.hdfs_drops()
    key = f"{stage.prefix}{market.day(1):%Y%m%d}.csv.gz"
    store.put(key, bytes(5000))
    named = {"prefix": stage.prefix, "key_pattern": rf"{stage.prefix}(?P<session>\d{{8}})\.csv\.gz", "store": kind}
    source = source_with("us_daily_reports", {"compressed_bytes": 4999}, **named)
    proxy = stage.s3 if kind == "s3" else stage.hdfs
    listing = list(store.list(stage.prefix))
    (found,) = read(stage, source, listing)
    assert (found.state, found.failure) == (QUARANTINED, "")
    assert found.reason == f"drop {key}: has 5000 bytes, the limit of source us_daily_reports is 4999"
    assert found.drop_id.startswith("us_daily_reports:20160105:")
    assert proxy.script.matching(r"^GET .*\.csv\.gz($|[?]x-id|[?].*OPEN)") == []
