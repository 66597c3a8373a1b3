"""The instant that a text names, in the format that its column declares. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from afterbell.sources.column import EPOCH, OF_THE_DAY, Column

BAR = timedelta(minutes=1)
"""The length of a minute bar: a time that names its end lies so long after its start."""
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?", flags=re.ASCII)
_COUNT = re.compile(r"(-?\d{1,19})(?:\.(\d{1,6}))?", flags=re.ASCII)
_PARTS = {
    "%Y": r"(?P<Y>\d{4})", "%m": r"(?P<m>\d{2})", "%d": r"(?P<d>\d{2})",
    "%H": r"(?P<H>\d{2})", "%M": r"(?P<M>\d{2})", "%S": r"(?P<S>\d{2})",
}  # fmt: skip
_MICROSECOND = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def read_instant(column: Column, word: str, zone: str, day: date | None) -> datetime | None:
    """The start of the bar that ``word`` names, in UTC; None where it names none.

    Args:
        column: of type timestamp.
        word: as the column's format writes it.
        zone: of the source.
        day: that the key names, for formats that count from its midnight by the source's clocks.
    """
    early = BAR if column.label == "end" else timedelta(0)
    try:
        if column.format in EPOCH:
            since = _span(word, EPOCH[column.format])
            return None if since is None else _EPOCH + since - early
        if column.zone == "offset":
            moment = instant(word, None)
            return None if moment is None else moment - early
        local = _local(column, word, day, early)
        return None if local is None else _start(local, early, ZoneInfo(zone))
    except (ValueError, OverflowError):  # outside the years 1 to 9999 of UTC
        return None


def _start(local: datetime, early: timedelta, zone: ZoneInfo) -> datetime | None:
    """The instant ``early`` before a local time: where the clock that reads either of them is read in one way."""
    start = _once((local - early).replace(tzinfo=zone))
    if start is not None or not early:
        return start
    end = _once(local.replace(tzinfo=zone))  # 03:00 when daylight saving begins: no clock showed 02:59
    return None if end is None else end - early


def read_day(column: Column, word: str, zone: str) -> date | None:
    """The day, by the clocks of ``zone``, of an instant that ``word`` counts to; None where it counts to none.

    Labelled at its end, a bar that ends at midnight is of the day before.
    """
    try:
        since = _span(word, EPOCH[column.format])
        early = timedelta(microseconds=1 if column.label == "end" else 0)
        return None if since is None else (_EPOCH + since - early).astimezone(ZoneInfo(zone)).date()
    except (ValueError, OverflowError):  # outside the years 1 to 9999
        return None


def _local(column: Column, word: str, day: date | None, early: timedelta) -> datetime | None:
    """The local time that ``word`` names, without a zone."""
    if column.of_the_day:
        since = None if day is None else _span(word, OF_THE_DAY[column.format])
        if since is None or day is None or not early <= since < _DAY + early:
            return None
        return datetime(day.year, day.month, day.day) + since  # noqa: DTZ001 - its zone comes with the clock's change
    if column.format:
        return written_time(word, column.format)
    match = _ISO.fullmatch(word)
    return None if match is None or match[3] is not None else datetime.fromisoformat(f"{match[1]}T{match[2]}")


def _span(word: str, places: int) -> timedelta | None:
    """A count of a unit that has ``places`` decimal places of a second; None where it is no count of microseconds."""
    match = _COUNT.fullmatch(word)
    if match is None:
        return None
    whole, rest = match[1], (match[2] or "").rstrip("0")
    if places > _MICROSECOND:
        nanoseconds = int(whole)
        return None if rest or nanoseconds % 1000 else timedelta(microseconds=nanoseconds // 1000)
    missing = _MICROSECOND - places
    if len(rest) > missing:
        return None
    return timedelta(microseconds=int(whole + rest.ljust(missing, "0")))


def written_time(word: str, layout: str) -> datetime | None:
    """The day, and the time of the day where the layout has one, that ``word`` names; None where it names none.

    Args:
        word: such as ``20131001 00:00``.
        layout: such as ``%Y%m%d %H:%M``.
    """
    pattern = "".join(_PARTS.get(part) or re.escape(part) for part in re.findall("%.|[^%]", layout))
    match = re.fullmatch(pattern, word, flags=re.ASCII)
    if match is None:
        return None
    parts = {name: int(value) for name, value in match.groupdict().items()}
    try:
        return datetime(  # noqa: DTZ001 - a day, or a local time
            parts["Y"], parts["m"], parts["d"], parts.get("H", 0), parts.get("M", 0), parts.get("S", 0)
        )
    except ValueError:
        return None


def instant(word: str, zone: str | None) -> datetime | None:
    """The instant, in UTC, that ``word`` names.

    Args:
        word: such as ``2016-06-30 09:30:00`` or ``2016-06-30T09:30:00-04:00``.
        zone: whose local time it is, and then it has no offset; None where it must have one.

    Returns:
        None where it names none or one outside the years 1 to 9999 of UTC, and where a local time does not exist (the
        hour that daylight saving skips) or exists twice (the hour that it repeats).
    """
    match = _ISO.fullmatch(word)
    if match is None or (match[3] is None) != (zone is not None):
        return None
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
        return moment.astimezone(UTC) if zone is None else _once(moment.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError):  # no such day or minute, or none in UTC: the years 1 to 9999 end there
        return None


def _once(local: datetime) -> datetime | None:
    """The instant in UTC of a local time, if it exists once."""
    once = local.utcoffset() == local.replace(fold=1).utcoffset()
    # An hour that is skipped, or repeated, is read differently by either fold.
    return local.astimezone(UTC) if once else None
