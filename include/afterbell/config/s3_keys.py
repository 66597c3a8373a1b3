"""The S3 keys in an environment: one pair for all buckets, or a pair of its own for the feed and for the artifacts.

The general pair has the names that boto3, S3A, PyArrow and DuckDB read by themselves. Where a bucket has its own pair,
the general one is the lake's alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from afterbell.config.environment import ARTIFACT_ACCESS_KEY, ARTIFACT_SECRET_KEY, FEED_ACCESS_KEY, FEED_SECRET_KEY
from afterbell.errors import ConfigError

Pair = tuple[str, str]
"""The names of two variables: access key and secret key."""
GENERAL: Pair = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
FEED: Pair = (FEED_ACCESS_KEY, FEED_SECRET_KEY)
ARTIFACTS: Pair = (ARTIFACT_ACCESS_KEY, ARTIFACT_SECRET_KEY)
OF_BUCKETS = (*FEED, *ARTIFACTS)
"""Variables of the pairs that one bucket alone has."""
S3_KEYS = (*GENERAL, "AWS_SESSION_TOKEN", *OF_BUCKETS)
"""Every variable that holds a key of S3."""


def own_keys(pair: Pair, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The values of ``pair``; None where neither variable is set.

    Raises:
        ConfigError: one of the two is set without the other.
    """
    values = (environment.get(pair[0], ""), environment.get(pair[1], ""))
    if any(values) and not all(values):
        present, missing = pair if values[0] else reversed(pair)
        raise ConfigError(
            f"environment variable {present} is set and {missing} is not: expected both, or neither where one pair "
            f"({' and '.join(GENERAL)}) is for all buckets"
        )
    return values if all(values) else None


def keys_of(pair: Pair, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The keys for the bucket of ``pair``: its own, else the general ones; None where boto3 has to find keys itself.

    Raises:
        ConfigError: one of two variables is set without the other.
    """
    general = (environment.get(GENERAL[0], ""), environment.get(GENERAL[1], ""))
    return own_keys(pair, environment) or (general if all(general) else None)


def pairs_in(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of the buckets' own pairs as ``environment`` has them; empty ones are left out."""
    return {name: environment[name] for name in OF_BUCKETS if environment.get(name)}
