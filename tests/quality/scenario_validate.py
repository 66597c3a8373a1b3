"""Validate against another writer: what is ingested again on the new base, and when it gives up. Real S3 and HDFS.

Writes what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from afterbell.calendar.span import read_span
from afterbell.errors import AfterbellError
from afterbell.lake.commit import at_snapshot, head
from afterbell.lake.span import bars_span
from afterbell.lake.tables import BARS
from afterbell.quality import job as step
from afterbell.quality.report_store import newest_report
from afterbell.run.contracts.data import IngestResult
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from tests.ingest import world
from tests.ingest.scenario_ingest import Lake


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ["AFTERBELL_FEED_BUCKET"] = "validate-drops"
        # What is refused here must not be refused to others that deliver the same drops.
        os.environ["AFTERBELL_ARTIFACT_BUCKET"] = "validate-artifacts"
        os.environ["AFTERBELL_HDFS_ROOT"] += "/validate-drops"
        self.lake = Lake(home, "validate")
        stores = {kind: drop_store(kind, self.lake.runtime) for kind in ("s3", "hdfs")}
        stores["s3"].ensure_bucket()  # type: ignore[attr-defined]
        self.artifacts = ArtifactStore(self.lake.runtime.s3)
        self.artifacts.ensure_bucket()
        for (store, key), body in world.deliveries().items():
            stores[store].put(key, body)

    def another_writer(self) -> None:
        """A bar of nobody's on ``main``."""
        rows = at_snapshot(self.lake.spark, BARS, head(self.lake.spark, BARS)).limit(1)
        rows.selectExpr("'OTHER' AS symbol", *rows.columns[1:]).writeTo(BARS.full_name).append()

    def bars_of(self, number: int) -> int:
        return len([row for row in self.lake.rows("market.bars") if row[1] == str(world.day(number))])

    def good(self) -> dict[str, Any]:
        seen = self.lake.run(6, "first")
        key = seen["validate"]["quality_report"]
        session = world.day(6)
        found = read_span(self.artifacts)
        newest, latest = newest_report(self.artifacts, session), newest_report(self.artifacts, None)
        assert found is not None
        assert newest is not None
        assert latest is not None
        return {
            "key": key,
            "stored": [self.artifacts.exists(name) for name in (key, key.replace(".json", ".html"))],
            "beside": sorted(path.name for path in (self.home / "quality" / "validate_first").iterdir()),
            "newest": newest.run_id,
            "latest": str(latest.session),
            "none": newest_report(self.artifacts, date(2001, 1, 2)),
            "again": self.lake.validate(6, seen["ingest"]["branch"], "first"),
            "span": [str(day) for day in (found.first, found.last)],
            "same": bars_span(self.lake.runtime) == found,
            "held": sorted({row[1] for row in self.lake.rows("market.bars")}),
        }

    def lost(self) -> dict[str, Any]:
        """Another run brought the session, and two more, while this one was being judged."""
        branch = self.lake.ingest(7, "slow")["branch"]
        self.lake.run(9, "fast")
        before = self.lake.heads()
        result = self.lake.validate(7, branch, "slow")
        return {"noop": result["noop"], "unmoved": before == self.lake.heads(), "bars": self.bars_of(7)}

    def moved(self) -> dict[str, Any]:
        """Somebody else wrote to the bars: the drops are ingested again on top of it."""
        branch = self.lake.ingest(10, "moved")["branch"]
        self.another_writer()
        result = self.lake.validate(10, branch, "moved")
        others = [row for row in self.lake.rows("market.bars") if row[0] == "OTHER"]
        return {"noop": result["noop"], "bars": self.bars_of(10), "others": len(others)}

    def always(self) -> dict[str, Any]:
        """Somebody else is faster every time."""
        ingest, tries = step.ingest, []

        def overtaken(args: Any) -> IngestResult:
            found = ingest(args)
            tries.append(args.step)
            self.another_writer()
            return found

        step.ingest = overtaken
        try:
            branch = overtaken(self.lake.args("ingest", world.day(11), "late")).branch
            self.lake.validate(11, branch, "late")
            outcome = "published"
        except AfterbellError as error:
            outcome = f"{type(error).__name__}: {error}"
        finally:
            step.ingest = ingest
        return {"outcome": outcome, "tries": tries, "bars": self.bars_of(11)}

    def bad_branch(self) -> str:
        try:
            self.lake.validate(6, "audit_x; DROP TABLE")
        except AfterbellError as error:
            return f"{type(error).__name__}: {error}"
        return "passed"


def main() -> None:
    scenario = Scenario(Path(sys.argv[1]).parent)
    seen = {
        "good": scenario.good(),
        "lost": scenario.lost(),
        "moved": scenario.moved(),
        "always": scenario.always(),
        "bad_branch": scenario.bad_branch(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
