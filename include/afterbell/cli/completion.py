"""``completion``: what makes a shell complete commands, options and their values; generated from the parser itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from afterbell.cli.output import print_json, report_errors
from afterbell.config.environment import COMPLETE

# The shells ask the program as it was typed (`./afterbell`, or another path), so that no installation is needed. A
# program that is not set up yet completes nothing, and prints nothing either.
_BASH = """\
_afterbell_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \\
        %(variable)s=complete_bash "$1" 2>/dev/null) )
}
complete -o default -F _afterbell_completion afterbell
"""
_ZSH = """\
#compdef afterbell
_afterbell_completion() {
    eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" %(variable)s=complete_zsh ${~words[1]} 2>/dev/null)
}
compdef _afterbell_completion afterbell
"""


class Shell(StrEnum):
    """A shell that can complete."""

    bash = "bash"
    zsh = "zsh"


_SCRIPTS = {Shell.bash: _BASH, Shell.zsh: _ZSH}


@report_errors
def completion(
    shell: Annotated[Shell, typer.Argument(help="The shell that runs the script.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Print a script that makes the shell complete `afterbell`: `source <(./afterbell completion bash)`."""
    script = _SCRIPTS[shell] % {"variable": COMPLETE}
    print_json({"shell": shell.value, "script": script}) if as_json else typer.echo(script, nl=False)


def profiles(incomplete: str) -> list[str]:
    """The cluster profiles that begin with what was typed."""
    from afterbell.config.loader import config_folder  # noqa: PLC0415 - keeps --help fast

    names = sorted(path.stem for path in (config_folder() / "clusters").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def factor_sets(incomplete: str) -> list[str]:
    """The factor sets that begin with what was typed."""
    from afterbell.features.sets import SETS  # noqa: PLC0415 - keeps --help fast

    return [name for name in sorted(SETS) if name.startswith(incomplete)]


def backfill_steps(incomplete: str) -> list[str]:
    """The steps of a backfill that begin with what was typed."""
    from afterbell.backfill.request import STEPS  # noqa: PLC0415 - keeps --help fast

    return [name for name in STEPS if name.startswith(incomplete)]
