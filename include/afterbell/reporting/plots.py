"""Plots as inline SVG: the same data gives the same bytes, and colours follow the page's light or dark scheme.

Matplotlib draws with stand-in colours that are replaced by CSS variables afterwards. The object interface is used
throughout: no global figure, no display.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

Floats = NDArray[np.float64]
INK, MUTED, GRID = "#010203", "#040506", "#070809"
SERIES = ("#0a0b0c", "#0d0e0f", "#101112", "#131415")
GOOD, BAD = "#161718", "#191a1b"
_VARIABLES = {
    INK: "--ink", MUTED: "--muted", GRID: "--line", GOOD: "--good", BAD: "--bad",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES)},
}  # fmt: skip
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small files, the page's own font
    "svg.hashsalt": "afterbell",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}
_ROOM = re.compile(r"<\?xml.*?<svg ", re.DOTALL)
_GROUP = re.compile(r'<g id="[^"]*"')
_REFERRED = re.compile(r'((?: id="|href="#|url\(#)[mp][0-9a-f]{10})(?=["\)])')
"""Markers and clip paths: Matplotlib names them by their content, which several plots of a page may share."""


def draw(title: str, body: Callable[[Any], None], *, width: float = 5.2, height: float = 2.6) -> Markup:
    """One plot as an ``<svg>`` element, which templates take as it is: Matplotlib escapes every text in it.

    Args:
        title: above the plot, and for screen readers.
        body: draws on the axes it is given.
        width: inches.
        height: inches.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.tick_params(length=0)
        body(axes)
        axes.set_title(title)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = _ROOM.sub("<svg ", out.getvalue(), count=1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = _GROUP.sub("<g", svg).strip()
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = _REFERRED.sub(rf"\1-{own}", svg)
    return Markup(svg)  # noqa: S704 - the one place where a report's markup is not a template


def lines(title: str, sessions: Sequence[date], series: Mapping[str, Floats], *, level: float, unit: str) -> Markup:
    """Curves over the same sessions; see ``curves``."""
    return curves(title, {name: (sessions, values) for name, values in series.items()}, level=level, unit=unit)


def curves(
    title: str,
    series: Mapping[str, tuple[Sequence[date], Floats]],
    *,
    level: float | None = None,
    unit: str,
    dashed: str = "",
) -> Markup:
    """Curves over sessions of their own.

    Args:
        title: above the plot.
        series: by name, sessions and float64 values.
        level: the line to compare with; none, if left out, and the axis begins with 0.
        unit: label of the vertical axis.
        dashed: the name of the curve that is dashed.
    """

    def body(axes: Any) -> None:
        if level is not None:
            axes.axhline(level, color=MUTED, linewidth=0.8)
        for number, (name, (sessions, values)) in enumerate(series.items()):
            colour, style = (INK, "--") if name == dashed else (SERIES[number % len(SERIES)], "-")
            axes.plot(sessions, values, color=colour, linestyle=style, linewidth=1.6, label=name)
        if level is None:
            axes.set_ylim(bottom=0.0)
        axes.xaxis.set_major_locator(locator := AutoDateLocator(minticks=3, maxticks=6))
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set_ylabel(unit)
        if len(series) > 1:
            axes.legend(loc="best", fontsize=8)

    return draw(title, body)


def bars(
    title: str,
    values: Mapping[str, float],
    *,
    reach: Floats | None = None,
    beside: tuple[str, Mapping[str, float]] | None = None,
    unit: str,
) -> Markup:
    """Vertical bars, good and bad colours by sign.

    Args:
        title: above the plot.
        values: by the name below the bar.
        reach: how far the interval of each reaches to both sides of its value.
        beside: what a mark in each bar's place is of, and its values by the same names.
        unit: label of the vertical axis.
    """

    def body(axes: Any) -> None:
        heights = list(values.values())
        places = np.arange(len(heights))
        axes.bar(places, heights, width=0.66, color=[GOOD if value >= 0 else BAD for value in heights])
        if reach is not None:
            axes.errorbar(places, heights, yerr=reach, fmt="none", ecolor=INK, elinewidth=1.0, capsize=3)
        if beside is not None:
            name, marks = beside
            axes.hlines(
                [marks[key] for key in values], places - 0.42, places + 0.42, color=INK, linestyle="--", linewidth=1.6,
                label=name,
            )  # fmt: skip
            axes.legend(loc="best", fontsize=8)
        axes.axhline(0.0, color=MUTED, linewidth=0.8)
        axes.set_xticks(places, list(values))
        axes.set_ylabel(unit)

    return draw(title, body)


def ranking(title: str, values: Mapping[str, float], *, most: int = 15) -> Markup:
    """Horizontal bars of the values largest in size, the largest on top; ties by name."""
    chosen = sorted(values.items(), key=lambda item: (-abs(item[1]), item[0]))[:most]

    def body(axes: Any) -> None:
        widths = [value for _, value in chosen]
        places = np.arange(len(widths))
        axes.barh(places, widths, height=0.66, color=[SERIES[0] if value >= 0 else SERIES[1] for value in widths])
        axes.set_yticks(places, [name for name, _ in chosen])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.axvline(0.0, color=MUTED, linewidth=0.8)

    return draw(title, body, height=0.9 + 0.19 * max(len(chosen), 3))
