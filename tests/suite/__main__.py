"""``python -m tests.suite``: what `make test`, `make check`, `make test-failed` and `make test-durations` run.

all          every test but those in containers, both environments side by side
check        lint, and every test that needs no service
lint         style, format, types, import contracts
types        types and import contracts alone, for the hooks of pre-commit
failed       what failed last
one          the test, file or folder that the variable T names
durations    take the seconds of the last whole run into tests/durations.tsv
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.suite import durations
from tests.suite.rooms import ROOT, UnknownTestError, find, selection
from tests.suite.side_by_side import Command, Ended, run_all

_ENV = Path(os.environ.get("AFTERBELL_ENV") or ROOT / ".afterbell" / "env").absolute()
_TYPED = {
    "spark": ["include", "spark_jobs", "--exclude", "^include/(afterbell|containers)/airflow/"],
    "airflow": ["include/afterbell/airflow", "dags", "plugins"],
}
"""What mypy looks at in which environment."""
_KEPT = ROOT / ".afterbell" / "tests"
_NOTHING = 5
"""Pytest's status where no test was collected."""
_WORKERS = {"spark": 2, "airflow": 1}
"""Processes of a whole run: more would only wait for the two cores."""


def pytest(environment: str, *arguments: str, workers: int = 0) -> list[str]:
    """The command of pytest in one environment; each remembers by itself what failed last."""
    python = str(_ENV / environment / "bin" / "python")
    shared = ["-n", str(workers), "--dist", "loadscope", "--no-loadscope-reorder"] if workers else []
    return [python, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{environment}", *shared, *arguments]


def every_test() -> int:
    """All tests but those in containers; then what each room took."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    records = {name: _KEPT / f"{name}.json" for name in _WORKERS}
    groups = []
    for name, workers in _WORKERS.items():
        records[name].unlink(missing_ok=True)
        argv = pytest(name, "-q", *selection(name), workers=workers)
        groups.append([Command(name, argv, {durations.RECORD: str(records[name])})])
    began = time.monotonic()
    ended = run_all(groups)
    for line in durations.comparison(durations.read_records(records.values()), durations.read_table()):
        print(line)
    return told(ended, time.monotonic() - began)


def linters() -> list[Command]:
    """Style, format, types in both environments, import contracts."""
    tools = _ENV / "tools" / "bin"

    def types(environment: str) -> list[str]:
        python = str(_ENV / environment / "bin" / "python")
        options = ["--cache-dir", f".mypy_cache/{environment}", "--python-executable", python]
        return [str(tools / "mypy"), *options, *_TYPED[environment]]

    return [
        Command("style", [str(tools / "ruff"), "check", "."], quiet=True),
        Command("format", [str(tools / "ruff"), "format", "--check", "."], quiet=True),
        Command("types spark", types("spark"), quiet=True),
        Command("types airflow", types("airflow"), quiet=True),
        Command("contracts", [str(tools / "lint-imports")], {"PYTHONPATH": "include:."}, quiet=True),
    ]


def lint() -> int:
    """The linters, two side by side."""
    began = time.monotonic()
    commands = linters()
    return told(run_all([commands[:3], commands[3:]]), time.monotonic() - began)


def types() -> int:
    """Types in both environments and import contracts, two side by side."""
    began = time.monotonic()
    commands = [command for command in linters() if command.name.startswith(("types", "contracts"))]
    return told(run_all([commands[:1], commands[1:]]), time.monotonic() - began)


def check() -> int:
    """Everything that is quick, side by side."""
    began = time.monotonic()
    quick = {name: ["-q", "-m", "not services", *selection(name)] for name in _WORKERS}
    spark, airflow = pytest("spark", *quick["spark"], workers=2), pytest("airflow", *quick["airflow"])
    groups = [[Command("spark", spark)], [Command("airflow", airflow)], linters()]
    return told(run_all(groups), time.monotonic() - began)


def failed() -> int:
    """What failed last, in both environments; nothing where nothing did."""
    began = time.monotonic()
    commands = [
        Command(name, pytest(name, "--lf", "--lfnf=none", *selection(name)), good=(0, _NOTHING)) for name in _WORKERS
    ]
    return told(run_all([commands]), time.monotonic() - began)


def one(text: str) -> int:
    """One test, file or folder, in its environment, as pytest prints it."""
    try:
        asked = find(text)
    except UnknownTestError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    if asked.node == "tests":
        return every_test()
    command = pytest(asked.environment, asked.node, workers=2 if asked.folder else 0)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def take_durations() -> int:
    """Write what the last whole run has measured into the tree; files that are gone leave the table."""
    measured = durations.read_records(_KEPT / f"{name}.json" for name in _WORKERS)
    if not measured:
        print("test-durations: nothing was measured yet: run `make test` first", file=sys.stderr)
        return 2
    kept = {file: seconds for file, seconds in durations.read_table().items() if (ROOT / file).exists()}
    durations.write_table(kept | measured)
    print(f"{len(measured)} files, {sum(measured.values()):.0f} s in all: {durations.TABLE.relative_to(ROOT)}")
    return 0


def told(ended: list[Ended], seconds: float) -> int:
    """Say how everything ended; the exit status."""
    bad = [each.name for each in ended if each.failed]
    for each in ended:
        print(f"{'FAILED' if each.failed else 'ok':<7} {each.name:<17} {each.seconds:6.0f} s")
    print(f"{'FAILED: ' + ', '.join(bad) if bad else 'all is well'} ({seconds:.0f} s)")
    return 1 if bad else 0


def main(argv: list[str]) -> int:
    """Do what is asked for; the exit status."""
    text = os.environ.get("T", "")
    if argv == ["all"] and text:
        return one(text)
    commands = {
        "all": every_test,
        "check": check,
        "lint": lint,
        "types": types,
        "failed": failed,
        "durations": take_durations,
    }
    if len(argv) != 1 or argv[0] not in {*commands, "one"}:
        print(__doc__, file=sys.stderr)
        return 2
    return one(text) if argv == ["one"] else commands[argv[0]]()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
