"""The tables of the lake: their columns, partitions and properties, in one place.

Every table is append-only at the row level: a change of what is known is a further row, never an update.
Timestamps are UTC instants, sessions are the exchange's own dates, prices are as traded in the listing's currency.
"""

from __future__ import annotations

from dataclasses import dataclass

CATALOG = "lake"


@dataclass(frozen=True)
class Table:
    """One table: name below the catalog, Spark DDL columns, Iceberg partition transforms."""

    name: str
    columns: str
    partitioned_by: str = ""

    @property
    def full_name(self) -> str:
        """The name Spark SQL takes, catalog included."""
        return f"{CATALOG}.{self.name}"

    @property
    def namespace(self) -> str:
        """The part before the dot."""
        return self.name.split(".")[0]


DROPS = Table(
    "raw.drops",
    """drop_id string, source string, store string, key string, size bigint, version string, sha256 string,
       session date, knowledge_time timestamp, rows bigint, quarantined bigint, collapsed bigint, state string,
       reason string, compared bigint, text_bytes bigint, text_sha256 string, left_rows bigint""",
)
BARS = Table(
    "market.bars",
    """symbol string, session date, open double, high double, low double, close double, volume bigint,
       adj_close double, knowledge_time timestamp, revision int, drop_id string""",
    "months(session)",
)
MINUTE_BARS = Table(
    "market.minute_bars",
    """symbol string, session date, at timestamp, open double, high double, low double, close double, volume bigint,
       knowledge_time timestamp, revision int, drop_id string""",
    "days(at)",
)
CORPORATE_ACTIONS = Table(
    "market.corporate_actions",
    """symbol string, ex_session date, factor double, kind string, basis string, knowledge_time timestamp,
       drop_id string, confidence double, rests_on string, close_before double, close double""",
)
INSTRUMENTS = Table(
    "market.instruments",
    """instrument string, symbol string, first_session date, last_session date, predecessor string, basis string,
       knowledge_time timestamp, drop_id string""",
)
EVIDENCE = Table(
    "market.evidence",
    """symbol string, session date, previous_session date, factor double, blur double, close_before double,
       volume_before bigint, open double, high double, low double, close double, volume bigint, unchanged boolean,
       knowledge_time timestamp, drop_id string, volume_told bigint""",
    "months(session)",
)
REPORTED_ACTIONS = Table(
    "market.reported_actions",
    """symbol string, ex_session date, factor double, amount double, kind string, source string, key string,
       session date, knowledge_time timestamp, drop_id string""",
)
SYMBOLS = Table(
    "market.symbols",
    "symbol string, name string, valid_from date, status string, knowledge_time timestamp, drop_id string",
)
FUNDAMENTALS = Table(
    "market.fundamentals",
    """symbol string, period_end date, amended boolean, period_focus string, fiscal_year int, doc_type string,
       revenues double, op_income double, net_income double, eps_basic double, eps_diluted double, dividend double,
       assets double, cur_assets double, cur_liab double, cash double, equity double, cash_flow_op double,
       cash_flow_inv double, cash_flow_fin double, knowledge_time timestamp, drop_id string""",
)
QUARANTINE = Table(
    "market.quarantine",
    """drop_id string, source string, key string, session date, line bigint, symbol string, rule string,
       reason string, raw string""",
)
OUT_OF_SAMPLE = Table(
    "predictions.out_of_sample",
    """candidate_id string, symbol string, session date, horizon int, family string, fold int,
       prediction double, label double""",
)
EXPERIMENTS = Table("experiments.out_of_sample", OUT_OF_SAMPLE.columns)
SIGNALS = Table(
    "signals.daily",
    """symbol string, session date, as_of date, horizon int, family string, score double, rank double,
       release_id string, provisional boolean, in_universe boolean, universe_rank double""",
)
SHADOW_SIGNALS = Table("signals.shadow", SIGNALS.columns)
RUNS = Table(
    "ops.runs",
    """run_id string, session date, step string, started_at timestamp, finished_at timestamp, seconds double,
       rows bigint, snapshots_in string, snapshots_out string, commit_id string, verdict string, detail string""",
)

ALL = (
    DROPS, BARS, MINUTE_BARS, CORPORATE_ACTIONS, INSTRUMENTS, EVIDENCE, REPORTED_ACTIONS, SYMBOLS, FUNDAMENTALS,
    QUARANTINE,
    OUT_OF_SAMPLE, EXPERIMENTS, SIGNALS, SHADOW_SIGNALS, RUNS,
)  # fmt: skip


def factor_table(factor_set: str, factors: tuple[str, ...]) -> Table:
    """The table of a factor set: one float32 column a factor, the definition's hash and the input snapshot."""
    columns = ", ".join(f"`{name}` float" for name in factors)
    return Table(
        f"features.{factor_set}",
        f"symbol string, session date, {columns}, definition_hash string, input_snapshot bigint",
        "months(session)",
    )
