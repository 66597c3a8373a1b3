"""Start a program with low priority: ``python behind.py <niceness> <program> <arguments>``.

Linux shares the processor out among sessions before it does among processes: a nice process in a session of its own
gets as much as a busy one in another. So the program gets a session, and that is made nice as a whole. Started as a
script: it needs nothing of the project.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path


def behind(niceness: int) -> None:
    """Lower the priority of this process and its children, as far as the system permits."""
    with suppress(PermissionError):  # the leader of a group stays where it is
        os.setsid()
    os.nice(max(0, niceness - os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # no such thing on this system, or it is switched off
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


if __name__ == "__main__":
    behind(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - an argv list, and no shell
