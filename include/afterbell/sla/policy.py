"""The deadline policy: budgets, what is left out when time is short, and notices (``include/config/sla.yaml``)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from afterbell.config.loader import Strict, config_folder, load_yaml
from afterbell.errors import ConfigError
from afterbell.run.contracts.models import LeftOut
from afterbell.run.steps import STEPS

TIMED = ("await_drops", *STEPS)
"""The steps that a forecast adds up, in their order."""

Kind = Literal["failure", "forecast", "deadline_missed", "held", "success"]
_SECRET = re.compile(r"pass(word|wd)|secret|token|api_?key|credential|authorization", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/\s]*@")


class History(Strict):
    """The history that budgets are learned from.

    Attributes:
        sessions: how many sessions to look back.
        least: measurements of a step that are needed before they are used.
        quantile: of the measurements.
    """

    sessions: int = Field(default=15, ge=0, le=60)
    least: int = Field(default=3, ge=1)
    quantile: float = Field(default=0.8, gt=0, le=1)


class Measure(LeftOut):
    """One thing that may be left out, and what that saves.

    Attributes:
        step: whose work it is.
        saves: the share of the step's time that it saves.
    """

    step: Literal["train"] = "train"
    saves: float = Field(gt=0, lt=1)

    @property
    def label(self) -> str:
        """Its name in logs, reports and notices."""
        return f"folds but the newest {self.folds}" if self.folds else " and ".join(self.families)

    @property
    def left_out(self) -> LeftOut:
        """The measure as the step takes it in its inputs."""
        return LeftOut(folds=self.folds) if self.folds else LeftOut(families=self.families)


class Channel(Strict):
    """A channel of notices: an Airflow notifier by its dotted path, and its arguments.

    Attributes:
        kinds: of notices that go there.
        notifier: the class.
        kwargs: its arguments; secrets belong into the Airflow connection that they name.
    """

    kinds: tuple[Kind, ...] = Field(min_length=1)
    notifier: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    kwargs: dict[str, object] = Field(default_factory=dict)


class Approval(Strict):
    """Who may approve an action.

    Attributes:
        not_by_requester: the user who started the run may not approve it; their approval counts as a rejection.
    """

    not_by_requester: bool = False


class SlaPolicy(Strict):
    """The whole file.

    Attributes:
        budget_minutes: from the closing bell to the deadline.
        reserve_minutes: kept free before the deadline.
        history: what budgets are learned from.
        budgets: seconds of each step, for the first nights.
        leave_out: what may be left out, in this order.
        notices: who is notified.
        approval: whose agreement counts.
    """

    budget_minutes: int = Field(default=120, ge=1, le=24 * 60)
    reserve_minutes: float = Field(default=5, ge=0)
    history: History = History()
    budgets: dict[str, Annotated[float, Field(ge=0)]]
    leave_out: tuple[Measure, ...] = ()
    notices: tuple[Channel, ...] = ()
    approval: Approval = Approval()

    @model_validator(mode="after")
    def _every_step_has_a_budget(self) -> SlaPolicy:
        missing, unknown = set(TIMED) - set(self.budgets), set(self.budgets) - set(TIMED)
        if missing or unknown:
            raise ValueError(
                f"budgets must name each of {', '.join(TIMED)}; missing: {sorted(missing)}, unknown: {sorted(unknown)}"
            )
        minutes = sum(self.budgets.values()) / 60 + self.reserve_minutes
        if minutes > self.budget_minutes:
            raise ValueError(
                f"budgets and reserve add up to {minutes:.0f} minutes, expected {self.budget_minutes} or fewer"
            )
        return self

    @property
    def budget(self) -> timedelta:
        """From the closing bell to the deadline."""
        return timedelta(minutes=self.budget_minutes)


def load_policy() -> SlaPolicy:
    """The settings of ``sla.yaml``.

    Raises:
        ConfigError: the file is missing, a key of it is wrong, or it holds a secret.
    """
    path = config_folder() / "sla.yaml"
    policy = load_yaml(path, SlaPolicy)
    for number, channel in enumerate(policy.notices):
        _refuse_secrets(f"{path}: notices.{number}", channel)
    return policy


def _refuse_secrets(where: str, channel: Channel) -> None:
    # Not a rule of the model: the error of one shows what it found.
    for key, value in channel.kwargs.items():
        if _SECRET.search(key) or _USERINFO.search(str(value)):
            raise ConfigError(f"{where}.kwargs.{key} would put a secret into a file: name an Airflow connection")
