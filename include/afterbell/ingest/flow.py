"""The ingest on Spark: one job, a slice of the objects a task, inside Arrow batches.

Tasks fetch and parse; they number and write bars themselves, and hand the driver what is small. No row of a drop passes
through the JVM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pyarrow as pa
from pyspark.sql import SparkSession

from afterbell.cluster.worker import keep_archives, stand_back
from afterbell.config.runtime import Runtime
from afterbell.ingest.bucket import Known, read_slice
from afterbell.ingest.parts import Part, Parts, pack, unpack
from afterbell.ingest.read import Stores
from afterbell.ingest.slices import Slice
from afterbell.ingest.sources.source import Source
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
    """Read all ``slices``, each in a task of its own, and gather what they hand over."""
    if not slices:  # a run that writes a person's decision, and has no new drop
        return Parts([])

    def run(batches: Batches) -> Batches:
        keep_archives()
        stand_back()
        # The task opens the stores itself; their credentials come from its environment.
        stores = Stores(partial(drop_store, runtime=runtime))
        for batch in batches:
            for number in batch.column("id").to_pylist():
                work, known = slices[number]
                for part in read_slice(work, sources, stores.fetch, known, runtime.s3):
                    yield _batch(part)

    rows = spark.range(0, len(slices), 1, len(slices)).mapInArrow(run, _PARTS).collect()
    return Parts([Part(row.name, row.kind, unpack(bytes(row.payload))) for row in rows])


def _batch(part: Part) -> pa.RecordBatch:
    row = {"name": part.name, "kind": part.kind, "payload": pack(part.frame)}
    return pa.RecordBatch.from_pylist([row], schema=_PARTS_ARROW)
