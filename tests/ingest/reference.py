"""What a prices drop means, in plain Python, a line at a time: what the parser is held against."""

from __future__ import annotations

import gzip
import re
from datetime import date

from tests.ingest.drops import HEADER

Row = tuple[str, date, float, float, float, float, int, float]
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_SYMBOL = re.compile(r"[A-Z][A-Z0-9.^=-]{0,11}", re.ASCII)


def read(body: bytes, carried: tuple[date, ...]) -> tuple[list[Row], list[tuple[int, str]], int]:
    """Rows that stay, line and rule of those set aside, and how many equal ones went; of different rows the last."""
    text = gzip.decompress(body).decode().removeprefix("\ufeff").rstrip("\r\n")
    rejected: list[tuple[int, str]] = []
    rows: dict[int, Row] = {}
    for number, raw in enumerate(text.split("\n")[1:], 2):
        found = row(raw.removesuffix("\r"), carried)
        if isinstance(found, str):
            rejected.append((number, found))
        else:
            rows[number] = found
    last_equal = {found: number for number, found in rows.items()}
    last_of_key = {found[:2]: number for number, found in rows.items()}
    stay = set(last_of_key.values())
    rejected += [(number, "superseded") for number in last_equal.values() if number not in stay]
    return [rows[number] for number in sorted(stay)], sorted(rejected), len(rows) - len(last_equal)


def row(line: str, carried: tuple[date, ...]) -> Row | str:
    """The row that a line is, or the rule that it breaks."""
    wrong = _shape(line)
    if wrong:
        return wrong
    fields = [field.strip(" ") for field in line.split(",")]
    day = _day(fields[1])
    if day is None and fields[1]:
        return "not_date"
    texts = (*fields[2:6], fields[7])
    prices = [value for value in map(_number, texts) if value is not None]
    volume = int(fields[6]) if _WHOLE.fullmatch(fields[6]) and -(2**63) <= int(fields[6]) < 2**63 else None
    if len(prices) != sum(map(bool, texts)) or (volume is None and fields[6]):
        return "not_a_number"
    return _content(fields[0], day, prices, volume, carried)


def _content(
    symbol: str, day: date | None, prices: list[float], volume: int | None, carried: tuple[date, ...]
) -> Row | str:
    if symbol and not _SYMBOL.fullmatch(symbol):
        return "symbol_pattern"
    if day is not None and day not in carried:
        return "session_not_carried"
    if not symbol or day is None or len(prices) != 5 or volume is None:
        return "complete"
    opened, high, low, close, adjusted = prices
    return _broken(opened, high, low, close, adjusted, volume) or (
        (symbol, day, opened, high, low, close, volume, adjusted)
    )


def _shape(line: str) -> str:
    if line == HEADER:
        return "repeated_header"
    if len(line.encode()) > 4096:
        return "line_too_long"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line):
        return "control_character"
    return "" if line.count(",") == 7 else "field_count"


def _broken(opened: float, high: float, low: float, close: float, adjusted: float, volume: int) -> str:
    if not all(0 < price <= 1e7 for price in (opened, high, low, close, adjusted)):
        return "price_positive"
    if not 0 <= volume <= 1e12:
        return "volume_in_range"
    checks = {
        "high_not_below_low": low <= high,
        "open_not_above_high": opened <= high,
        "open_not_below_low": low <= opened,
        "close_not_above_high": close <= high,
        "close_not_below_low": low <= close,
    }
    return next((name for name, kept in checks.items() if not kept), "")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) else None
    except ValueError:
        return None


def _number(text: str) -> float | None:
    value = float(text) if _NUMBER.fullmatch(text) else None
    return None if value in {None, float("inf"), float("-inf")} else value
