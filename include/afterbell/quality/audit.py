"""The audit: Great Expectations on what a branch adds. It fails closed.

No rows, fewer results than expectations, or an exception inside a result count as a failure, not as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from pyspark.sql import DataFrame

from afterbell.errors import ValidationFailedError
from afterbell.quality.docs import write_docs
from afterbell.quality.expectations import expectations_of
from afterbell.quality.library import library
from afterbell.sources.set_rules import SetRule

_SAMPLES = 5


@dataclass(frozen=True)
class Subject:
    """One frame to audit.

    Attributes:
        name: in messages and in Data Docs.
        frame: the rows; a Polars frame is judged in this process, a frame of Spark's where its rows are.
        expectations: what is expected of it.
    """

    name: str
    frame: pl.DataFrame | DataFrame
    expectations: Sequence[Any]

    def rows(self) -> int:
        """How many there are."""
        return self.frame.height if isinstance(self.frame, pl.DataFrame) else self.frame.count()


@dataclass
class Report:
    """Result of an audit.

    Attributes:
        expectations: how many were evaluated.
        failed: broken expectations that stop the publishing, one sentence each.
        warnings: broken expectations, or checks not made, that do not.
        data_docs: the first page of the Data Docs.
    """

    expectations: int = 0
    failed: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    data_docs: str = ""

    def require_passed(self) -> None:
        """Stop here, if anything failed.

        Raises:
            ValidationFailedError: it did; the message has every broken rule.
        """
        if self.failed:
            lines = "\n  ".join(self.failed)
            raise ValidationFailedError(
                f"{len(self.failed)} of {self.expectations} expectations failed; main did not move. "
                f"Data Docs: {self.data_docs}\n  {lines}"
            )


def run_audit(folder: Path, subjects: Iterable[Subject]) -> Report:
    """Evaluate every subject's expectations and keep the Data Docs in ``folder``.

    Subjects are taken one by one, so that what yields them may still be reading while the first ones are judged.

    Raises:
        ValidationFailedError: there is no subject, a subject has no rows or no expectations, or a result is missing or
            holds an exception.
    """
    context = _context()
    report = Report()
    outcomes = []
    for subject in subjects:
        rows = subject.rows() if subject.expectations else 0
        if not rows:
            raise ValidationFailedError(f"audit of {subject.name}: expected rows and rules to check, found none")
        validate = _validation(context, subject, rows)
        # Counts and samples cost a pass an expectation; they are fetched only where something is broken.
        outcome = validate({"result_format": "BOOLEAN_ONLY"})
        if not outcome.success:
            outcome = validate({"result_format": "BASIC", "partial_unexpected_count": _SAMPLES})
        judge(subject, outcome, report)
        outcomes.append(outcome)
    if not outcomes:
        raise ValidationFailedError("audit: expected new rows to audit, found none on the branch")
    report.data_docs = write_docs(context, folder, outcomes)
    return report


def facts_subject(source: str, facts: Mapping[SetRule, float]) -> Subject:
    """The one-row frame of a session's facts, a column for each rule."""
    frame = pl.DataFrame({rule.name: [value] for rule, value in facts.items()})
    expectations = [expectation for rule in facts for expectation in expectations_of(rule)]
    return Subject(f"session_facts.{source}", frame, expectations)


def _context() -> Any:
    gx = library()
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415 - imported late

    # Its own store of suites and results on disk would cost as much as the judging; the rules are declared elsewhere.
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def _validation(context: Any, subject: Subject, rows: int) -> Callable[[dict[str, object]], Any]:
    """A function that evaluates ``subject`` with a given result format."""
    if isinstance(subject.frame, pl.DataFrame):
        frame, source = subject.frame.to_pandas(), context.data_sources.add_or_update_pandas(f"{subject.name} here")
    else:
        frame = subject.frame
        source = context.data_sources.add_or_update_spark(f"{subject.name} on Spark", persist=False)
    batch = source.add_dataframe_asset(subject.name).add_batch_definition_whole_dataframe("added")
    suite = library().ExpectationSuite(
        subject.name,
        # An expectation belongs to the suite that it was first put into.
        expectations=[copy(expectation) for expectation in subject.expectations],
        notes=f"{rows} rows that the branch adds",
    )
    rows_to_judge = batch.get_batch({"dataframe": frame})
    return lambda form: rows_to_judge.validate(suite, result_format=form)


def judge(subject: Subject, outcome: Any, report: Report) -> None:
    """Add the result of one validation to ``report``.

    Raises:
        ValidationFailedError: a result is missing, or holds an exception.
    """
    results = outcome.results
    if len(results) != len(subject.expectations):
        raise ValidationFailedError(
            f"audit of {subject.name}: expected {len(subject.expectations)} results, found {len(results)}"
        )
    report.expectations += len(results)
    for result in results:
        config = result.expectation_config
        if _raised(result.exception_info):
            raise ValidationFailedError(f"audit of {subject.name}: {config.type} could not be evaluated: {result}")
        if not result.success:
            (report.warnings if config.meta.get("severity") == "warn" else report.failed).append(
                _sentence(subject.name, config, result.result)
            )


def _raised(info: Any) -> bool:
    if not isinstance(info, dict):
        return False
    if info.get("raised_exception"):
        return True
    return any(_raised(value) for value in info.values() if isinstance(value, dict))


def _sentence(subject: str, config: Any, result: dict[str, Any]) -> str:
    kwargs = {key: value for key, value in config.kwargs.items() if key != "batch_id"}
    samples = [str(value)[:60] for value in result.get("partial_unexpected_list", [])[:_SAMPLES]]
    return (
        f"rule {config.meta.get('rule')} on {subject}: expected {config.type} {kwargs}; found "
        f"{result.get('unexpected_count', '?')} of {result.get('element_count', '?')} rows that break it, "
        f"such as {samples}"
    )
