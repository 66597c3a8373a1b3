"""The audit: Great Expectations on what a branch adds. It fails closed.

No rows, fewer results than expectations, or an exception inside a result count as a failure, not as a pass.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from afterbell.errors import ValidationFailedError
from afterbell.quality.expectations import expectations_of
from afterbell.quality.set_rules import SetRule

_SAMPLES = 5


@dataclass(frozen=True)
class Subject:
    """One frame to audit: its name in Data Docs, the frame, and what is expected of it."""

    name: str
    frame: DataFrame
    expectations: Sequence[Any]


@dataclass
class Report:
    """What an audit found.

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


def run_audit(folder: Path, subjects: Sequence[Subject]) -> Report:
    """Evaluate every subject's expectations and keep the Data Docs in ``folder``.

    Raises:
        ValidationFailedError: a subject has no rows or no expectations, or a result is missing or holds an exception.
    """
    context = _context(folder)
    source = context.data_sources.add_or_update_spark("branch", persist=False)
    report = Report()
    for subject in subjects:
        rows = subject.frame.count() if subject.expectations else 0
        if not rows:
            raise ValidationFailedError(f"audit of {subject.name}: expected rows and rules to check, found none")
        definition = _definition(context, source, subject, rows)
        # Counts and samples cost a Spark job an expectation; they are fetched only where something is broken.
        result = _run(definition, subject, {"result_format": "BOOLEAN_ONLY"})
        if not result.success:
            result = _run(definition, subject, {"result_format": "BASIC", "partial_unexpected_count": _SAMPLES})
        _judge(subject, result, report)
    sites = context.build_data_docs()
    report.data_docs = str(next(iter(sites.values()), ""))
    return report


def facts_subject(frame: DataFrame, rules: Sequence[SetRule]) -> Subject:
    """The one-row frame of a session's facts, a column for the kind of each rule."""
    return Subject("session_facts", frame, [found for rule in rules for found in expectations_of(rule)])


def _context(folder: Path) -> Any:
    import great_expectations as gx  # noqa: PLC0415 - two seconds, and only the audit needs it
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def _definition(context: Any, source: Any, subject: Subject, rows: int) -> Any:
    import great_expectations as gx  # noqa: PLC0415

    if subject.name in {asset.name for asset in source.assets}:
        source.delete_asset(subject.name)
    batch = source.add_dataframe_asset(subject.name).add_batch_definition_whole_dataframe("added")
    notes = f"{rows} rows that the branch adds"
    suite = gx.ExpectationSuite(subject.name, expectations=list(subject.expectations), notes=notes)
    suite = context.suites.add_or_update(suite)
    return context.validation_definitions.add_or_update(
        gx.ValidationDefinition(name=subject.name, data=batch, suite=suite)
    )


def _run(definition: Any, subject: Subject, result_format: dict[str, Any]) -> Any:
    return definition.run(batch_parameters={"dataframe": subject.frame}, result_format=result_format)


def _judge(subject: Subject, outcome: Any, report: Report) -> None:
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
