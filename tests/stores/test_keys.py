"""Invariant: no key can leave the place it is a key in."""

from __future__ import annotations

import pytest

from afterbell.errors import ConfigError
from afterbell.stores.keys import check_key, check_prefix


@pytest.mark.parametrize("key", ["prices/2026/20260630.csv.gz", "champion.json", "runs/2026-06-30/a_b/x.json", "a b/é"])
def test_ordinary_keys_are_taken(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/..", "./a", "a/./b", "a\\b", "%2e%2e/a", "a\nb", "a\0b"],
)
def test_keys_that_climb_or_hide_are_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=r"is not allowed: .*write it like 'prices/2026/20260630.csv.gz'"):
        check_key(key)


def test_a_key_longer_than_s3_takes_is_refused() -> None:
    assert check_key("a" * 1024)
    with pytest.raises(ConfigError, match="longer than 1024 bytes"):
        check_key("é" * 513)


@pytest.mark.parametrize("prefix", ["", "prices/", "prices/2026/2026", "p"])
def test_ordinary_prefixes_are_taken(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["/", "//", "/a", "../", "a/../", "a\\"])
def test_prefixes_that_climb_are_refused(prefix: str) -> None:
    with pytest.raises(ConfigError, match=r"prefix .* is not allowed"):
        check_prefix(prefix)
