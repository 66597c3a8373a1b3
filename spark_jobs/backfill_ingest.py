"""Take in and audit the drops of a range, chunk by chunk in one driver; a daily run goes first.

Inputs: backfill_id, whose plan is in the artifact store. The work is done by ``afterbell.backfill.run``.
"""

from __future__ import annotations

import sys

from afterbell.backfill.run import backfill_ingest
from afterbell.run.job import run_step
from afterbell.run.steps import BACKFILL_INGEST

if __name__ == "__main__":
    sys.exit(run_step(BACKFILL_INGEST, backfill_ingest))
