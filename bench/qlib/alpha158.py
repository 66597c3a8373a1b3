"""Qlib's Alpha158 over a store, in memory: every expression and operator is Qlib's own."""

from __future__ import annotations

from datetime import date
from logging import WARNING
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import qlib
from qlib.contrib.data.loader import Alpha158DL
from qlib.data import D

from bench.qlib.store import instruments_of, symbols_of

_DOUBLE = {
    "class": "LocalFeatureProvider",
    "module_path": "qlib.data.data",
    "kwargs": {"backend": {"class": "DoubleFeatureStorage", "module_path": "bench.qlib.double"}},
}


def start(folder: Path, workers: int, *, double: bool) -> None:
    """Have Qlib look at a store, without caches.

    Args:
        folder: what `bench.qlib.store.write` wrote.
        workers: processes it computes in.
        double: whether the store's numbers are ``DOUBLE``.
    """
    provider = {"feature_provider": _DOUBLE} if double else {}
    qlib.init(
        provider_uri=str(folder), kernels=workers, expression_cache=None, dataset_cache=None, logging_level=WARNING,
        **provider,
    )  # fmt: skip


def factors(first: date | None = None, last: date | None = None) -> pd.DataFrame:
    """All 158 factors of all instruments, of all sessions or of those from ``first`` to ``last``.

    What Qlib's data handlers do to the frame afterwards (sorting, processors) is left out.
    """
    fields, names = Alpha158DL.get_feature_config()
    frame = D.features(D.instruments("all"), fields, first, last, freq="day")
    frame.columns = names
    return frame


def again(folder: Path, cells: pa.Table) -> pa.Table:
    """Single cells, each session computed alone from its look-back, without anything before.

    Args:
        folder: the store that Qlib looks at.
        cells: ``symbol``, ``session``, ``factor``.

    Returns:
        The same with a column ``alone``.
    """
    instruments = instruments_of(folder)
    fields, names = Alpha158DL.get_feature_config()
    field = dict(zip(names, fields, strict=True))
    places_by_key: dict[tuple[str, date], list[int]] = {}
    for at, key in enumerate(zip(cells["symbol"].to_pylist(), cells["session"].to_pylist(), strict=True)):
        places_by_key.setdefault(key, []).append(at)
    factor, values = cells["factor"].to_pylist(), np.full(cells.num_rows, np.nan)
    for (symbol, session), places in places_by_key.items():
        expressions = [field[factor[at]] for at in places]
        values[places] = D.features([instruments[symbol]], expressions, session, session, freq="day").to_numpy()[0]
    return cells.append_column("alone", pa.array(values))


def to_table(frame: pd.DataFrame, folder: Path) -> pa.Table:
    """The frame as columns ``symbol``, ``session`` (date) and the factors as float32."""
    instruments = pa.chunked_array([pa.array(frame.index.get_level_values("instrument").astype(str), pa.string())])
    sessions = pa.array(frame.index.get_level_values("datetime").to_numpy().astype("datetime64[D]"))
    factors = {name: pa.array(frame[name].to_numpy(), pa.float32()) for name in frame.columns}
    return pa.table({"symbol": symbols_of(folder, instruments), "session": sessions, **factors})
