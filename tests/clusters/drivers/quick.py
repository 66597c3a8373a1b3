"""A driver without Spark: what a cluster manager tells of a process needs no job. Arguments as for ``trivial.py``."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main(todo: str, *rest: str) -> int:
    print("quick driver", todo, *rest, flush=True)
    if todo == "wait":
        while not Path(rest[0]).exists():
            time.sleep(0.1)
    return int(rest[0]) if todo == "exit" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
