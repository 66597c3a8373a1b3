"""The content of a notice: session, run, what happened, the stages' times, the deadline, where to look, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from urllib.parse import quote

from pydantic import JsonValue

from afterbell.run.contracts.base import Result
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.job import run_slug
from afterbell.run.steps import DAILY, OTHERS
from afterbell.sla.forecast import before_deadline
from afterbell.sla.policy import Kind
from afterbell.stores.artifacts import ArtifactStore

_LONGEST = 2000
_USERINFO = re.compile(r"(://)[^/\s@]+@")
_NAMED = re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key)\w*['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&}]+")
_NEXT: dict[str, str] = {
    "failure": "The champion is kept. Fix what the message names, then clear the failed task, or run the session "
    "again: committed work is not repeated. See docs/runbook.md, 'A run failed'.",
    "forecast": "Nothing has failed yet. Check which stage is over its budget and what else uses the "
    "cluster. See docs/runbook.md, 'The deadline is near, or was missed'.",
    "deadline_missed": "The champion at the deadline stays. Check which task is running, and why. See "
    "docs/runbook.md, 'The deadline is near, or was missed'.",
    "held": "The champion scores the next session, or a provisional release where nothing serves yet. Read the reason; "
    "when it is resolved, run the session again, or promote the release. See "
    "docs/runbook.md, 'A verdict of keep or hold'.",
    "success": "Nothing.",
}


@dataclass(frozen=True)
class NoticeRun:
    """The fields of a run that a notice shows; unknown ones are empty.

    Attributes:
        session: ISO date.
        run_id: as its documents in the store are named.
        deadline: ISO instant.
        origin: ``scheduled``, ``manual`` or ``backfill``.
    """

    session: str = ""
    run_id: str = ""
    deadline: str = ""
    origin: str = ""

    @classmethod
    def of(cls, run: OpenedRun) -> NoticeRun:
        """Make it from an opened run."""
        return cls(run.session.isoformat(), run.run_id, run.deadline.isoformat(), run.origin)


@dataclass(frozen=True)
class NoticePlace:
    """The DAG, run and task of a notice, as Airflow's pages address them; unknown ones are empty.

    Attributes:
        dag_id: of the DAG.
        run_id: Airflow's own, by which people find the run; that of an experiment's documents differs from it.
        step: the task.
    """

    dag_id: str = ""
    run_id: str = ""
    step: str = ""


@dataclass(frozen=True)
class StageTime:
    """A step that is done, and the seconds it took."""

    step: str
    seconds: float


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
    stages: tuple[StageTime, ...]
    link: str
    next: str
    text: str = ""

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values; ``text`` is the whole notice as lines of text."""
        stages: list[JsonValue] = [asdict(stage) for stage in self.stages]
        return asdict(self) | {"stages": stages, "text": self.text or words(self)}


def compose(
    kind: Kind,
    run: NoticeRun,
    message: str,
    place: NoticePlace,
    stages: Iterable[StageTime],
    secrets: Iterable[str] = (),
    base_url: str = "",
) -> Notice:
    """Build a notice.

    Args:
        kind: of the notice.
        run: which.
        message: what happened, such as a step's own message.
        place: where.
        stages: the steps that are done.
        secrets: texts that must not appear in it.
        base_url: the address of Airflow's page; empty if it is not known.
    """
    session, run_id = run.session, place.run_id or run.run_id
    dag_id, step = place.dag_id, place.step
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
        deadline=run.deadline,
        stages=tuple(stages),
        link=run_link(base_url, dag_id, run_id, step if kind == "failure" else ""),
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
        lines.append("stages: " + ", ".join(f"{stage.step} {stage.seconds:.0f} s" for stage in notice.stages))
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


def read_results(store: ArtifactStore, run: NoticeRun) -> dict[str, Result]:
    """The results that the steps of ``run`` have left so far, by step in their order."""
    session, slug = date.fromisoformat(run.session).isoformat(), run_slug(run.run_id)
    keys = [item.key for item in store.list(f"runs/{session}/{slug}/") if item.key.endswith(".json")]
    steps = {key.rpartition("/")[2].removesuffix(".json"): key for key in keys}
    return {
        step.name: step.result.read(store.get(steps[step.name])) for step in (*DAILY, *OTHERS) if step.name in steps
    }
