"""Commands side by side, each line of what they print behind the command's name; what one leaves is ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.suite.rooms import ROOT

_FAILURES = ("FAILED ", "ERROR ")


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: short; stands before each of its lines.
        argv: the program and its arguments.
        env: variables besides this process's own.
        quiet: its output is shown only if it fails.
        good: exit statuses that are no failure.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False
    good: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    name: str
    status: int
    seconds: float
    failed: bool
    failures: Sequence[str] = ()
    """Pytest's own lines about tests that failed."""


def run_all(groups: Sequence[Sequence[Command]]) -> list[Ended]:
    """Run the groups side by side, the commands of a group one after the other; all are run, whatever fails.

    Ctrl-C and SIGTERM reach every command, and are waited for.
    """
    together = _Together(max(len(command.name) for group in groups for command in group))
    threads = [threading.Thread(target=together.run, args=(group,)) for group in groups]
    before = signal.signal(signal.SIGTERM, together.stop)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        print("interrupted: waiting until everything is put away", file=sys.stderr)
        for thread in threads:
            thread.join()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return together.ended


class _Together:
    """What runs, and what has ended."""

    def __init__(self, width: int) -> None:
        self.ended: list[Ended] = []
        self._width = width
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._speaking = threading.Lock()

    def run(self, group: Sequence[Command]) -> None:
        """One command after the other."""
        for command in group:
            began = time.monotonic()
            status, kept = self._follow(command)
            failures = [line for line in kept if line.startswith(_FAILURES)]
            done = Ended(command.name, status, time.monotonic() - began, status not in command.good, failures)
            self.ended.append(done)
            if command.quiet:
                for line in kept if done.failed else [f"fine, {done.seconds:.0f} s"]:
                    self._say(command, line)

    def stop(self, number: int, _: object) -> None:
        """Hand a signal on to what runs."""
        for process in list(self._running.values()):
            process.send_signal(number)
        raise KeyboardInterrupt

    def _follow(self, command: Command) -> tuple[int, list[str]]:
        kept = []
        with subprocess.Popen(
            [*command.argv],
            cwd=ROOT,
            env=os.environ | dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            self._running[command.name] = process
            for line in process.stdout or ():
                if command.quiet or line.startswith(_FAILURES):
                    kept.append(line.rstrip())
                if not command.quiet:
                    self._say(command, line.rstrip())
        self._running.pop(command.name)
        return process.returncode, kept

    def _say(self, command: Command, line: str) -> None:
        with self._speaking:
            print(f"{command.name:<{self._width}} | {line}", flush=True)
