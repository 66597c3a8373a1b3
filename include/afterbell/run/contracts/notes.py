"""Contracts of what lies beside a result in the store: failures, progress, attempts, and the forecasts of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from afterbell.run.contracts.base import Figure, Instant, Record, stored_as
from afterbell.run.contracts.models import TrainInstructions


class StepFailure(Record):
    """Why a driver failed.

    Attributes:
        kind: class of the error.
        message: its text.
        permanent: whether trying again cannot help.
        step: its name.
        attempt: token of the try; empty where no other try is possible.
        started_at: when the driver began.
        failed_at: when it failed.
    """

    kind: str
    message: str
    permanent: bool
    step: str = ""
    attempt: str = ""
    started_at: Instant | None = None
    failed_at: Instant | None = None


class AttemptNote(Record):
    """The newest attempt of a step, and whether its driver is no longer needed."""

    attempt: str
    killed: bool = False


class StepProgress(Record):
    """How far a running step is: ``done`` of ``of`` things called ``what``, counted from ``began`` to ``at``."""

    what: str
    done: StrictInt
    of: StrictInt
    began: Instant | None
    at: Instant | None
    step: str = ""
    attempt: str = ""


class ForecastEntry(Record):
    """One forecast of a run.

    Attributes:
        at: when it was made.
        step: the step that began or ended then.
        finish: when the run will be done.
        slack: seconds from there to the deadline.
        done: whether the step had ended.
        instructions: for the step that began.
        budget: seconds that the step that ended might take.
        took: seconds that it took; None where that is not known.
        left_out: what policy leaves out, in words.
    """

    at: Instant
    step: str
    finish: Instant
    slack: Figure
    done: bool
    instructions: Annotated[TrainInstructions, stored_as("told")] = TrainInstructions()
    budget: Figure | None = None
    took: Figure | None = None
    left_out: tuple[str, ...] = ()


class ForecastDocument(ForecastEntry):
    """The newest forecast of a run on top of all of them."""

    entries: tuple[ForecastEntry, ...] = Field(default=())
