"""Two writers, and writers that are killed: whatever happens in between, the rows are those of an undisturbed run.

Real drivers on a real SQLite catalog. Each stops where the test tells it to, so the interleavings are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from afterbell.config.runtime import LakeLocation, Runtime
from afterbell.lake.reader import scan
from afterbell.stores.factory import drop_store
from bench.lakes import CONTENT, differences
from tests.ingest import world
from tests.ingest.writers import Writer

pytestmark = pytest.mark.services
FIRST, SECOND, LAST = str(world.day(6)), str(world.day(7)), str(world.day(9))
KILLED = {"files": "files", "first commit": "first_commit", "branch": "branch", "bars": "bars", "fold": "fold"}
"""Where a writer is killed, and the lake it is killed on."""


class Worlds:
    """What the writers did, and the lakes they left below ``home``."""

    def __init__(self, home: Path, runtime: Runtime) -> None:
        self.home, self.runtime = home, runtime
        self.seen: dict[str, Any] = {}

    def lake(self, name: str) -> Runtime:
        return replace(
            self.runtime, lake=LakeLocation(f"jdbc:sqlite:{self.home}/{name}.db", f"file:{self.home}/{name}")
        )


@pytest.fixture(scope="module")
def worlds(services: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    home = tmp_path_factory.mktemp("writers")
    stores = services.env | {"AFTERBELL_FEED_BUCKET": "writers", "AFTERBELL_HDFS_ROOT": "/writers"}
    runtime = Runtime.from_env(stores)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, stores[name])
        deliver(runtime)
        one, other = (Writer(home, stores) for _ in range(2))
        for writer in (one, other):
            stack.callback(writer.close)
            assert writer.answer() == {"ready": True}
        found = Worlds(home, runtime)
        found.seen["empty"] = meet_on_an_empty_lake(one, other)
        found.seen["sessions"] = two_sessions_at_once(one, other)
        die(one, "bars", publishing=True)
        die(other, "files")
        third, fourth, last = (Writer(home, stores) for _ in range(3))
        for writer in (third, fourth, last):
            stack.callback(writer.close)
            writer.answer()
        third.ask("open", lake="branch")
        third.ask("ingest", session=LAST)  # and this branch it leaves behind, whole
        die(third, "first commit")
        fourth.ask("open", lake="fold")
        for session in (FIRST, SECOND):  # and these two files of every table
            fourth.ask("run", session=session)
        die(fourth, "fold")
        for name in ("undisturbed", *KILLED.values()):
            last.ask("open", lake=name)
            found.seen[name] = last.ask("run", session=LAST)
            found.seen[f"{name} again"] = last.ask("run", session=LAST)
        last.ask("open", lake="undisturbed")
        found.seen["rows"] = {table: last.ask("rows", table=table)["done"]["rows"] for table in CONTENT}
        yield found


def deliver(runtime: Runtime) -> None:
    stores = {kind: drop_store(kind, runtime) for kind in ("s3", "hdfs")}
    for store in stores.values():
        store.ensure()
    for (kind, key), body in world.deliveries().items():
        stores[kind].put(key, body)


def meet_on_an_empty_lake(one: Writer, other: Writer) -> list[dict[str, Any]]:
    """Both find no table and stop before they make the first; then both ingest the same session, then both publish."""
    writers = (one, other)
    for writer in writers:
        writer.ask("open", lake="empty")
        writer.tell("ingest", session=LAST, stop="creating")
    said = [writer.answer() for writer in writers]
    for writer in writers:
        writer.tell("")
    said += [writer.answer() for writer in writers]
    assert all("done" in found for found in said[2:]), said
    return [*said, one.ask("publish"), other.ask("publish"), other.ask("run", session=LAST)]


def two_sessions_at_once(one: Writer, other: Writer) -> list[dict[str, Any]]:
    """One ingests a session, the other the next one, both before either publishes."""
    for writer in (one, other):
        writer.ask("open", lake="sessions")
    said = [one.ask("ingest", session=FIRST), other.ask("ingest", session=SECOND)]
    said += [one.ask("publish"), other.ask("publish"), other.ask("run", session=SECOND)]
    return [*said, one.ask("run", session=LAST)]


def die(writer: Writer, place: str, *, publishing: bool = False) -> None:
    writer.ask("open", lake=KILLED[place])
    if publishing:
        writer.ask("ingest", session=LAST)
        found = writer.ask("publish", stop=place)
    else:
        found = writer.ask("ingest", session=LAST, stop=place)
    assert found == {"stopped": place}
    writer.kill()


def test_two_first_runs_on_an_empty_lake_publish_once(worlds: Worlds) -> None:
    *stopped, one, other, published, lost, again = worlds.seen["empty"]
    assert stopped == [{"stopped": "creating"}] * 2
    assert one["done"]["branch"] != other["done"]["branch"]
    assert "done" in published
    # The same drops make the same commit: the second finds its own there.
    assert lost == {"done": {}}
    assert again["done"]["noop"] is True


def test_of_two_sessions_at_once_the_second_starts_over_on_the_new_base(worlds: Worlds) -> None:
    first, second, published, lost, again, last = worlds.seen["sessions"]
    assert (first["done"]["noop"], second["done"]["noop"]) == (False, False)
    assert "done" in published
    assert lost["error"] == "BaseMovedError"
    assert "another writer published" in lost["message"]
    assert (again["done"]["noop"], again["done"]["moved"]) == (False, 0)
    assert last["done"]["moved"] == 0


@pytest.mark.parametrize("lake", KILLED.values())
def test_a_rerun_after_a_kill_finishes_the_work_and_one_more_finds_none(worlds: Worlds, lake: str) -> None:
    assert worlds.seen[lake]["done"]["moved"] == 0
    assert worlds.seen[f"{lake} again"]["done"]["noop"] is True


@pytest.mark.parametrize("lake", ["empty", "sessions", *KILLED.values()])
def test_the_rows_are_those_of_an_undisturbed_run(worlds: Worlds, lake: str) -> None:
    found = differences(worlds.lake("undisturbed"), worlds.lake(lake))
    assert found["market.bars"]["rows"][0] > 300
    assert {table: told for table, told in found.items() if not told["equal"]} == {}


@pytest.mark.parametrize("table", CONTENT)
def test_pyiceberg_reads_the_rows_that_spark_reads(worlds: Worlds, table: str) -> None:
    rows = pl.DataFrame(pl.from_arrow(scan(worlds.lake("undisturbed"), table)))
    told = rows.select(
        pl.col(name).dt.epoch("us") if kind == pl.Datetime else plain(name, kind) for name, kind in rows.schema.items()
    )
    ordered = sorted(map(repr, (list(row) for row in told.rows())))
    assert ordered == sorted(map(repr, worlds.seen["rows"][table]))


def plain(name: str, kind: pl.DataType | type[pl.DataType]) -> pl.Expr:
    """Days and truths as Spark writes them in text; numbers and text as they are."""
    return pl.col(name).cast(pl.String) if kind in (pl.Date, pl.Boolean) else pl.col(name)
