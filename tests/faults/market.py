"""A small market, made by hand: 33 sessions, 100 symbols, and in almost every drop something that must be survived.

A drop has the bars of its session and those of the session before. Symbol ``i`` closes session ``n`` at
``20 + i + n / 10``, opens there, and trades ``1000 (n + 1) + i`` shares, unless its name is below.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from datetime import date

HOLIDAY = date(2016, 1, 18)
HOLIDAYS = {HOLIDAY, date(2016, 2, 15)}
DAYS = [
    day
    for day in (
        *(date(2016, 1, number) for number in range(4, 30)),
        *(date(2016, 2, number) for number in range(1, 27)),
    )
    if day.weekday() < 5 and day not in HOLIDAYS
]
"""Session 0 is 4 January, 9 is 15 January, 10 is the 19th after a holiday, 19 is 1 February, 32 is 19 February."""
LAST = 32  # what comes after it is delivered later
SYMBOLS = [f"S{number:02d}" for number in range(100)]
HEADER = "symbol,date,open,high,low,close,volume,adj_close"

# What happens, by session:
REORDERED, MARKED, TWICE, OTHER_DAYS, BROKEN_LINES, SYMBOLS_AT, PRICES_AT, NUMBERS_AT, ORDER_AT, PAIRS = range(1, 11)
RESTATED = 11  # S03's close and S04's volume of session 10 are told anew
SPLIT, DIVIDEND, ACTION_AT = "S10", "S11", 12  # 2:1, and 0.25 a share
EARLY, SHOWN_AT, EX_AT = "S12", 13, 14  # a 2:1 split that the vendor shows a session before it happens
UNITS, CRASH, JUMP_AT = "S20", "S21", 13  # cents for dollars, put right by the next drop; a real fall to a tenth
GAP, GAP_AT = "S30", 6  # never delivered for that session
STALE, STALE_FROM, STALE_TO = "S31", 2, 9  # eight equal bars: the sixth repeats for the fifth time
ZERO_BYTES, HEADER_ONLY, CUT_SHORT, BAD_SUM, BOMB, PAGE, COLUMN_GONE, COLUMN_RENAMED, OTHER_ENCODING = range(15, 32, 2)


def day(number: int) -> date:
    return DAYS[number]


def close(symbol: str, number: int) -> float:
    if symbol == STALE and STALE_FROM < number <= STALE_TO:
        number = STALE_FROM
    base = 20.0 + SYMBOLS.index(symbol) + 0.1 * number
    if (symbol == SPLIT and number >= ACTION_AT) or (symbol == EARLY and number >= EX_AT):
        return base / 2
    if symbol == CRASH and number >= JUMP_AT:
        return base / 10
    return base


def volume(symbol: str, number: int) -> int:
    if symbol == STALE and STALE_FROM < number <= STALE_TO:
        number = STALE_FROM
    return 1000 * (number + 1) + SYMBOLS.index(symbol)


def row(symbol: str, number: int, drop: int) -> str:
    """The bar of session ``number`` as the drop of session ``drop`` tells it."""
    price, shares = close(symbol, number), volume(symbol, number)
    adjusted = price
    if drop == RESTATED and number == drop - 1:
        price += 1.0 if symbol == "S03" else 0.0
        shares += 7 if symbol == "S04" else 0
        adjusted = price
    if symbol == UNITS and number == drop == JUMP_AT:
        price = adjusted = price * 100
    if number == drop - 1:
        if (symbol, drop) in {(SPLIT, ACTION_AT), (EARLY, SHOWN_AT)}:
            adjusted = price / 2
        if (symbol, drop) == (DIVIDEND, ACTION_AT):
            adjusted = price - 0.25
    return bar(symbol, number, price, shares, adjusted)


def bar(symbol: str, number: int, price: float, shares: int = 100, adjusted: float | None = None) -> str:
    prices = f"{price:.2f},{price:.2f},{price:.2f},{price:.2f}"
    return f"{symbol},{day(number)},{prices},{shares},{price if adjusted is None else adjusted:.2f}"


def rows(drop: int, symbols: Iterable[str] = SYMBOLS) -> list[str]:
    return [
        row(symbol, number, drop)
        for symbol in symbols
        for number in (drop, drop - 1)
        if number >= 0 and (symbol, number) != (GAP, GAP_AT)
    ]


def packed(lines: list[str], end: str = "\n") -> bytes:
    return gzip.compress("".join(line + end for line in lines).encode(), mtime=0)


def whole(drop: int) -> list[str]:
    """The lines of a drop without a fault of its own."""
    return [HEADER, *rows(drop)]


def prices(drop: int) -> bytes:
    """The drop of a session, with what is wrong with it."""
    # Of different rows under one key the last one counts, where the source says so: the wrong ones come first.
    lines = [HEADER, *bad_lines(drop), *rows(drop)] if drop == PAIRS else whole(drop) + bad_lines(drop)
    if drop == REORDERED:
        lines = [",".join(reversed(line.split(","))) for line in lines]
    if drop == MARKED:
        return gzip.compress(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode(), mtime=0)
    if drop == TWICE:
        lines = lines * 2  # the header too, in the middle of the body
    return broken(drop, packed(lines)) if drop >= ZERO_BYTES else packed(lines)


def bad_lines(drop: int) -> list[str]:
    """Lines that must be set aside, on top of a whole drop."""
    d = day(drop)
    found: dict[int, list[str]] = {
        OTHER_DAYS: [bar("S00", 1, 20.1), bar("S00", 9, 20.9), f"S00,{HOLIDAY},1.00,1.00,1.00,1.00,1,1.00"],
        BROKEN_LINES: [
            f"X0,{d},1.00,1.00,1.00,1.00,1",
            f"X0,{d},1.00,1.00,1.00,1.00,1,1.00,1.00",
            f"X0,{d},1.00,1.00,1.00,1.00,1,{'1' * 5000}",
            f'"X0,{d},1.00,1.00,1.00,1.00,1,1.00',
            f"X\0,{d},1.00,1.00,1.00,1.00,1,1.00",
        ],
        SYMBOLS_AT: [
            f"{symbol},{d},1.00,1.00,1.00,1.00,1,1.00"
            for symbol in ("X\u0410P", "../etc/passwd", "=HYPERLINK(1)", "x0", "%2e%2e")  # a Cyrillic A in the first
        ],
        PRICES_AT: [
            f"X{number},{d},{price},{price},{price},{price},1,1.00"
            for number, price in enumerate(("", "NaN", "inf", "0.00", "-1.00"))
        ],
        NUMBERS_AT: [
            f"X0,{d},1,00,1.00,1.00,1.00,1,1.00",
            f"X1,{d},N/A,1.00,1.00,1.00,1,1.00",
            f"X2,{d},1e0,1.00,1.00,1.00,1,1.00",
            f"X3,{d},1.00,1.00,1.00,1.00,99999999999999999999,1.00",
        ],
        ORDER_AT: [
            f"X0,{d},5.00,5.00,6.00,5.00,1,5.00",
            f"X1,{d},7.00,6.00,5.00,5.50,1,5.50",
            f"X2,{d},5.50,6.00,5.00,4.00,1,4.00",
            f"ZV,{d},5.00,5.00,5.00,5.00,0,5.00",  # no volume: taken
        ],
        PAIRS: [row("S00", drop, drop), bar("S01", drop, 99.0)],
    }
    return found.get(drop, [])


def broken(drop: int, body: bytes) -> bytes:
    """What cannot be read at all."""
    header = HEADER.replace("volume", "shares")
    gone = [",".join(line.split(",")[:-1]) for line in whole(drop)]
    wrong = {
        ZERO_BYTES: b"",
        HEADER_ONLY: packed([HEADER]),
        CUT_SHORT: body[: len(body) // 2],
        BAD_SUM: body[:-8] + bytes([body[-8] ^ 1]) + body[-7:],
        BOMB: bomb(),
        PAGE: b"<!DOCTYPE html><html><title>503 Service Unavailable</title></html>",
        COLUMN_GONE: packed(gone),
        COLUMN_RENAMED: packed([header, *whole(drop)[1:]]),
        OTHER_ENCODING: gzip.compress("\n".join(whole(drop)).encode("utf-16"), mtime=0),
    }
    return wrong.get(drop, body)


def bomb() -> bytes:
    """200 MB of zeros in 200 kB: a thousand to one, where the source allows two hundred."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 20)
    return b"".join([*(packer.compress(piece) for _ in range(200)), packer.flush()])


