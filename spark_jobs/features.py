"""Compute factor sets for every session up to --session that lacks them.

Inputs: bars_snapshot, actions_snapshot, for sets that read filings filings_snapshot; factor_sets, if they are not those
of the daily models. The work is done by ``afterbell.features.job``, which a backfill calls for each of its chunks.
"""

from __future__ import annotations

import sys

from afterbell.features.job import features
from afterbell.run.job import run_step
from afterbell.run.steps import FEATURES

if __name__ == "__main__":
    sys.exit(run_step(FEATURES, features))
