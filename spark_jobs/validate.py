"""Audit what the branch of an ingest run adds, then move ``main`` of every table to it; or publish nothing.

Inputs: branch. The work is done by ``afterbell.quality.job``, which a backfill calls for each of its chunks.
"""

from __future__ import annotations

import sys

from afterbell.quality.job import validate
from afterbell.run.job import run_step
from afterbell.run.steps import VALIDATE

if __name__ == "__main__":
    sys.exit(run_step(VALIDATE, validate))
