"""Ingest the drops up to a session that the ledger doesn't know, onto a branch that the audit will judge.

Inputs: none. The work is done by ``afterbell.ingest.job``, which ``validate`` calls too when its base has moved.
"""

from __future__ import annotations

import sys

from afterbell.ingest.job import ingest
from afterbell.run.job import run_step
from afterbell.run.steps import INGEST

if __name__ == "__main__":
    sys.exit(run_step(INGEST, ingest))
