"""A task that asks a person in the UI: it waits without a worker, and ends by itself when nobody answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from afterbell.airflow.pages.mount import PREFIX
from afterbell.errors import ConfigError
from afterbell.run.contracts.base import Record, stored_as
from afterbell.run.contracts.opened import Approval
from afterbell.sla.policy import load_policy

_FENCE = "~~~~~~~~"
_BASE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_EXPERIMENT = re.compile(r"[0-9a-f]{16}")


class Question(Record):
    """The question to a person, read from the result of the previous task.

    Attributes:
        moves: whether there is anything to approve.
        summary: the text to show.
        reason: the reason, if it is known.
        by: the user who requested it.
        note: which user may not approve it.
        experiment: id of the experiment; empty for anything else.
    """

    moves: bool = False
    summary: Annotated[str, stored_as("said")] = ""
    reason: str = ""
    by: str = ""
    note: str = ""
    experiment: str = ""


class AskOperator(ApprovalOperator):
    """Wait for a person's approval; without it in time, or if nothing would change, the downstream tasks are skipped.

    Args:
        subject: the question.
        about: result of the previous task, from which ``Question`` is read.
        patience: how long to wait for an answer; no answer counts as a rejection.
    """

    # Without the base operator's subject and body: text that a person typed is shown, never rendered as a template.
    template_fields: Collection[str] = ("about",)

    def __init__(self, *, subject: str, about: Any, patience: timedelta, **kwargs: Any) -> None:
        super().__init__(subject=subject, defaults=self.REJECT, response_timeout=patience, **kwargs)
        self.about = about

    def execute(self, context: Context) -> Any:
        """Ask the question, or skip the downstream tasks if nothing would change."""
        about = Question.read(self.about)
        if not about.moves:
            self.log.info("nothing to approve: %s", about.summary)
            self.skip(ti=context["ti"], tasks=context["task"].get_direct_relatives(upstream=False))
            return Approval(approved_by=None).to_json()
        user = requester(context) or "the user who started the run"
        barred = f"{user} requested it and may not approve it" if _is_barred() else ""
        link = report_link(about.experiment, conf.get("api", "base_url", fallback="") or "")
        self.body = shown(about.model_copy(update={"note": barred})) + (
            f"\n\n[Report of the experiment]({link})" if link else ""
        )
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The answer: who agreed, or None.

        Where the policy bars the requester, their agreement counts as a rejection, and ``barred`` names them.
        """
        barred = barred_by(event, requester(context)) if _is_barred() else ""
        if barred:
            self.log.warning(
                "%s approved their own request, or the requester is unknown; approval.not_by_requester in sla.yaml "
                "makes that a no: nothing is done. Start it again, and have somebody else agree", barred
            )  # fmt: skip
            event = {**event, "chosen_options": [self.REJECT]}
        response = super().execute_complete(context, event)
        user = response.get("responded_by_user")
        agreed = response["chosen_options"] == [self.APPROVE] and user is not None
        answer = Approval(approved_by=str(user["name"]) if agreed and user else None)
        return (answer.model_copy(update={"barred": barred}) if barred else answer).to_json()


def _is_barred() -> bool:
    """Whether the policy forbids the requester to agree.

    Raises:
        AirflowFailException: the policy can't be read; no agreement counts until it can.
    """
    try:
        return load_policy().approval.not_by_requester
    except ConfigError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def requester(context: Context) -> str:
    """Who started the run; empty if unknown, as on the command line of this machine."""
    return str(getattr(context["dag_run"], "triggering_user_name", None) or "")


def barred_by(event: Mapping[str, Any], asked_by: str) -> str:
    """The user whose approval does not count because they started the run; empty if it counts, or nobody approved.

    If it is unknown who started the run, no approval counts.
    """
    user = event.get("responded_by_user")
    if user is None or event.get("chosen_options") != [AskOperator.APPROVE]:
        return ""
    own = not asked_by or asked_by.casefold() in {str(user["name"]).casefold(), str(user["id"]).casefold()}
    return str(user["name"]) if own else ""


def report_link(experiment: str, base: str) -> str:
    """The address of an experiment's report on our page; empty for anything but an experiment, or without a safe base.

    Args:
        experiment: its id.
        base: the address of Airflow's page.
    """
    if not _BASE.fullmatch(base) or not _EXPERIMENT.fullmatch(experiment):
        return ""
    return f"{base.rstrip('/')}{PREFIX}/experiments/{experiment}/report"


def shown(about: Question) -> str:
    """Plain text for the page, which renders Markdown: nothing in it becomes a link, an image or a heading."""
    texts = {"reason": about.reason, "by": about.by, "note": about.note}
    lines = [about.summary, *(f"{name}: {text}" for name, text in texts.items() if text)]
    text = "\n".join(" ".join(line.split()) for line in lines).replace("~", "-")
    return f"{_FENCE}\n{text}\n{_FENCE}"
