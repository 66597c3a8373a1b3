"""A pattern of a configuration file is compiled by the engines that run it, and read alike by all of them."""

from __future__ import annotations

import sys

import pytest

from afterbell.config.patterns import check_value_pattern, compile_key_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z]{1,5}",
        "[0-9][0-9A-Z]{3}",
        "[A-Z][A-Z0-9.^=-]{0,11}",
        "^10-(K|Q)$",
        "A|B",
        "(?:A|B)+?",
        "[*+]+",
        r"\d+",
        "é",
    ],
)
def test_a_plain_pattern_is_taken(pattern: str) -> None:
    assert check_value_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?!Z[A-Z]ZZT)[A-Z]{1,5}", "Polars, which runs it (look-around, including look-ahead and look-behind"),
        ("(?<=A)B", "Polars, which runs it (look-around, including look-ahead and look-behind"),
        (r"(A)\1", "Polars, which runs it (backreferences are not supported"),
        ("[A-Z", "Polars, which runs it (unclosed character class"),
        ("A)|(?:B", "Polars, which runs it (unopened group"),
        ("(?>A)", "Polars, which runs it (unrecognized flag"),
        (r"\p{Lu}", "Python's re, which the audit runs (bad escape"),
        ("[[:upper:]]", "Python's re, which the audit runs (Possible nested set"),
        ("A++", "has '++', which Polars, Python and Java don't all read alike"),
        ("(?P<x>A)", "has '(?', which Polars, Python and Java don't all read alike"),
    ],
)
def test_a_pattern_that_an_engine_refuses_or_reads_otherwise_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match="which") as caught:
        check_value_pattern(pattern)
    assert reason in str(caught.value)


@pytest.mark.parametrize("pattern", ["(?!Z)[A-Z]+", "(?<=A)B", r"(A)\1", "[A-Z", "(?>A)"])
def test_where_polars_is_not_installed_the_same_patterns_are_refused(
    monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)  # as in Airflow's environment
    check_value_pattern("[A-Z]{1,5}")
    with pytest.raises(ValueError, match="which"):
        check_value_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(", "a{99999999999999999999}", "(?P<session>"])
def test_a_pattern_of_keys_is_compiled_by_python_which_runs_it(pattern: str) -> None:
    assert compile_key_pattern(r"(?!x)(?P<session>\d{8})").groupindex == {"session": 1}
    with pytest.raises(ValueError, match="is not a regular expression of Python's re"):
        compile_key_pattern(pattern)
