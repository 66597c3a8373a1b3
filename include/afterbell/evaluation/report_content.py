"""What a report is made of, and the tables that it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from markupsafe import Markup

from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.final_check import FinalCheck
from afterbell.evaluation.findings import Holdings
from afterbell.evaluation.gate import GateDecision, Rival
from afterbell.evaluation.live_record import LiveRecord
from afterbell.evaluation.metrics import Scored
from afterbell.evaluation.panel import ScorePanel
from afterbell.evaluation.since import Change
from afterbell.training.candidate_document import CandidateDocument


@dataclass(frozen=True)
class ReportData:
    """The data of a report.

    Attributes:
        run_id: of the run.
        candidate: the candidate.
        decision: the gate's.
        panels: by horizon.
        scored: by horizon and scorer.
        rival: the champion, as the candidate was compared with it; None where nothing was.
        gains: by model name, total gain of each feature.
        coefficients: by model name, standardised coefficient of each feature.
        data: counts of the run's data (rows, drops, quarantined rows by rule), as earlier steps reported them.
        title: what the report is of; empty for the session.
        outcome: what a verdict means, where that is other than for the run of a session.
        since: the session before, and what changed since its run; no session if there is nothing to compare with.
        calendar: the exchange's sessions up to that of the run, on the last of which the newest labels end.
        champion: the champion's own out-of-sample figures, to show beside the candidate's; None without any.
        holdings: exposures and capacity of the candidate, then of the champion if there is one.
        finals: the final models, by horizon.
        live: what the signals that were traded earned; None where the report is not about that.
        cost_bps: one-way cost of trading, in basis points; None where that is not shown.
        volume_share: of the daily dollar volume, for the capacity.
    """

    run_id: str
    candidate: CandidateDocument
    decision: GateDecision
    panels: Mapping[int, ScorePanel]
    scored: Mapping[int, Mapping[str, Scored]]
    rival: Rival | None = None
    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    coefficients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)
    since: tuple[str, Sequence[Change]] = ("", ())
    calendar: Sequence[date] = ()
    champion: CandidateScores | None = None
    holdings: Sequence[Holdings] = ()
    finals: Mapping[int, FinalCheck] = field(default_factory=dict)
    live: LiveRecord | None = None
    cost_bps: float | None = None
    volume_share: float | None = None


@dataclass(frozen=True)
class Table:
    """A title, a head and rows of text; the row whose first cell is ``strong`` stands out."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: str = ""


@dataclass(frozen=True)
class Section:
    """A table and the plots below it."""

    table: Table
    plots: Sequence[Markup] = ()
