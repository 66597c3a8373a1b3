"""The ingest on Spark: one job, a slice of the objects a task, inside Arrow batches.

Tasks fetch and parse; they number and write bars themselves, and return to the driver what is small. No row of a drop
passes through the JVM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.cluster.progress import progress
from afterbell.cluster.worker import keep_archives, stand_back
from afterbell.config.runtime import Runtime
from afterbell.ingest.bucket import Known, read_slice
from afterbell.ingest.fetch import Stores
from afterbell.ingest.history import Chunk, read_chunk
from afterbell.ingest.parts import Part, Parts, pack, unpack
from afterbell.ingest.slices import Slice
from afterbell.ingest.sources.source import Source
from afterbell.lake.shape import Shape
from afterbell.quality.rules import RuleSet
from afterbell.stores.factory import drop_store

_PARTS = "name string, kind string, payload binary"
_PARTS_ARROW = pa.schema([("name", pa.string()), ("kind", pa.string()), ("payload", pa.binary())])
Batches = Iterator[pa.RecordBatch]


def read_slices(
    spark: SparkSession,
    slices: Sequence[tuple[Slice, Known | None]],
    sources: Mapping[str, tuple[Source, RuleSet]],
    runtime: Runtime,
) -> Parts:
    """Read all ``slices``, each in a task of its own, and gather their parts."""
    if not slices:  # a run that writes a person's decision, and has no new drop
        return Parts([])

    def read(number: int, stores: Stores) -> Iterator[Part]:
        work, known = slices[number]
        return read_slice(work, sources, stores.fetch, known, runtime.s3)

    return _read_all(spark, len(slices), read, runtime)


def read_histories(
    spark: SparkSession,
    chunks: Sequence[Chunk],
    sources: Mapping[str, tuple[Source, RuleSet]],
    shape: Shape,
    runtime: Runtime,
) -> Parts:
    """Read all ``chunks`` of objects that carry a history, each in a task of its own; returns their parts."""

    def read(number: int, stores: Stores) -> Iterator[Part]:
        return read_chunk(chunks[number], sources, stores.fetch, shape, runtime.s3)

    return _read_all(spark, len(chunks), read, runtime)


def _read_all(
    spark: SparkSession, tasks: int, read: Callable[[int, Stores], Iterator[Part]], runtime: Runtime
) -> Parts:
    def run(batches: Batches) -> Batches:
        keep_archives()
        stand_back()
        stores = _stores(runtime)
        for batch in batches:
            for number in batch.column("id").to_pylist():
                for part in read(number, stores):
                    yield _batch(part)

    with progress(spark, "ingest", tasks):
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(run, _PARTS).collect()
    return Parts([Part(row.name, row.kind, unpack(bytes(row.payload))) for row in rows])


@lru_cache(maxsize=2)
def _stores(runtime: Runtime) -> Stores:
    """The stores of all tasks of a Python process, whose environment has their credentials; a client costs 20 ms."""
    return Stores(partial(drop_store, runtime=runtime))


def _batch(part: Part) -> pa.RecordBatch:
    row = {"name": part.name, "kind": part.kind, "payload": pack(part.frame)}
    return pa.RecordBatch.from_pylist([row], schema=_PARTS_ARROW)
