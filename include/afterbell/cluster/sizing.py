"""Whether a driver ended because memory ran out, and which key of the cluster profile gives it more."""

from __future__ import annotations

import re

_IN_TASK = re.compile(r"ExecutorLostFailure|Lost task \d|stage failure: .*OutOfMemoryError", re.DOTALL)
_HEAP = re.compile(r"java\.lang\.OutOfMemoryError: ([^\n]*)")
_PYTHON = re.compile(r"^\s*(\w+\.)*(\w*MemoryError)\b", re.MULTILINE)
_KILLED = re.compile(r"(Error code is|exit status|exited with status):? ?(-9|137)\b")


def memory_hint(text: str, driver_memory: str) -> str:
    """One sentence on the cause and what to raise, from the end of a driver's log; empty if it ended otherwise.

    Args:
        text: what is known of the driver's end: its exit status and the tail of its log.
        driver_memory: what the profile gives it.
    """
    if _IN_TASK.search(text):
        return "OutOfMemoryError: an executor ran out of memory: raise executor_memory" if _HEAP.search(text) else ""
    if match := _HEAP.search(text):
        return (
            f"OutOfMemoryError: the driver's heap of {driver_memory} is full ({match[1].strip()}): raise driver_memory"
        )
    if _PYTHON.search(text):
        return "OutOfMemoryError: the driver's Python got no more memory: give its machine more, or lower driver_memory"
    if _KILLED.search(text):
        return (
            "OutOfMemoryError: the driver was killed (SIGKILL), by the system because memory ran out, unless by hand: "
            f"heap ({driver_memory}) and Python together must fit its machine or container: give that more memory, or "
            "lower driver_memory"
        )
    return ""
