"""The distributions whose versions must agree: with the locked ones, and between a driver and its executors.

Model families name their own packages, which ``afterbell.training.packages`` adds to these.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

NUMBERS = (
    "pyspark", "numpy", "pandas", "polars", "pyarrow", "scipy", "great-expectations", "numba", "llvmlite",
    "exchange-calendars", "tzdata",
)  # fmt: skip
"""Whatever computes numbers, or decides which sessions and instants they are of.

Their versions are part of a candidate's id: another name here makes another candidate.
"""

SHARED = (*NUMBERS, "boto3", "requests", "pydantic", "pyiceberg")
"""What an executor must have in its driver's versions: also what reads, writes and checks."""

PRELOADED = (
    "pyspark.sql", "pyspark.sql.functions", "pyspark.sql.pandas.serializers", "pandas", "pyarrow.parquet",
    "pyarrow.compute", "pydantic", "yaml", "boto3", "requests", "exchange_calendars", "scipy.stats",
    "lightgbm", "numba", "great_expectations", "matplotlib.figure",
)  # fmt: skip
"""Modules that steps and their workers import, in the order of their need: a warm process imports them beforehand.

Polars is not among them: it has threads from its import on, and must not be forked.
"""

ABSENT = "none"
"""The version of a distribution that is not installed."""


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution, ``ABSENT`` where it is not installed."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