def prices_key(number: int) -> str:
    return f"prices/{day(number):%Y}/{day(number):%Y%m%d}.csv.gz"


def reports_key(number: int) -> str:
    return f"reports/{day(number):%Y}/{day(number):%Y%m%d}.csv.gz"


def symbols_key(number: int) -> str:
    return f"symbols/{day(number):%Y}/{day(number):%Y%m%d}.txt.gz"


def filing(symbol: str, revenues: float) -> str:
    return f"{symbol},2015-12-31,False,FY,2015,10-K,{revenues},,,1.25,1.25,0.0" + "," * 8


def master(**changes: str | None) -> bytes:
    """The symbol master: every symbol and its company's name; a name of None leaves the symbol out."""
    names = {symbol: f"Company {symbol}" for symbol in SYMBOLS} | changes
    return packed([f"{symbol}\t{name}" for symbol, name in names.items() if name])


def deliveries() -> dict[tuple[str, str], bytes]:
    """Store and key of each drop up to ``LAST``."""
    found = {("s3", prices_key(number)): prices(number) for number in range(LAST + 1)}
    found["s3", "prices/2016/20160118.csv.gz"] = packed([HEADER, bar("S00", 9, 20.9)])
    found["s3", "prices/README.txt"] = b"see the manual"
    found["hdfs", reports_key(1)] = packed([filing("S01", 100.0), filing("S02", 200.0)])
    # Renamed, gone and listed anew; then another company takes the symbol of the one that is gone.
    found["hdfs", symbols_key(0)] = master(S42=None)
    found["hdfs", symbols_key(5)] = master(S40="Renamed Inc", S41=None)
    found["hdfs", symbols_key(10)] = master(S40="Renamed Inc", S41="Another Corp")
    return found
