"""Templates of pages and reports: every value is escaped where it is put in, and a name without a value is an error.

A room has its templates in its folder ``templates``. They may build on those of this room, where the style sheet of all
pages and reports lies as well. What is markup already says so by its type: drawings alone (``plots.draw``) are.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

_SHARED = "afterbell.reporting"


@lru_cache
def environment(*packages: str) -> Environment:
    """The templates of ``packages``, the first that has a name, then those that all reports share.

    They are read with the package, which may come as a zip.
    """
    loaders = [PackageLoader(package) for package in (*packages, _SHARED)]
    return Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def style_sheet() -> bytes:
    """The style sheet of pages and reports, which reports have within."""
    return files(_SHARED).joinpath("templates", "style.css").read_bytes()
