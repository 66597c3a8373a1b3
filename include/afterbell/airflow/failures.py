"""Why a task failed: the last lines of its log, and what the pages show; what happened, where, and what to do."""

from __future__ import annotations

import logging
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowException

from afterbell.airflow.notice import scrub
from afterbell.remedies import remedy

KEY = "failure"
"""Of the XCom entry that a failed try leaves; it goes when the task is tried again."""
WIDTH = 78
"""Columns of the lines in the log."""
_LONGEST = 4000
_MOST_LINES = 8
_KIND = re.compile(r"\b(?P<kind>[A-Z][A-Za-z]+Error): ")
_PREFIX = re.compile(r"^(?:step '?\w+'?(?: failed)?: )?(?:[A-Z][A-Za-z]+Error: )?")
_AGAIN = "Then clear the task, or start the same run again: what was committed is not done twice."
_ANEW = "Then start a new run: this one was told what it can't do."
_UNKNOWN = "Read the log above from its first error on; ./afterbell doctor looks at stores, Spark and Airflow."
_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """One failed try of a task.

    Attributes:
        task: its id.
        kind: the name of the error.
        what: its message.
        where: DAG, run, task and try.
        do: what a person does now; nothing where Airflow tries again by itself.
    """

    task: str
    kind: str
    what: str
    where: str
    do: str

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The last lines of the log, `WIDTH` columns at most but for words that are longer."""
        told = {"failed": f"{self.task}: {self.kind}", "what": self.what, "where": self.where, "do": self.do}
        return [line for name, text in told.items() for line in _short(list(_wrapped(name, text)))]


def _short(lines: list[str]) -> list[str]:
    """The whole message stands in the log above, and on the page."""
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], " " * 8 + "... (in full above)"]


def _wrapped(name: str, text: str) -> Iterable[str]:
    first, rest = f"{name:<8}", " " * 8
    for paragraph in text.splitlines():
        yield from textwrap.wrap(
            paragraph, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        first = rest


def describe(
    context: Mapping[str, Any], error: BaseException | str | None, *, again: bool, secrets: Iterable[str] = ()
) -> Failure:
    """Put the reason together out of Airflow's context of a task.

    Args:
        context: of the task.
        error: what it failed of.
        again: whether Airflow tries it again by itself.
        secrets: texts that must not be told.
    """
    ti, text = context.get("ti"), scrub(str(error or ""), secrets).strip()[:_LONGEST]
    found = _KIND.search(text)
    kind = (
        found["kind"] if found else type(error).__name__ if isinstance(error, BaseException) else "the worker was lost"
    )
    task, tries = str(getattr(ti, "task_id", "")), getattr(context.get("task"), "retries", 0) or 0
    attempt = int(getattr(ti, "try_number", 0) or 0)
    where = f"task {task} of {getattr(ti, 'dag_id', '')}, run {context.get('run_id', '')}, try {attempt}"
    if again:
        do = f"Nothing yet: Airflow tries it again by itself ({tries} times in all). {remedy(kind)}".rstrip()
    else:
        do = f"{remedy(kind) or _UNKNOWN} {_ANEW if task.startswith('open_') else _AGAIN}"
    return Failure(task, kind, _PREFIX.sub("", text) or "its log tells no reason", where, do)


def keep(context: Mapping[str, Any], *, again: bool, secrets: Iterable[str] = ()) -> Failure:
    """Leave the reason of a task's failure for the pages, and return it."""
    found = describe(context, context.get("exception"), again=again, secrets=secrets)
    context["ti"].xcom_push(key=KEY, value=found.to_json())
    return found


def say(found: Failure) -> None:
    """End the log of the task with the reason."""
    _log.error("::endgroup::")  # of Airflow's own, which its page folds
    for line in found.lines():
        _log.error(line)


def plainly(method: Callable[P, T]) -> Callable[P, T]:
    """A task's method whose failures stand in the log as one message, without the errors that led to it.

    What is not Airflow's kind of failure is nothing that we foresaw: it keeps its traceback, and all before it.
    """

    @wraps(method)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except AirflowException as error:
            raise error.with_traceback(None) from None

    return told
