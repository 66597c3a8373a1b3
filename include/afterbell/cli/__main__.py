"""``./afterbell``: the commands, each in a file of its own."""

from __future__ import annotations

import os
import sys
import traceback

import typer
from typer.completion import get_completion_inspect_parameters
from typer.exceptions import TyperException

from afterbell.cli import (
    backfill,
    completion,
    demo,
    doctor,
    drops,
    experiment,
    features,
    lake,
    listings,
    market,
    quality,
    release,
    run,
    services,
)
from afterbell.cli.output import EXIT_FAULT, print_failure

_INTERRUPTED = 130
_AGAIN = "Type the command again: what was committed stays."
_FAULT = "Report this fault of Afterbell with the lines above."

app = typer.Typer(
    name="afterbell",
    help="From the closing bell to published models within two hours.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("up")(services.up)
app.command("down")(services.down)
app.command("doctor")(doctor.doctor)
app.command("simulate")(market.simulate)
app.command("upload")(market.upload)
app.command("run")(run.run)
app.command("bars")(lake.bars)
app.command("query")(lake.query)
app.command("quality")(quality.quality)
app.command("features")(features.features)
app.command("completion")(completion.completion)
app.add_typer(release.app, name="release")
app.add_typer(drops.app, name="drops")
app.add_typer(listings.app, name="listings")
app.add_typer(backfill.app, name="backfill")
app.add_typer(experiment.app, name="experiment")


def main() -> None:
    """Run the command line; whatever fails ends with a line that says what to do."""
    if completion.VARIABLE in os.environ:
        get_completion_inspect_parameters()  # makes the shells' protocols known, without options for them
    as_json = "--json" in sys.argv[1:]
    try:
        status = app(prog_name="afterbell", standalone_mode=False)
    except TyperException as error:  # what was typed is no command
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
