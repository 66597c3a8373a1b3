"""What live signals earned: the rank IC of what was written to ``signals.daily`` against the labels known since."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from afterbell.errors import PermanentError
from afterbell.evaluation.metrics import mean_of
from afterbell.evaluation.overlap import Mean
from afterbell.evaluation.panel import BLEND

_SIGNAL = ("as_of", "horizon")
_SESSION = ("session", "horizon", "label_horizon")


def live_rank_ics(signals: pl.DataFrame, labels: pl.DataFrame, least: int) -> pl.DataFrame:
    """The rank IC of the blend by session, against the labels of every horizon.

    A signal for one horizon is compared with the labels of the others too: so its decay shows.

    Args:
        signals: rows of ``signals.daily`` of what served: symbol, as_of (the session whose features were scored),
            horizon, family, score; families other than the blend are passed over.
        labels: symbol, session, horizon, label (simple return, null or NaN where it is not known), one row each.
        least: sessions with fewer symbols that have both are left out.

    Returns:
        session (date), horizon (of the signal), label_horizon, rank_ic (float64, never NaN), symbols; ordered by
        horizon, label_horizon and session. A session without labels yet, or where nothing varies, has no row.

    Raises:
        PermanentError: a symbol has several blends of one session and horizon, or several labels: the rows are of
            more than one release, and there would be no telling which was live.
    """
    blends = signals.filter((pl.col("family") == BLEND) & pl.col("score").is_finite())
    known = labels.filter(pl.col("label").is_finite()).rename({"horizon": "label_horizon"})
    _require_once(blends, ["symbol", *_SIGNAL], "signals")
    _require_once(known, ["symbol", "session", "label_horizon"], "labels")
    both = blends.select("symbol", *_SIGNAL, "score").join(
        known.select("symbol", "session", "label_horizon", "label"),
        left_on=["symbol", "as_of"],
        right_on=["symbol", "session"],
        how="inner",
    )
    ranked = both.rename({"as_of": "session"}).with_columns(pl.col("score", "label").rank("average").over(_SESSION))
    by_session = ranked.group_by(_SESSION).agg(rank_ic=pl.corr("score", "label"), symbols=pl.len())
    return by_session.filter((pl.col("symbols") >= least) & pl.col("rank_ic").is_finite()).sort(
        "horizon", "label_horizon", "session"
    )


def decay(rank_ics: pl.DataFrame) -> Mapping[tuple[int, int], Mean]:
    """The mean live rank IC of the signals of each horizon against the labels of each horizon, with its error.

    Args:
        rank_ics: as ``live_rank_ics`` returns them.

    Returns:
        By horizon of the signal and horizon of the label, ascending.
    """
    groups = rank_ics.partition_by("horizon", "label_horizon", maintain_order=True, as_dict=True)
    return {
        (int(horizon), int(label)): mean_of(rows.sort("session")["rank_ic"].to_numpy(), int(label))
        for (horizon, label), rows in sorted(groups.items())
    }


def _require_once(rows: pl.DataFrame, key: list[str], what: str) -> None:
    repeated = rows.filter(pl.struct(key).is_duplicated())
    if not repeated.is_empty():
        first = repeated.sort(key).row(0, named=True)
        raise PermanentError(
            f"live {what}: {', '.join(f'{name} {first[name]}' for name in key)} stands more than once; "
            "pass the signals of one release a session, and each label once"
        )
