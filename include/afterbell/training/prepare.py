"""The matrix of a training run: made or found on this machine's disk, and passed to the executors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.training.assemble import build
from afterbell.training.collect import read_inputs
from afterbell.training.inputs import TrainingSnapshots
from afterbell.training.matrix import Matrix, check_features
from afterbell.training.matrix_cache import made_from, matrix_folder, matrix_key
from afterbell.training.spark_fits import Shipped, ship
from afterbell.training.spec import ModelSpec


@dataclass(frozen=True)
class Order:
    """The request for a training matrix.

    Attributes:
        session: the exchange session the run is for, the last one that is used.
        spec: the model specification.
        snapshots: the inputs, by snapshot and definition.
        first: no row of a session before it is used; None for no limit.
        label: what lines of progress begin with.
    """

    session: date
    spec: ModelSpec
    snapshots: TrainingSnapshots
    first: date | None = None
    label: str = "train"


@contextmanager
def prepared(spark: SparkSession, runtime: Runtime, order: Order) -> Iterator[tuple[Matrix, Shipped]]:
    """The matrix of ``order``, on the driver and for the executors; it stays until the context ends.

    Raises:
        NotASessionError: the exchange does not trade on that day.
        PermanentError: no row is left, or a feature carries no information.
        StaleInputError: a set has no row of its definition.
    """
    exchange, spec = Exchange(), order.spec
    exchange.require(order.session)
    origin = made_from(order.session, exchange.name, order.snapshots, spec, order.first)

    def make(folder: Path) -> None:
        started = datetime.now(UTC)
        inputs = read_inputs(spark, runtime.s3, order.snapshots, exchange, order.session, spec, order.first)
        rows = build(inputs, spec, folder, origin)
        seconds = (datetime.now(UTC) - started).total_seconds()
        print(f"{order.label}: matrix {matrix_key(origin)} of {rows} rows made in {seconds:.1f} s", flush=True)

    with matrix_folder(runtime.home / "matrices", matrix_key(origin), make) as folder:
        matrix, shipped = Matrix.load(folder), ship(spark, folder)
        check_features(matrix, spec.optional_features)
        yield matrix, shipped
