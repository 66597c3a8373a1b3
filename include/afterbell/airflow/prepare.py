"""Bring Airflow's database up to date and create the pools: ``python -m afterbell.airflow.prepare``.

In an Airflow of your own run it once after each update; running it again changes nothing.
"""

from __future__ import annotations

from airflow.models.pool import Pool
from airflow.utils.db import upgradedb
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import Session

from afterbell.airflow.pools import POOLS


def create_pools(session: Session) -> list[str]:
    """Create the pools that are missing; existing ones keep the slots that somebody gave them.

    Returns:
        The names of the pools that were created.
    """
    existing = set(session.scalars(select(Pool.pool).where(Pool.pool.in_(POOLS))))
    missing = {name: body for name, body in POOLS.items() if name not in existing}
    for name, (slots, description) in missing.items():
        session.add(Pool(pool=name, slots=slots, description=description, include_deferred=False))
    return list(missing)


def main() -> None:
    """Migrate, then create the pools."""
    upgradedb()
    with create_session() as session:
        created = create_pools(session)
    print(f"the database is current; pools created: {', '.join(created) or 'none'}", flush=True)


if __name__ == "__main__":
    main()
