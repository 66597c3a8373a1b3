"""Asking a person in the UI: the task waits without a worker, and ends by itself when nobody answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context

_FENCE = "~~~~~~~~"


class AskOperator(ApprovalOperator):
    """Ask whether to go on; without an answer in time, or where nothing would be done, the tasks after it are skipped.

    Args:
        subject: the question.
        about: result of the task before: ``moves`` says whether there is anything to ask, ``said`` is shown.
        patience: how long an answer is waited for; none is a no.
    """

    # Not the subject and body of the operator below: what a person typed is shown, and never rendered as a template.
    template_fields: Collection[str] = ("about",)

    def __init__(self, *, subject: str, about: Any, patience: timedelta, **kwargs: Any) -> None:
        super().__init__(subject=subject, defaults=self.REJECT, response_timeout=patience, **kwargs)
        self.about = about

    def execute(self, context: Context) -> Any:
        """Put the question, or skip what comes after where nothing would be done."""
        if not self.about.get("moves"):
            self.log.info("nothing to ask: %s", self.about.get("said"))
            self.skip(ti=context["ti"], tasks=context["task"].get_direct_relatives(upstream=False))
            return {"approved_by": None}
        self.body = shown(self.about)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The answer: who agreed; None where nobody did."""
        found = super().execute_complete(context, event)
        user = found.get("responded_by_user")
        agreed = found["chosen_options"] == [self.APPROVE] and user is not None
        return {"approved_by": str(user["name"]) if agreed and user else None}


def shown(about: Mapping[str, Any]) -> str:
    """Plain text for the page, which reads Markdown: nothing in it is a link, an image or a heading.

    Args:
        about: ``said``, and ``reason`` and ``by`` where there are any.
    """
    lines = [str(about.get("said", ""))]
    lines += [f"{name}: {about[name]}" for name in ("reason", "by") if about.get(name)]
    text = "\n".join(" ".join(line.split()) for line in lines).replace("~", "-")
    return f"{_FENCE}\n{text}\n{_FENCE}"
