"""The commands there are, as the parser of ``./afterbell`` knows them."""

from __future__ import annotations

from typing import Any

import typer

from afterbell.cli.__main__ import build_app


def commands() -> dict[str, Any]:
    """Every command that can be typed, such as ``release list``, with what the parser knows of it."""

    def below(command: Any, words: tuple[str, ...]) -> dict[str, Any]:
        inner = getattr(command, "commands", None)
        if inner is None:
            return {" ".join(words): command}
        return {name: each for word, child in inner.items() for name, each in below(child, (*words, word)).items()}

    return below(typer.main.get_command(build_app()), ())


def groups() -> list[str]:
    """The first words of commands that have several."""
    return sorted({name.split()[0] for name in commands() if " " in name})


def options(command: Any) -> set[str]:
    """The options of a command, such as ``--json``."""
    return {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
