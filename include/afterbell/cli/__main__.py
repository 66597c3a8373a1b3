"""``./afterbell``: the commands, each in a file of its own."""

from __future__ import annotations

import typer

from afterbell.cli import (
    backfill,
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

app = typer.Typer(
    name="afterbell",
    help="From the closing bell to published models within two hours.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
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
app.add_typer(release.app, name="release")
app.add_typer(drops.app, name="drops")
app.add_typer(listings.app, name="listings")
app.add_typer(backfill.app, name="backfill")
app.add_typer(experiment.app, name="experiment")


def main() -> None:
    """Run the command line."""
    app(prog_name="afterbell")


if __name__ == "__main__":
    main()
