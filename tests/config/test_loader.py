"""A configuration file that can't be read is told by its name, its key and what to do: no file ends in a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import Field

from afterbell.config.loader import Strict, config_folder, load_yaml
from afterbell.config.platform import current_market, load_platform
from afterbell.errors import ConfigError
from afterbell.sla.policy import load_policy
from afterbell.sources.rules import load_rules
from afterbell.sources.source import load_source


class Day(Strict):
    text: str = ""
    when: dict[str, str] = Field(default={})


def load(tmp_path: Path, data: bytes) -> Day:
    file = tmp_path / "day.yaml"
    file.write_bytes(data)
    return load_yaml(file, Day)


def test_utf8_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for data in ("text: Zürich".encode(), "text: Zürich".encode("utf-8-sig")):
        assert load(tmp_path, data).text == "Zürich"


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ("# a\ntext: Zürich\n".encode("latin-1"), ["expected UTF-8, found byte 0xfc in line 2", r"text: Z\xfcrich"]),
        ("text: Zürich\n".encode("utf-16"), ["expected UTF-8, found byte 0xff in line 1"]),
        (b"text: \xed\xa0\x80", ["expected UTF-8, found byte 0xed in line 1"]),
        (b"when: {first: 2016-06-30x, last: 2016-13-45}", ["when.last: ", "'2016-13-45'", "month must be in 1..12"]),
        (b"text: 2016-02-30", ["text: expected a value that can be read, found '2016-02-30'", "in quotes"]),
        (b"when: {at: 2016-06-30 10:00:00 +99:00}", ["when.at: ", "2016-06-30 10:00:00 +99:00"]),
        (b"when: {at: 2016-06-30 25:00:00}", ["when.at: ", "hour must be in 0..23"]),
        (b"when: {2016-13-45: x}", ["when.2016-13-45: "]),
        (b"when: [a, 2016-13-45]", ["when.1: "]),
        (b"text: " + b"9" * 5000, ["text: ", "'9999"]),
        (b"text: [" * 3000, [": is "]),
        (b"[" * 200_000, ["is nested too deeply"]),
        (b"{a: " * 100_000, ["is nested too deeply"]),
        (b"- " * 100_000, ["is nested too deeply"]),
        (b"? " * 100_000, ["is nested too deeply"]),
        (b"".join(b" " * depth + b"a:\n" for depth in range(3000)), ["is nested too deeply"]),
        (b"text: \x00", ["is not YAML"]),
        (b"2016-06-30: x", ["2016"]),
        (b"just text", ["expected a mapping of keys, found str"]),
    ],
)
def test_what_cannot_be_read_names_the_file_and_the_place(tmp_path: Path, data: bytes, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, data)
    for part in ("day.yaml: ", *parts):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("platform.yaml", load_platform),
        ("sla.yaml", load_policy),
        ("sources/us_daily_prices.yaml", lambda: load_source("us_daily_prices")),
        ("quality/bars.yaml", lambda: load_rules("bars")),
    ],
)
@pytest.mark.parametrize("harm", ["# caf\u00e9\n".encode("latin-1"), b"name: 2016-13-45\n"])
def test_every_file_of_the_configuration_is_read_like_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, read: Callable[[], object], harm: bytes
) -> None:
    shutil.copytree(config_folder(), tmp_path / "config")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path / "config"))
    read()
    path = tmp_path / "config" / file
    path.write_bytes(harm + path.read_bytes())
    with pytest.raises(ConfigError, match=file):
        read()


@pytest.mark.parametrize(
    "file", [str(each.relative_to(config_folder())) for each in sorted(config_folder().rglob("*.yaml"))]
)
def test_the_fast_parser_reads_what_pythons_own_reads(file: str) -> None:
    class Anything(Strict, extra="allow"):
        pass

    path = config_folder() / file
    expected = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    assert load_yaml(path, Anything).model_dump() == expected


def test_a_name_of_the_current_market_that_is_not_text_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(b"\xff\xfe")
    assert current_market(tmp_path) == "default"
