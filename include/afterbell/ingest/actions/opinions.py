"""Reports of the sources of actions, for comparison with the bars: read from the lake around the affected sessions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.combine import combine, touched
from afterbell.ingest.actions.decide import ACTIONS, INFLUENCE, WITHDRAWN, corporate_actions
from afterbell.ingest.actions.overrides import PREFIX
from afterbell.ingest.actions.person import KINDS
from afterbell.ingest.actions.quiet import REACH
from afterbell.ingest.actions.reports import REPORTED, ReportedAction, gather, new_reports, resolve
from afterbell.ingest.base import Base
from afterbell.lake.files import NewFile
from afterbell.lake.listings import WRONG_LISTING, withhold
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, EVIDENCE, REPORTED_ACTIONS
from afterbell.sources.source import Source

AROUND = timedelta(days=4 * INFLUENCE)
"""Evidence further away from a session never influences what is believed of it."""
_NEAR = timedelta(days=2 * REACH)
"""What is reported of a session does not influence others further away."""

_BEFORE = timedelta(days=2 * INFLUENCE)
"""How long before a run's changes a report may have waited for its ex-session, or for a close."""

_ABOUT = ["symbol", "ex_session"]
_SAME = [*_ABOUT, "factor", "kind", "basis", "knowledge_time", "drop_id"]
"""What makes two rows one; an older lake lacks the rest."""

Key = tuple[str, date]
_NONE = REPORTED.to_frame()
NEVER = datetime.min.replace(tzinfo=UTC)
"""Before all that is known."""


@dataclass(frozen=True)
class Opinions:
    """The reports of the sources of actions.

    Attributes:
        sources: those of kind ``actions``, by name; without any, nothing is read.
        ranks: of the sources of bars, by name.
        fresh: ``REPORTED`` rows that the run adds.
        again: drops that the run reads, some of whose rows the lake may have from an interrupted run.
        sessions: the first and the last that the run's drops touch, or its own.
        known: the instant up to which the lake knows what there is (UTC): reports that count from later on wait.
        files: data files of bars that the run has written.
    """

    sources: Mapping[str, Source] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    fresh: pl.DataFrame = field(default_factory=lambda: _NONE)
    again: Collection[str] = ()
    sessions: tuple[date, date] = (date.max, date.min)
    known: datetime = NEVER
    files: Sequence[NewFile] = ()


NO_OPINIONS = Opinions()


class ActionRows(NamedTuple):
    """Rows of ``market.corporate_actions``, and reported rows that are refused (``Resolved.refused``)."""

    rows: pl.DataFrame
    refused: pl.DataFrame | None = None


def read_opinions(
    base: Base,
    sources: Collection[Source],
    reported: pl.DataFrame | None,
    sessions: tuple[date, date],
    known: datetime,
    files: Sequence[NewFile],
) -> Opinions:
    """The opinions that a run has to weigh.

    Args:
        base: the lake that the run builds on.
        sources: all that are declared.
        reported: accepted rows of drops of reported actions; None for none.
        sessions: as ``Opinions`` has them.
        known: as ``Opinions`` has it.
        files: as ``Opinions`` has them.
    """
    action_sources = {source.name: source for source in sources if source.kind == "actions"}
    if not action_sources:
        return NO_OPINIONS
    ranks = {source.name: source.rank for source in sources if source.kind == "bars"}
    if reported is None:
        return Opinions(action_sources, ranks, sessions=sessions, known=known, files=files)
    rows = gather(reported, action_sources)
    written = base.rows(REPORTED_ACTIONS, "ex_session", rows["ex_session"].min(), rows["ex_session"].max())
    again = frozenset(rows["drop_id"].to_list())
    return Opinions(action_sources, ranks, new_reports(rows, written), again, sessions, known, files)


