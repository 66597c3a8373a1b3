"""What the signals that were traded earned, as a section of a report."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from markupsafe import Markup

from afterbell.evaluation.live_record import LiveRecord
from afterbell.evaluation.report_content import ReportData, Section, Table
from afterbell.evaluation.report_text import format_mean, plural
from afterbell.reporting import plots


def live_section(data: ReportData) -> tuple[str, Section | None] | None:
    """A sentence about the live record, and its table and plot, if there is one; None where none was asked for."""
    record = data.live
    if record is None:
        return None
    if not record.means:
        return "No signal that was traded has a label yet: the first one comes two sessions after it.", None
    days: list[date] = record.rank_ics["session"].unique().sort().to_list()
    sentence = (
        "Mean rank IC of the blends that were traded, ± one standard error, against the labels known since: signals of "
        f"{len(days)} session{plural(len(days))}, {days[0]} to {days[-1]}, by {record.releases} "
        f"release{plural(record.releases)}. Against labels of other horizons it shows how a signal decays."
    )
    return sentence, Section(_table(record), [_plot(record)])


def _table(record: LiveRecord) -> Table:
    labels = sorted({label for _, label in record.means})
    rows = []
    for horizon in record.horizons:
        own = record.means.get((horizon, horizon))
        cells = [
            format_mean(record.means[horizon, label]) if (horizon, label) in record.means else "n/a" for label in labels
        ]
        rows.append([f"signals h{horizon}", *cells, str(own.values if own else 0)])
    head = ["", *(f"labels h{label}: rank IC ± se" for label in labels), "sessions with the own label"]
    return Table("Live rank IC", head, rows)


def _plot(record: LiveRecord) -> Markup:
    own = record.rank_ics.filter(pl.col("horizon") == pl.col("label_horizon"))
    series = {}
    for horizon in record.horizons:
        rows = own.filter(pl.col("horizon") == horizon).sort("session")
        if not rows.is_empty():
            series[f"h{horizon}"] = (rows["session"].to_list(), np.cumsum(rows["rank_ic"].to_numpy()))
    return plots.curves("Cumulative live rank IC", series, level=0.0, unit="sum of rank IC")
