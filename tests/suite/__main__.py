"""``python -m tests.suite``: what `make test`, `make check`, `make test-failed` and `make test-durations` run.

all          every test but those in containers, first Spark's, then Airflow's; or the one that the variable T names
check        lint, and every test that needs no service
lint         style, format, words, types, import contracts
types        types and import contracts alone, for the hooks of pre-commit
failed       what failed last
durations    take the seconds of the last whole run into tests/durations.tsv
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.suite import durations
from tests.suite.rooms import ROOT, UnknownTestError, find_target, selection
from tests.suite.side_by_side import Command, run_all

_ENV = Path(os.environ.get("AFTERBELL_ENV") or ROOT / ".afterbell" / "env").absolute()
_TYPED = {
    "spark": [
        "include", "spark_jobs", "bench", "--exclude", r"^(include/(afterbell|containers)/airflow/|bench/dags\.py$)",
    ],
    "airflow": ["include/afterbell/airflow", "dags", "plugins", "bench/dags.py"],
}  # fmt: skip
"""What mypy looks at in which environment."""
_KEPT = ROOT / ".afterbell" / "tests"
_NOTHING = 5
"""Pytest's status where no test was collected."""
_WORKERS = {"spark": 3, "airflow": 2}
"""Processes of a whole run, of one environment after the other: three keep two cores busy where most wait for programs
that start. With more of them what runs beside the tests (HDFS, Airflow) is there for longer, and takes more in all.
"""
_QUICK_WORKERS = 2
"""Of Spark's environment in a quick run: its tests wait for nothing, and every process more collects all first."""


def pytest(environment: str, *arguments: str, workers: int = 0) -> list[str]:
    """The command of pytest in one environment; each remembers by itself what failed last."""
    python = str(_ENV / environment / "bin" / "python")
    shared = ["-n", str(workers), "--dist", "loadscope", "--no-loadscope-reorder"] if workers else []
    return [python, "-m", "pytest", "-o", f"cache_dir=.pytest_cache/{environment}", *shared, *arguments]


def run_every_test() -> int:
    """All tests but those in containers; then what each room took."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    records = {name: _KEPT / f"{name}.json" for name in _WORKERS}
    commands = []
    for name, workers in _WORKERS.items():
        records[name].unlink(missing_ok=True)
        argv = pytest(name, "-q", *selection(name), workers=workers)
        commands.append(Command(name, argv, {durations.RECORD: str(records[name])}))
    return run_and_summarize([commands], lambda: _rooms(records.values()))


def _rooms(records: Iterable[Path]) -> None:
    for line in durations.comparison(durations.read_records(records), durations.read_table()):
        print(line)


def type_checks() -> list[Command]:
    """Types in both environments and of the notebooks, import contracts."""
    tools = _ENV / "tools" / "bin"

    def mypy(environment: str, cache: str) -> list[str]:
        python = str(_ENV / environment / "bin" / "python")
        return [str(tools / "mypy"), "--cache-dir", f".mypy_cache/{cache}", "--python-executable", python]

    notebooks = [sys.executable, "-m", "tests.suite.notebooks", *mypy("spark", "notebooks")]
    return [
        *(Command(f"types {name}", [*mypy(name, name), *paths], quiet=True) for name, paths in _TYPED.items()),
        Command("types notebooks", notebooks, quiet=True),
        Command("contracts", [str(tools / "lint-imports")], {"PYTHONPATH": "include:."}, quiet=True),
    ]


def linters() -> list[Command]:
    """Style, format, words, types in both environments, import contracts."""
    ruff = str(_ENV / "tools" / "bin" / "ruff")
    return [
        Command("style", [ruff, "check", "."], quiet=True),
        Command("format", [ruff, "format", "--check", "."], quiet=True),
        Command("words", [sys.executable, "-m", "tests.suite.words"], quiet=True),
        *type_checks(),
    ]


def run_linters() -> int:
    """The linters, two side by side."""
    commands = linters()
    return run_and_summarize([commands[:4], commands[4:]])


def run_type_checks() -> int:
    """Types in both environments and import contracts, two side by side."""
    commands = type_checks()
    return run_and_summarize([commands[:1], commands[1:]])


def run_check() -> int:
    """Everything that is quick, side by side."""
    quick = {name: ["-q", "-m", "not services", *selection(name)] for name in _WORKERS}
    spark, airflow = pytest("spark", *quick["spark"], workers=_QUICK_WORKERS), pytest("airflow", *quick["airflow"])
    return run_and_summarize([[Command("spark", spark)], [Command("airflow", airflow)], linters()])


def run_failed() -> int:
    """What failed last, in both environments; nothing where nothing did."""
    commands = [
        Command(name, pytest(name, "--lf", "--lfnf=none", *selection(name)), good=(0, _NOTHING)) for name in _WORKERS
    ]
    return run_and_summarize([commands])


def run_target(text: str) -> int:
    """One test, file or folder, in its environment, as pytest prints it."""
    try:
        target = find_target(text)
    except UnknownTestError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    if target.node == "tests":
        return run_every_test()
    command = pytest(target.environment, target.node, workers=_WORKERS[target.environment] if target.folder else 0)
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


def run_and_summarize(groups: Sequence[Sequence[Command]], report: Callable[[], None] = lambda: None) -> int:
    """Run the groups side by side, then print the report, every failure and how each command ended; the exit status."""
    began = time.monotonic()
    ended = run_all(groups)
    bad = [each.name for each in ended if each.failed]
    report()
    for each in ended:
        for line in each.failures:
            print(f"{each.name}: {line}")
    for each in ended:
        print(f"{'FAILED' if each.failed else 'ok':<7} {each.name:<17} {each.seconds:6.0f} s")
    print(f"{'FAILED: ' + ', '.join(bad) if bad else 'all is well'} ({time.monotonic() - began:.0f} s)")
    return 1 if bad else 0


_COMMANDS = {
    "all": run_every_test,
    "check": run_check,
    "lint": run_linters,
    "types": run_type_checks,
    "failed": run_failed,
    "durations": take_durations,
}


def main(argv: list[str]) -> int:
    """Run the command that is named; the exit status."""
    if len(argv) != 1 or argv[0] not in _COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    text = os.environ.get("T", "")
    return run_target(text) if argv == ["all"] and text else _COMMANDS[argv[0]]()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
