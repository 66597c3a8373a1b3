"""What a document promises is there: its links, the commands it tells to type, the files it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from afterbell.cli.reference import reference
from afterbell.lake.tables import ALL
from tests.cli.parser import commands as parsed
from tests.cli.parser import groups, options
from tests.documents.pages import DOCS, ROOT, anchors, broken_links, commands, documents, files, links, name_of, targets

PAGES = {name_of(path): path.read_text(encoding="utf-8") for path in documents()}
LIVE = {name: text for name, text in PAGES.items() if name not in {"CHANGELOG.md", "docs/next.md", "docs/limits.md"}}
"""Pages about what is; the others tell of what was, or may be."""
GUIDES = [name for name in LIVE if re.match("README|CONTRIBUTING|docs/(tutorials|how-to|reference)", name)]
HOW_TO = ("add-a-source", "add-a-factor", "add-a-family", "add-a-page", "add-a-cluster-manager")
SHAPE = ["What changes", "Steps", "Check", "What users notice"]


def problem(words: list[str]) -> str:
    """What is wrong with a command that a page tells to type; empty for nothing."""
    known, name = parsed(), words[0]
    if name.startswith("-"):
        return "" if name == "--help" else f"no option {name}"
    if name in groups():
        tails = [word for word in words[1:] if not word.startswith("-")]
        name = f"{name} {tails[0]}" if tails else name
    if name == words[0] and name in groups():
        return ""
    if name == "COMMAND":
        return ""
    if name not in known:
        return f"no command {name!r}"
    given = {re.sub(r"=.*", "", word) for word in words if word.startswith("--")}
    wrong = sorted(given - options(known[name]))
    return f"{name} has no option {wrong[0]}" if wrong else ""


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(name):
    assert broken_links(ROOT / name, PAGES[name]) == []


@pytest.mark.parametrize("name", LIVE)
def test_every_command_that_a_page_tells_to_type_is_one_that_the_parser_knows(name):
    assert [(words, wrong) for words in commands(LIVE[name]) if (wrong := problem(words))] == []


@pytest.mark.parametrize("name", LIVE)
def test_every_target_of_make_that_a_page_names_is_in_the_makefile(name):
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert targets(LIVE[name]) - there == set()


@pytest.mark.parametrize("name", GUIDES)
def test_every_file_that_a_guide_names_is_there(name):
    assert [path for path in sorted(files(LIVE[name])) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", HOW_TO)
def test_the_guides_to_adding_something_have_one_shape(name):
    text = PAGES[f"docs/how-to/{name}.md"]
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SHAPE
    table = text.split("## What changes")[1].split("## Steps")[0]
    assert re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE), "the files that change stand in a table"


@pytest.mark.parametrize("name", ["analyst", "engineer", "on-call"])
def test_a_tutorial_can_be_followed_by_typing(name):
    assert len(commands(PAGES[f"docs/tutorials/{name}.md"])) >= 5


def test_the_reference_of_the_commands_is_what_the_parser_says():
    again = ".afterbell/env/spark/bin/python -m afterbell.cli.reference > docs/reference/commands.md"
    assert PAGES["docs/reference/commands.md"] == reference(), f"make it anew: {again}"
    headings = re.findall(r"^## (.+)$", PAGES["docs/reference/commands.md"], flags=re.MULTILINE)
    assert headings == list(parsed())


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_the_data_model_has_every_column_of_every_table(table):
    section = re.search(rf"^## {re.escape(table.name)}$\n(.*?)(?=^## |\Z)", PAGES["docs/reference/data-model.md"],
                        re.MULTILINE | re.DOTALL)  # fmt: skip
    assert section
    shown = re.findall(r"^\| `(\w+)` \| (\w+) \|$", section[1], flags=re.MULTILINE)
    assert shown == [tuple(column.split()) for column in table.columns.replace("\n", " ").split(",")]


def test_the_configuration_names_every_file_and_every_key_of_the_platform():
    from afterbell.config.platform import Platform  # noqa: PLC0415

    text = PAGES["docs/reference/configuration.md"]
    for path in (ROOT / "include" / "config").iterdir():
        assert f"`include/config/{path.name}{'/' if path.is_dir() else ''}`" in text
    for name, value in Platform().model_dump().items():
        for key in [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]:
            assert f"`{key}`" in text, key


def test_variables_of_the_configuration_are_read_by_the_code():
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "include" / "afterbell").rglob("*.py"))
    named = set(re.findall(r"`(A(?:FTERBELL|WS)_[A-Z0-9_]+)`", PAGES["docs/reference/configuration.md"]))
    assert len(named) > 10
    assert {name for name in named if name not in code} == set()  # that each is used: tests/config/test_environment.py


def test_every_decision_is_in_the_list_of_decisions():
    listed = links(PAGES["docs/adr/index.md"])
    assert listed == [path.name for path in sorted((DOCS / "adr").glob("0*.md"))]
    numbers = re.findall(r"^\| (\d+) \|", PAGES["docs/adr/index.md"], flags=re.MULTILINE)
    assert [int(name[:4]) for name in listed] == [int(number) for number in numbers]


def test_the_readme_is_a_screen_and_a_half_and_says_where_to_go_on():
    text = PAGES["README.md"]
    assert len(text.splitlines()) <= 80
    assert {"docs/tutorials/analyst.md", "docs/tutorials/engineer.md", "docs/tutorials/on-call.md"} <= set(links(text))
    assert "docs/pictures/tonight.png" in text


def test_what_is_broken_would_be_noticed(tmp_path: Path):
    page = tmp_path / "page.md"
    prose = "[x](none.md) [y](#a-b-cs) [z](page.md#no) `[no](link.md)`"
    text = f"# A `b` c's\n\n{prose}\n\n```\n./afterbell nosuch --json\n```\n"
    page.write_text(text, encoding="utf-8")
    assert broken_links(page, text) == ["none.md", "page.md#no"]
    assert anchors(text) == {"a-b-cs"}
    assert [problem(words) for words in commands(text)] == ["no command 'nosuch'"]
    assert problem(["release", "list", "--nosuch"]) == "release list has no option --nosuch"
    assert problem(["release", "nosuch"]) == "no command 'release nosuch'"
    assert problem(["release", "rollback", "--reason", "x"]) == ""
    assert files("`tests/nowhere.py` and `include/<name>`, `s3://tests/x`") == {"tests/nowhere.py"}
    assert targets("`make nothing`\n\n```\nmake demo SIGNAL=0\n```\n") == {"nothing", "demo"}
