"""Data Docs: the pages of one audit, as Great Expectations draws them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SITE = "audit"
_LINKS = re.compile(r'<a\b[^>]*?\bhref="(?P<to>[^"]*)"[^>]*>(?P<text>.*?)</a>|<link\b[^>]*?\bicon\b[^>]*>', re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|$")
"""Beginning of an address that is not a file beside the page."""


def write_docs(context: Any, folder: Path, outcomes: Sequence[Any]) -> str:
    """Write a page for each outcome of this audit, and an index of them, and nothing else.

    Args:
        context: the context of the outcomes.
        folder: where the pages go; what an earlier try of the run left there is no more in the index.
        outcomes: results of whole suites.

    Returns:
        The address of the index.
    """
    from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415 - imported late
    from great_expectations.data_context.types.resource_identifiers import (  # noqa: PLC0415 - imported late
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    folder.mkdir(parents=True, exist_ok=True)
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    run = RunIdentifier(run_time=datetime.now(UTC))
    pages = []
    for outcome in outcomes:
        outcome.meta |= {"run_id": run, "validation_time": run.run_time}
        suite = ExpectationSuiteIdentifier(name=outcome.suite_name)
        page = ValidationResultIdentifier(
            batch_identifier=outcome.suite_name, expectation_suite_identifier=suite, run_id=run
        )
        context.validation_results_store.store_validation_results(
            suite_validation_result=outcome,
            suite_validation_result_identifier=page,
            expectation_suite_identifier=suite,
        )
        pages.append(page)
    index = str(context.build_data_docs(resource_identifiers=pages)[_SITE])
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if (living := without_dead_links(text, page.parent)) != text:
            page.write_text(living, encoding="utf-8")
    return index


def without_dead_links(html: str, folder: Path) -> str:
    """A page in ``folder`` without links to files that aren't there, whose text stays, and without an icon.

    Great Expectations links each result to a page of its suite, which isn't made, and its icon from a wrong depth; the
    pages of Airflow give out Data Docs' pages alone.
    """

    def keep(link: re.Match[str]) -> str:
        address = link["to"]
        if address is None:
            return ""
        if _ELSEWHERE.match(address) or (folder / re.split("[?#]", address, maxsplit=1)[0]).exists():
            return link[0]
        return link["text"]

    return _LINKS.sub(keep, html)
