"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from afterbell.cli.completion import profiles

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Profile = Annotated[
    str | None, typer.Option(help="Cluster profile; the default is set in platform.yaml.", autocompletion=profiles)
]
