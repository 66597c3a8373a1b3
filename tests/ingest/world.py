"""A small vendor feed, made by hand: twelve sessions, thirty symbols, and what real feeds do.

Session by number: 0 to 11 from 2016-01-04, with the holiday of 2016-01-18 between 9 and 10.
"""

from __future__ import annotations

import gzip
from datetime import date

DAYS = [date(2016, 1, day) for day in (4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 19, 20)]
NEXT = [date(2016, 1, day) for day in (21, 22, 25, 26)]
"""Sessions after the twelve, for what comes later."""
HOLIDAY = date(2016, 1, 18)
SYMBOLS = [f"S{number:02d}" for number in range(30)]
SPLIT, SPLIT_AT = "S01", 5  # 2:1
DIVIDEND, DIVIDEND_AT = "S02", 7  # 0.25
RESTATED, RESTATED_AT = "S03", 6  # the volume of session 5, in the drop of session 6
CORRUPT, EMPTY = 2, 8
HEADER = "symbol,date,open,high,low,close,volume,adj_close"


def day(number: int) -> date:
    return (DAYS + NEXT)[number]


def close(symbol: str, number: int) -> float:
    base = 20.0 + SYMBOLS.index(symbol) + 0.1 * number
    return base / 2 if symbol == SPLIT and number >= SPLIT_AT else base


def line(symbol: str, number: int, drop: int) -> str:
    """The row of session ``number`` in the drop of session ``drop``."""
    price = close(symbol, number)
    volume = 1000 * (number + 1) + SYMBOLS.index(symbol)
    if symbol == RESTATED and number == RESTATED_AT - 1 and drop == RESTATED_AT:
        volume += 7
    adjusted = price
    if number < drop and symbol == SPLIT and drop == SPLIT_AT:
        adjusted = price / 2
    if number < drop and symbol == DIVIDEND and drop == DIVIDEND_AT:
        adjusted = price - 0.25
    cents = f"{price:.2f},{price + 0.5:.2f},{price - 0.5:.2f},{price:.2f}"
    return f"{symbol},{day(number)},{cents},{volume},{adjusted:.2f}"


def packed(lines: list[str]) -> bytes:
    return gzip.compress("".join(f"{line}\r\n" for line in lines).encode(), mtime=0)


def prices(drop: int, symbols: list[str] = SYMBOLS) -> bytes:
    """The drop of a session: its rows and those of the session before, with the ordinary faults."""
    rows = [line(symbol, number, drop) for symbol in symbols for number in (drop, drop - 1) if number >= 0]
    if drop == 3:
        rows += ["S29,N/A,oops", "../etc,2016-01-07,1.00,1.00,1.00,1.00,1,1.00", HEADER, rows[0]]
    if drop == 4:
        rows.append(f"S00,{HOLIDAY},1.00,1.00,1.00,1.00,1,1.00")
    data = packed([HEADER, *rows])
    return data[: len(data) // 2] if drop == CORRUPT else b"" if drop == EMPTY else data


def prices_key(session: date) -> str:
    return f"prices/{session:%Y}/{session:%Y%m%d}.csv.gz"


def reports_key(session: date) -> str:
    return f"reports/{session:%Y}/{session:%Y%m%d}.csv.gz"


def symbols_key(session: date) -> str:
    return f"symbols/{session:%Y}/{session:%Y%m%d}.txt.gz"


def filing(symbol: str, revenues: float) -> str:
    return f"{symbol},2015-12-31,False,FY,2015,10-K,{revenues},,,1.25,1.25,0.0" + "," * 8


def deliveries() -> dict[tuple[str, str], bytes]:
    """Store and key of each drop of the twelve sessions, and the one of the holiday."""
    found = {("s3", prices_key(day(number))): prices(number) for number in range(len(DAYS))}
    found["s3", prices_key(HOLIDAY)] = packed([HEADER, line("S00", 9, 10)])
    found["s3", "prices/README.txt"] = b"see the manual"
    found["hdfs", reports_key(day(1))] = packed([filing("S01", 100.0), filing("S02", 200.0)])
    found["hdfs", reports_key(day(2))] = packed([filing("S02", 200.0), filing("S01", 101.0)])
    for number, names in ((0, SYMBOLS[:-1]), (5, SYMBOLS), (10, SYMBOLS[1:])):
        found["hdfs", symbols_key(day(number))] = packed([f"{name}\tCompany {name}" for name in names])
    return found