def with_opinions(
    base: Base, actions: pl.DataFrame, shown: pl.DataFrame | None, opinions: Opinions
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The actions that the run's evidence justifies, with what is reported; and reported rows that are refused.

    Args:
        base: the lake that the run builds on.
        actions: ``ACTIONS`` that the run's evidence justifies.
        shown: ``EVIDENCE`` with knowledge_time and drop_id that the run adds; None for none.
        opinions: what is reported.
    """
    if not opinions.sources:
        return actions, None
    keys = _keys_to_weigh(base, actions, opinions)
    if not keys:
        return actions, None
    weighed, reports, refused = _weigh(base, keys, shown, opinions)
    since: dict[str, datetime] = {}
    for report in reports:
        since[report.symbol] = min(since.get(report.symbol, report.known), report.known)
    if shown is not None:
        first: Any = shown["knowledge_time"].min()
        since |= {symbol: min(start, first) for symbol, start in since.items()}
    starts = pl.DataFrame(
        list(since.items()), schema={"symbol": pl.String, "_since": ACTIONS["knowledge_time"]}, orient="row"
    )
    new = weighed.join(starts, on="symbol", how="inner").filter(pl.col("knowledge_time") >= pl.col("_since"))
    new = _without_rewriting(base, keys, weighed, new.select(list(ACTIONS)), opinions.known)
    others = _near(actions, keys, inside=False)
    unreported = _near(actions, keys, inside=True).join(starts, on="symbol", how="anti")  # nothing reported counts yet
    return pl.concat([others, unreported, new]).unique(maintain_order=True), refused


def _without_rewriting(
    base: Base, keys: Collection[Key], weighed: pl.DataFrame, new: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """``new`` without rows of a past that the lake has otherwise; where they differ in the end, one row of now instead.

    Reports may come that were known before what the lake believed without them, as when a source is added later.
    """
    if weighed.is_empty() and new.is_empty():
        return new
    symbols = sorted({symbol for symbol, _ in keys})
    days = [day for _, day in keys]
    written = base.rows(CORPORATE_ACTIONS, "ex_session", min(days) - _NEAR, max(days) + _NEAR).select(list(ACTIONS))
    written = _near(written.filter(pl.col("symbol").is_in(symbols)), keys)
    written = written.filter(pl.col("kind").is_in(KINDS))
    evidence = written.filter(~pl.col("drop_id").str.starts_with(PREFIX))
    past = evidence.join(weighed, on=_SAME, how="anti")
    if past.is_empty():
        return new
    about = past.select(_ABOUT).unique()
    last = _newest(written.join(about, on=_ABOUT, how="semi"))
    final = last.select(_ABOUT, was="factor", was_kind="kind", since="knowledge_time", by="drop_id")
    final = final.join(_newest(weighed), on=_ABOUT, how="left", maintain_order="left").with_columns(
        pl.col("factor").fill_null(1.0),
        pl.coalesce("kind", "was_kind").alias("kind"),
        pl.col("basis").fill_null(WITHDRAWN),
        pl.col("confidence").fill_null(0.0),
        pl.col("rests_on").fill_null(""),
        pl.coalesce("drop_id", "by").alias("drop_id"),
        knowledge_time=pl.max_horizontal(pl.lit(now), pl.col("since") + timedelta(microseconds=1)),
    )
    adjusts = (pl.col("factor") != 1.0) & (pl.col("kind") != pl.col("was_kind"))
    changed = final.filter((pl.col("factor") != pl.col("was")) | adjusts)
    rows = changed.select(pl.col(name).cast(kind) for name, kind in ACTIONS.items())
    return pl.concat([new.join(about, on=_ABOUT, how="anti"), rows])


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("knowledge_time").unique(_ABOUT, keep="last", maintain_order=True)


def actions_near(base: Base, keys: Collection[Key], shown: pl.DataFrame | None, opinions: Opinions) -> ActionRows:
    """All rows that evidence and reports justify near ``keys`` (symbol and ex-session), written or not: ``ACTIONS``."""
    rows, _, refused = _weigh(base, keys, shown, opinions)
    return ActionRows(rows, refused)


def _keys_to_weigh(base: Base, actions: pl.DataFrame, opinions: Opinions) -> set[Key]:
    """What is reported near to anything that the run changes."""
    days: list[Any] = [*opinions.sessions]
    if actions.height:
        days += [actions["ex_session"].min(), actions["ex_session"].max()]
    low, high = min(days) - _BEFORE, max(days) + _NEAR
    reported = base.rows(REPORTED_ACTIONS, "ex_session", low, high)
    if opinions.again:
        unwritten = base.rows(REPORTED_ACTIONS, "drop_id", min(opinions.again), max(opinions.again))
        reported = pl.concat([reported, unwritten.filter(pl.col("drop_id").is_in(list(opinions.again)))])
    names = ("symbol", "ex_session")
    return {*reported.select(names).iter_rows(), *opinions.fresh.select(names).iter_rows()}


def _weigh(
    base: Base, keys: Collection[Key], shown: pl.DataFrame | None, opinions: Opinions
) -> tuple[pl.DataFrame, list[ReportedAction], pl.DataFrame | None]:
    """All rows near ``keys``, the reports behind them, and those that are refused."""
    symbols = sorted({symbol for symbol, _ in keys})
    evidence = evidence_near(base, keys)
    if shown is not None:
        run_evidence = shown.filter(pl.col("symbol").is_in(symbols))
        evidence = pl.concat([evidence.select(shown.columns), run_evidence])
    derived = corporate_actions(evidence.unique(maintain_order=True))
    if not opinions.sources:
        return _near(derived, keys), [], None
    reports = _reports_near(base, keys, opinions)
    resolved = resolve(reports, _bars_before(base, reports, opinions), opinions.sources)
    counting = [report for report in resolved.counting if report.known <= opinions.known]
    covered = pl.DataFrame(
        list(touched(derived, counting)), schema={"symbol": pl.String, "ex_session": pl.Date}, orient="row"
    )
    uncovered = derived.join(covered, on=["symbol", "ex_session"], how="anti")
    rows = pl.concat([uncovered, combine(derived, counting, opinions.ranks)]).sort(
        "knowledge_time", "symbol", "ex_session"
    )
    refused = resolved.refused.filter(pl.col("known") <= opinions.known)
    return _near(rows, keys), counting, _near(refused, keys)


def _near(rows: pl.DataFrame, keys: Collection[Key], *, inside: bool = True) -> pl.DataFrame:
    """Rows about sessions that reports about ``keys`` may influence; or, without ``inside``, the others."""
    days: dict[str, list[date]] = {}
    for symbol, day in keys:
        days.setdefault(symbol, []).append(day)
    near = [
        any(abs(session - day) <= _NEAR for day in days.get(symbol, ()))
        for symbol, session in rows.select("symbol", "ex_session").iter_rows()
    ]
    marks = pl.Series(near, dtype=pl.Boolean)
    return rows.filter(marks if inside else ~marks)


def evidence_near(base: Base, keys: Collection[Key]) -> pl.DataFrame:
    """The lake's evidence that influences what is believed of ``keys`` (symbol and ex-session), at any time."""
    symbols = pl.col("symbol").is_in(sorted({symbol for symbol, _ in keys}))
    return pl.concat([base.rows(EVIDENCE, "session", *span).filter(symbols) for span in _spans(keys)])


def _reports_near(base: Base, keys: Collection[Key], opinions: Opinions) -> pl.DataFrame:
    symbols = pl.col("symbol").is_in(sorted({symbol for symbol, _ in keys}))
    written = [base.rows(REPORTED_ACTIONS, "ex_session", *span).filter(symbols) for span in _spans(keys)]
    every = pl.concat([*(rows.select(list(REPORTED)) for rows in written), opinions.fresh.filter(symbols)])
    return every.unique(maintain_order=True)


def _bars_before(base: Base, reports: pl.DataFrame, opinions: Opinions) -> pl.DataFrame:
    """All revisions of the bars that amounts are paid from, except those held as another security's."""
    needed = {
        (row["symbol"], Exchange(opinions.sources[row["source"]].exchange).previous(row["ex_session"]))
        for row in reports.filter(pl.col("amount") != 0).iter_rows(named=True)
        if row["source"] in opinions.sources
    }
    keys = pl.DataFrame(list(needed), schema={"symbol": pl.String, "session": pl.Date}, orient="row")
    columns = ["symbol", "session", "close", "knowledge_time", "revision"]
    if keys.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(columns[:1], pl.String) | {"session": pl.Date, "close": pl.Float64,
                            "knowledge_time": ACTIONS["knowledge_time"], "revision": pl.Int32})  # fmt: skip
    days = keys["session"].unique()
    written = [LakeFile(file.path, None, file.body) for file in opinions.files]
    frames = []
    if written:
        frames.append(read_files(written, base.shape(BARS), base.s3, pl.col("session").is_in(days.implode())))
    for month in sorted({day.replace(day=1) for day in days}):  # a month at a time: memory doesn't grow with history
        inside = days.filter(days.dt.month_start() == month)
        frames.append(base.rows(BARS, "session", inside.min(), inside.max()))
    matching = [rows.select(columns).join(keys, on=["symbol", "session"], how="semi") for rows in frames]
    bars = pl.concat(matching).unique(maintain_order=True)
    return withhold(bars, base.rows(CORPORATE_ACTIONS, "kind", WRONG_LISTING, WRONG_LISTING))


def _spans(keys: Collection[Key]) -> Iterator[tuple[date, date]]:
    """Spans of days that hold everything around the ex-sessions, ascending and apart from each other."""
    days = sorted({day for _, day in keys})
    first = last = days[0]
    for day in days:
        if day - last > 2 * AROUND:
            yield first - AROUND, last + AROUND
            first = day
        last = day
    yield first - AROUND, last + AROUND
