"""A Spark driver on this terminal, where pdb works: ``python -m tests.by_hand [--pdb] SCRIPT [ARGUMENTS]``.

A script of ``spark_jobs`` is given the arguments of a step, and uses the stores and the lake of the current market
(``AFTERBELL_HOME`` names another one). Any other script is a scenario of the tests: it gets new stores, a new lake, and
the path of the file that it writes its answer to. Stores that are not running are started, and stopped at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from afterbell.cli.context import Opened, stores
from bench.driver import ROOT, driver_env
from tests.spark_run import TWO_CORES, scenario_env


def run(script: Path, arguments: Sequence[str], opened: Opened, *, pdb: bool = False) -> int:
    """Run one script; returns its exit status.

    Args:
        script: of a step, or of a scenario.
        arguments: of a step. A scenario is given the path of its answer instead, which is printed.
        opened: the stores.
        pdb: whether to start in the debugger.
    """
    home = opened.folders.home
    if is_step(script):
        env = driver_env(opened.env, home / "local", TWO_CORES)
    else:
        arguments = [str(home / "answer.json")]
        env = scenario_env(home, opened.env)
        print(f"the scenario writes {arguments[0]}", flush=True)
    command = [sys.executable, *(["-m", "pdb"] if pdb else []), str(script), *arguments]
    return subprocess.run(command, cwd=home, env=env, check=False).returncode


def is_step(script: Path) -> bool:
    """Whether ``script`` belongs to a step."""
    return script.parent == ROOT / "spark_jobs"


def main(argv: Sequence[str]) -> int:
    """Read the command line, open the stores and run the script."""
    pdb = list(argv[:1]) == ["--pdb"]
    words = argv[1:] if pdb else argv
    script = Path(words[0]).resolve() if words else ROOT
    if not script.is_file():
        print(f"by_hand: {words[0] if words else 'no script'}: give a file such as spark_jobs/features.py or "
              "tests/lake/scenario_lake.py", file=sys.stderr)  # fmt: skip
        return 2
    if not is_step(script):
        os.environ["AFTERBELL_HOME"] = tempfile.mkdtemp(prefix="afterbell-by-hand-")
    with stores("s3", "hdfs") as opened:
        return run(script, words[1:], opened, pdb=pdb)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
