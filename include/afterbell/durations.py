"""Durations as text for people: one format for the command line, pages and notices."""

from __future__ import annotations


def format_duration(seconds: float | None) -> str:
    """Seconds as text for people: ``4.2 s``, ``3 min 05 s``, ``1 h 58 min``; a dash if they aren't known.

    Args:
        seconds: may be negative, as what is left of a deadline that has passed.
    """
    if seconds is None:
        return "-"
    sign, left = ("-" if seconds < 0 else ""), abs(float(seconds))
    if left < 59.95:  # else one decimal would show 60.0
        return f"{sign}{left:.1f} s"
    whole = int(left + 0.05)
    if whole < 3600:
        return f"{sign}{whole // 60} min {whole % 60:02d} s"
    return f"{sign}{whole // 3600} h {whole % 3600 // 60:02d} min"
