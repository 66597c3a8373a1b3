"""Validates keys of stores: paths are built from segments that cannot climb, hide or be decoded twice."""

from __future__ import annotations

from afterbell.errors import ConfigError

_LONGEST = 1024
_REFUSED = frozenset("\\%")


def check_key(key: str) -> str:
    """Return ``key``, if it is one: ``prices/2026/20260630.csv.gz`` is, ``a//b`` and ``a/../b`` are not.

    Raises:
        ConfigError: it is empty, too long, starts with a slash, has an empty, ``.`` or ``..`` segment, or
            holds a backslash, a percent sign or a character that cannot be printed.
    """
    wrong = key_fault(key)
    if wrong:
        raise ConfigError(f"key {key!r} is not allowed: {wrong}; write it like 'prices/2026/20260630.csv.gz'")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix``, if keys can start with it; it may end within a segment, and be empty for all keys.

    Raises:
        ConfigError: no key that is allowed starts with it.
    """
    wrong = _fault(prefix, prefix.rstrip("/").split("/")) if prefix else ""
    if wrong:
        raise ConfigError(f"prefix {prefix!r} is not allowed: {wrong}; write it like 'prices/2026/'")
    return prefix


def key_fault(key: str) -> str:
    """The fault of ``key``, such as "it has a segment '.' or '..'"; empty if it has none."""
    return _fault(key, key.split("/"))


def _fault(text: str, segments: list[str]) -> str:
    if len(text.encode(errors="replace")) > _LONGEST:
        return f"it is longer than {_LONGEST} bytes"
    if "" in segments:
        return "it is empty, starts with a slash, or has an empty segment"
    if "." in segments or ".." in segments:
        return "it has a segment '.' or '..'"
    if not text.isprintable() or _REFUSED & set(text):
        return "it holds a backslash, a percent sign or a control character"
    return ""
