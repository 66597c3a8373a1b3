"""Make the user ``admin`` of Airflow's login page, or give it the password of this start: AIRFLOW_ADMIN_PASSWORD."""

from __future__ import annotations

import logging
import os

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.utils.providers_configuration_loader import providers_configuration_loaded

NAME = "admin"


@providers_configuration_loaded
def main() -> None:
    """In the database that Airflow's configuration names; the password is in no argument and no log."""
    logging.disable(logging.INFO)
    password = os.environ["AIRFLOW_ADMIN_PASSWORD"]
    with get_application_builder() as builder:
        security = builder.sm
        user = security.find_user(NAME)
        if user is None:
            role = security.find_role("Admin")
            if not security.add_user(NAME, "Afterbell", "Admin", "admin@localhost.invalid", role, password):
                raise SystemExit("admin: the user could not be made; the log above says why")
        elif not security.check_password(NAME, password):
            security.reset_password(user.id, password)
    print(f"the user {NAME} may sign in", flush=True)


if __name__ == "__main__":
    main()
