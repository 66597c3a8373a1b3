"""The frozen answers of Alpha158: ``make answers``, in Qlib's environment; two minutes, the same bytes each time.

Writes ``alpha158_bars.parquet``, the market of `bench.qlib.market`, and ``alpha158_qlib.parquet``, Qlib's factors at
its bars of the last ``ANSWERED`` sessions. Each session is asked for alone: then Qlib loads its look-back and nothing
before, and no answer carries what a running sum or variance kept of values that have left the window.

Review what changed before it is committed: only a newer Qlib or pandas or another market may change an answer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.qlib.alpha158 import factors, start, to_table
from bench.qlib.market import market
from bench.qlib.store import DOUBLE, write

ANSWERS = Path(__file__).resolve().parents[2] / "tests" / "features" / "answers"
ANSWERED = 100


def main() -> None:
    """Draw the market, run Qlib on it, write both."""
    bars = market()
    ANSWERS.mkdir(parents=True, exist_ok=True)
    _write(bars, ANSWERS / "alpha158_bars.parquet")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(bars, folder, DOUBLE)
        start(folder, 1, double=True)
        sessions = sorted(set(bars["session"].to_pylist()))[-ANSWERED:]
        rows = pa.concat_tables([to_table(factors(session, session), folder) for session in sessions])
    kept = rows.join(bars.select(["symbol", "session"]), ["symbol", "session"], join_type="left semi")
    _write(kept.sort_by([("symbol", "ascending"), ("session", "ascending")]), ANSWERS / "alpha158_qlib.parquet")


def _write(table: pa.Table, path: Path) -> None:
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["symbol", "session"],
        use_byte_stream_split=floats, store_schema=False,
    )  # fmt: skip
    print(f"{path.relative_to(Path.cwd())}: {table.num_rows} rows, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
