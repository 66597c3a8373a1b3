"""Why a task failed, for the end of its log and for the pages: what happened, where, and what to do."""

from __future__ import annotations

import logging
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from afterbell.airflow.notice import scrub
from afterbell.remedies import remedy

KEY = "failure"
"""Key of the XCom entry that a failed try leaves; it is removed when the task is tried again."""
WIDTH = 78
"""Columns of the lines in the log."""
_LONGEST = 4000
_MOST_LINES = 8
_KIND = re.compile(r"\b(?P<kind>[A-Z][A-Za-z]+Error): ")
_PREFIX = re.compile(r"^(?:step '?\w+'?(?: failed)?: )?(?:[A-Z][A-Za-z]+Error: )?")
_AGAIN = "Then clear the task, or start the same run again: committed work is not repeated."
_ANEW = "Then start a new run: the values of this one are not valid."
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
        do: what a person should do now; nothing where Airflow tries again by itself.
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
        """The last lines of the log, `WIDTH` columns at most unless a word is longer."""
        parts = {"failed": f"{self.task}: {self.kind}", "what": self.what, "where": self.where, "do": self.do}
        return [line for name, text in parts.items() for line in _shorten(list(_wrap(name, text)))]


def _shorten(lines: list[str]) -> list[str]:
    """The first lines alone: the whole message is in the log above, and on the page."""
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], " " * 8 + "... (in full above)"]


def _wrap(name: str, text: str) -> Iterable[str]:
    first, rest = f"{name:<8}", " " * 8
    for paragraph in text.splitlines():
        yield from textwrap.wrap(
            paragraph, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
        first = rest


def describe(
    context: Context, error: BaseException | str | None, *, again: bool, secrets: Iterable[str] = ()
) -> Failure:
    """Build the failure of a task from Airflow's context of it.

    Args:
        context: of the task.
        error: the error it failed with.
        again: whether Airflow tries it again by itself.
        secrets: texts that must not appear in it.
    """
    ti, text = context.get("ti"), scrub(str(error or ""), secrets).strip()[:_LONGEST]
    match = _KIND.search(text)
    kind = (
        match["kind"] if match else type(error).__name__ if isinstance(error, BaseException) else "the worker was lost"
    )
    task, tries = str(getattr(ti, "task_id", "")), getattr(context.get("task"), "retries", 0) or 0
    attempt = int(getattr(ti, "try_number", 0) or 0)
    where = f"task {task} of {getattr(ti, 'dag_id', '')}, run {context.get('run_id', '')}, try {attempt}"
    if again:
        do = f"Nothing yet: Airflow tries it again by itself ({tries} times in all). {remedy(kind)}".rstrip()
    else:
        do = f"{remedy(kind) or _UNKNOWN} {_ANEW if task.startswith('open_') else _AGAIN}"
    return Failure(task, kind, _PREFIX.sub("", text) or "its log gives no reason", where, do)


def keep(context: Context, *, again: bool, secrets: Iterable[str] = ()) -> Failure:
    """Store the reason of a task's failure for the pages, and return it."""
    failure = describe(context, context.get("exception"), again=again, secrets=secrets)
    context["ti"].xcom_push(key=KEY, value=failure.to_json())
    return failure


def write_to_log(failure: Failure) -> None:
    """End the log of the task with the reason."""
    _log.error("::endgroup::")  # of Airflow's own group, which its page folds
    for line in failure.lines():
        _log.error(line)


def condense_failures(method: Callable[P, T]) -> Callable[P, T]:
    """Decorate a task's method: its failures are logged as one message, without the errors that led to them.

    An error that is not Airflow's own was not foreseen: it keeps its traceback and its causes.
    """

    @wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except AirflowException as error:
            raise error.with_traceback(None) from None

    return wrapper
