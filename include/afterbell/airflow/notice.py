"""The content of a notice: session, run, what happened, the stages' times, the deadline, where to look, what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from afterbell.run.job import run_slug
from afterbell.run.steps import BESIDES, STEPS
from afterbell.sla.forecast import before_deadline
from afterbell.sla.policy import Kind
from afterbell.stores.artifacts import ArtifactStore

_LONGEST = 2000
_USERINFO = re.compile(r"(://)[^/\s@]+@")
_NAMED = re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key)\w*['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&}]+")
_NEXT: dict[str, str] = {
    "failure": "The champion is kept. Fix what the message names, then clear the failed task, or run the session "
    "again: what has been committed is not done twice. See docs/runbook.md, 'A run failed'.",
    "forecast": "Nothing has failed yet. Look for the stage that is over its budget and for what else uses the "
    "cluster. See docs/runbook.md, 'The deadline is near, or was missed'.",
    "deadline_missed": "Whoever was champion at the deadline serves. Look which task runs, and why. See "
    "docs/runbook.md, 'The deadline is near, or was missed'.",
    "held": "The champion scores the next session. Read the reason; when it is resolved, run the session again. See "
    "docs/runbook.md, 'A verdict of keep or hold'.",
    "success": "Nothing.",
}


@dataclass(frozen=True)
class Notice:
    """One notice; every field may be shown to anyone who receives notices."""

    kind: Kind
    title: str
    message: str
    session: str
    run_id: str
    dag_id: str
    step: str
    deadline: str
    stages: tuple[dict[str, Any], ...]
    link: str
    next: str
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values; ``text`` is the whole notice as lines of text."""
        return asdict(self) | {"stages": list(self.stages), "text": self.text or words(self)}


def compose(
    kind: Kind,
    run: Mapping[str, Any],
    message: str,
    details: Mapping[str, Any],
    stages: Iterable[Mapping[str, Any]],
    secrets: Iterable[str] = (),
) -> Notice:
    """Build a notice.

    Args:
        kind: of the notice.
        run: result of the task that opened the run; missing keys stay empty.
        message: what happened, such as a step's own message.
        details: ``dag_id``, ``step``, ``base_url`` and ``run_id``, where they are known. This run id is Airflow's own,
            by which people find the run; an experiment's ``run["run_id"]`` differs from it.
        stages: ``step`` and ``seconds`` of the steps that are done.
        secrets: texts that must not appear in it.
    """
    session, run_id = str(run.get("session") or ""), str(details.get("run_id") or run.get("run_id") or "")
    dag_id, step = str(details.get("dag_id") or ""), str(details.get("step") or "")
    subject = f"session {session}" if session else run_id
    event = f"step {step} failed" if kind == "failure" and step else kind.replace("_", " ")
    return Notice(
        kind=kind,
        title=f"Afterbell: {event}, {subject}" + (f" ({dag_id})" if dag_id else ""),
        message=scrub(message, secrets)[:_LONGEST],
        session=session,
        run_id=run_id,
        dag_id=dag_id,
        step=step,
        deadline=str(run.get("deadline") or ""),
        stages=tuple({"step": str(stage["step"]), "seconds": float(stage["seconds"])} for stage in stages),
        link=run_link(str(details.get("base_url") or ""), dag_id, run_id, step if kind == "failure" else ""),
        next=_NEXT[kind],
    )


def words(notice: Notice) -> str:
    """The notice as lines of text."""
    lines = [notice.message, f"run: {notice.run_id}" + (f" of {notice.dag_id}" if notice.dag_id else "")]
    if notice.deadline:
        time_left = datetime.fromisoformat(notice.deadline) - datetime.now(UTC)
        now = before_deadline(time_left)
        lines.append(f"deadline: {notice.deadline[:16].replace('T', ' ')} UTC; it is {now}")
    if notice.stages:
        lines.append("stages: " + ", ".join(f"{stage['step']} {stage['seconds']:.0f} s" for stage in notice.stages))
    if notice.link:
        lines.append(f"look: {notice.link}")
    return "\n".join([*lines, f"next: {notice.next}"])


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without ``secrets``, without the user of an address, and without what looks like a named secret."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _NAMED.sub(r"\1***", _USERINFO.sub(r"\1***@", text))


def run_link(base: str, dag_id: str, run_id: str, task_id: str = "") -> str:
    """The page of a run, or of one of its tasks, in Airflow's UI; empty if the address of the UI is not known."""
    if not (base and dag_id and run_id):
        return ""
    page = f"{base.rstrip('/')}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"
    return f"{page}/tasks/{quote(task_id, safe='')}" if task_id else page


def read_results(store: ArtifactStore, run: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The results that the steps of ``run`` have left so far, by step in their order."""
    session, slug = date.fromisoformat(str(run["session"])).isoformat(), run_slug(str(run["run_id"]))
    keys = [item.key for item in store.list(f"runs/{session}/{slug}/") if item.key.endswith(".json")]
    steps = {key.rpartition("/")[2].removesuffix(".json"): key for key in keys}
    return {step: json.loads(store.get(steps[step])) for step in (*STEPS, *BESIDES) if step in steps}
