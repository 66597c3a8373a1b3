"""Ten sessions around Thanksgiving 2015: on Friday, 27 November the exchange closed at 13:00.

A hundred symbols trade; on the half day a third of the usual shares change hands, eight symbols don't trade at all, and
three have no bar. On the Monday after it the same eight don't trade either.
"""

from __future__ import annotations

from datetime import date

from tests.faults import market

DAYS = [date(2015, 11, number) for number in (16, 17, 18, 19, 20, 23, 24, 25, 27, 30)]
BEFORE, HALF_DAY, MONDAY = 7, 8, 9
IDLE, ABSENT = market.SYMBOLS[:8], market.SYMBOLS[-3:]


def row(symbol: str, at: int) -> str:
    place = market.SYMBOLS.index(symbol)
    price = f"{20 + place + 0.1 * at:.2f}"
    shares = 300_000 + 1000 * at + place
    if at == HALF_DAY:
        shares //= 3
    if symbol in IDLE and at in (HALF_DAY, MONDAY):
        shares = 0
    return f"{symbol},{DAYS[at]},{price},{price},{price},{price},{shares},{price}"


def prices(at: int) -> tuple[str, bytes]:
    """Key and body of the drop of a session."""
    lines = [
        row(symbol, session)
        for symbol in market.SYMBOLS
        for session in (at, at - 1)
        if session >= 0 and not (session == HALF_DAY and symbol in ABSENT)
    ]
    return f"prices/{DAYS[at]:%Y/%Y%m%d}.csv.gz", market.packed([market.HEADER, *lines])
