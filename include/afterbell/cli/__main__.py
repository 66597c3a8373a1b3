"""``./afterbell``: the commands, each in a file of its own."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module

import typer
from typer.completion import get_completion_inspect_parameters
from typer.exceptions import TyperException

from afterbell.cli.output import EXIT_FAULT, print_failure
from afterbell.config.environment import COMPLETE

_INTERRUPTED = 130
_AGAIN = "Type the command again: what was committed stays."
_FAULT = "Report this fault of Afterbell with the lines above."

_COMMANDS = {
    "demo": "demo",
    "up": "services",
    "down": "services",
    "doctor": "doctor",
    "simulate": "market",
    "upload": "market",
    "run": "run",
    "bars": "lake",
    "query": "lake",
    "quality": "quality",
    "features": "features",
    "signals": "signals",
    "completion": "completion",
}
"""Commands, in the order of the help, and the module that has the function of that name."""
_GROUPS = ("release", "drops", "listings", "backfill", "experiment")
"""Commands that have commands, each in the module of its name as ``app``."""


def build_app(typed: str = "") -> typer.Typer:
    """The command line: with the command ``typed`` alone where it is one, since importing all takes a second."""
    app = typer.Typer(
        name="afterbell",
        help="From the closing bell to published models within two hours.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root() -> None:
        """With it one command alone is still a command, not the whole program."""

    names = (typed,) if typed in _COMMANDS or typed in _GROUPS else (*_COMMANDS, *_GROUPS)
    for name in names:
        module = import_module(f"afterbell.cli.{_COMMANDS.get(name, name)}")
        if name in _COMMANDS:
            app.command(name)(getattr(module, name))
        else:
            app.add_typer(module.app, name=name)
    return app


def main() -> None:
    """Run the command line; whatever fails ends with a line that says what to do."""
    completing = COMPLETE in os.environ
    if completing:
        get_completion_inspect_parameters()  # makes the shells' protocols known, without options for them
    app = build_app("" if completing else "".join(sys.argv[1:2]))
    as_json = "--json" in sys.argv[1:]
    try:
        status = app(prog_name="afterbell", standalone_mode=False)
    except TyperException as error:  # what was typed is not a command
        _print_usage_error(error, as_json=as_json)
        status = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the traceback is printed whole
        traceback.print_exc()
        print_failure(type(error).__name__, str(error) or "no message", _FAULT, as_json=as_json)
        status = EXIT_FAULT
    if status == _INTERRUPTED:
        print_failure("Interrupted", "the command was stopped before its end", _AGAIN, as_json=as_json)
    sys.exit(status if isinstance(status, int) else 0)


def _print_usage_error(error: TyperException, *, as_json: bool) -> None:
    message = error.format_message()
    if not message:  # nothing was typed: the help has been printed
        return
    command = getattr(getattr(error, "ctx", None), "command_path", "afterbell")
    print_failure("UsageError", message, f"`./{command} --help` shows what it takes.", as_json=as_json)


if __name__ == "__main__":
    main()
