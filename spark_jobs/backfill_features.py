"""Compute factor sets for the sessions of a range that lack them, chunk by chunk in one driver; a daily run goes first.

Inputs: backfill_id, whose plan is in the artifact store. The work is done by ``afterbell.backfill.run``.
"""

from __future__ import annotations

import sys

from afterbell.backfill.run import backfill_features
from afterbell.run.job import run_step
from afterbell.run.steps import BACKFILL_FEATURES

if __name__ == "__main__":
    sys.exit(run_step(BACKFILL_FEATURES, backfill_features))
