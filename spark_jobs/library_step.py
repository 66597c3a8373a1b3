"""Run a step that needs no Spark session where drivers run: ``--module`` names it, all other arguments are the step's.

The modules are those below; anything else is refused.
"""

from __future__ import annotations

import sys
from runpy import run_module

from afterbell.cluster.driver import EXIT_PERMANENT
from afterbell.cluster.packed import unpacked

MODULES = (
    "afterbell.backfill",
    "afterbell.experiments.resolve",
    "afterbell.ingest.release_drop",
    "afterbell.release",
    "afterbell.release.carry_out",
    "afterbell.release.check",
)


def main(argv: list[str]) -> int:
    """Run the module as the program of this process; the exit status, where the module does not exit by itself."""
    match unpacked(argv):
        case ["--module", module, *rest] if module in MODULES:
            sys.argv[1:] = rest
            run_module(module, run_name="__main__", alter_sys=True)
            return 0
        case words:
            print(f"library_step: --module must name one of {', '.join(MODULES)}: {words[:2]}", file=sys.stderr)
            return EXIT_PERMANENT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
