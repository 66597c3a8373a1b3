"""Great Expectations, imported late: its import takes seconds, and only the audit needs it."""

from __future__ import annotations

import importlib
import logging
import os
import threading
from typing import Any

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: it sends nothing from here


def library() -> Any:
    """The module ``great_expectations``."""
    module = importlib.import_module("great_expectations")
    importlib.import_module("great_expectations.expectations")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return module


def _import_all() -> None:
    library()
    importlib.import_module("afterbell.reporting.plots")  # the report's, which takes half a second


def import_in_background() -> threading.Thread:
    """Start the import beside something that waits, such as the start of a JVM."""
    started = threading.Thread(target=_import_all, name="import great_expectations", daemon=True)
    started.start()
    return started
