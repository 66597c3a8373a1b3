"""The reference of the command line as Markdown, out of the parser: ``docs/reference/commands.md``.

    .afterbell/env/spark/bin/python -m afterbell.cli.reference > docs/reference/commands.md

The page is committed, so that it can be read and linked without a build; a test compares it with the parser.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

_HEAD = """\
# Commands

Made out of the program's own parser: `./afterbell COMMAND --help` says the same. Every command takes `--json`, which
prints one JSON document on standard output and nothing else there, errors included (`error` with `type`, `message` and
`what_to_do`). The exit status is 0, 1 (`doctor` found something missing, or a fault of Afterbell), 2 (the last line
says what to do) or 3 (trying again may help). On a terminal lines wrap between words; in a pipe they are as long as
their text.

Completion of commands, options and their values: `source <(./afterbell completion bash)` in `.bashrc`, or
`source <(./afterbell completion zsh)` after `compinit` in `.zshrc`.
"""


def reference() -> str:
    """The whole page."""
    from afterbell.cli.__main__ import build_app  # noqa: PLC0415 - which imports every command

    return "\n".join([_HEAD, *_group(typer.main.get_command(build_app()), "afterbell")])


def _group(command: Any, words: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield from _command(command, words)
        return
    for name, child in inner.items():
        yield from _group(child, f"{words} {name}")


def _command(command: Any, words: str) -> Iterator[str]:
    name = words.removeprefix("afterbell ")
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    shown = " ".join(
        parameter.name.upper() if parameter.required else f"[{parameter.name.upper()}]" for parameter in arguments
    )
    yield f"## {name}\n"
    yield f"`./{words}{' ' if shown else ''}{shown}`\n"
    yield f"{_one_line(command.help)}\n"
    rows = [_row(parameter) for parameter in command.params if parameter.name != "as_json"]
    if rows:
        yield "| argument | meaning | default |\n|---|---|---|"
        yield "\n".join(rows) + "\n"


def _row(parameter: Any) -> str:
    option = parameter.param_type_name == "option"
    names = ", ".join(parameter.opts + parameter.secondary_opts) if option else parameter.name.upper()
    default = "required" if parameter.required else _default(parameter.default)
    return f"| `{names}` | {_one_line(parameter.help)} | {default} |"


def _default(value: object) -> str:
    return "" if value in {None, "", False} or callable(value) else f"`{value}`"


def _one_line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.stdout.write(reference())
