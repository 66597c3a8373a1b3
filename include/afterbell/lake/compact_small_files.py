"""Small files of a table, merged by each writer, so that the cost of reading depends on its rows alone.

A table without partitions gets a file a commit, and every ingest reads some of these tables whole. ``maintenance``
tidies ``main`` once a week, every partition of it; until then the files would be as many as the sessions that came.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from afterbell.config.runtime import S3Location
from afterbell.lake.files import data_file, write_files
from afterbell.lake.scan import lake_file, planned, read_files
from afterbell.lake.shape import Shape
from afterbell.lake.snapshots import live, persistently, ref_of
from afterbell.lake.tables import Table

FEW = 16
"""Small files that a table may have."""
_SMALL = 8 * 1024 * 1024


def fold(spark: SparkSession, table: Table, shape: Shape, s3: S3Location, branch: str, base: int) -> None:
    """Replace the small files of ``table``, where they are more than ``FEW``, by one of the same rows, on ``branch``.

    The snapshot is of the kind ``replace``: it does not count as something that the branch adds, and snapshots before
    it keep their files. A table with partitions is left as it is: a reader opens those of a few partitions only.

    Args:
        spark: a session on the lake.
        table: the table.
        shape: the table's.
        s3: where S3 is, if the table is there.
        branch: made at ``base`` if it isn't there.
        base: the snapshot whose files are examined.
    """
    if shape.source:
        return
    live_table = live(spark, table)
    if int(live_table.snapshot(base).summary().get("total-data-files") or 0) <= FEW:
        return
    small = [file for file in planned(spark, live_table, base) if file.fileSizeInBytes() < _SMALL]
    if len(small) <= FEW:
        return
    rows = read_files([lake_file(live_table, file) for file in small], shape, s3)
    made = write_files(rows.sort(rows.columns, nulls_last=True), shape, s3)
    old, new = (spark._jvm.java.util.HashSet() for _ in range(2))  # noqa: SLF001 - Spark has no public door to Iceberg
    for file in small:
        old.add(file)
    for new_file in made:
        new.add(data_file(spark, live_table, new_file))

    def act() -> None:
        change = live(spark, table).newTransaction()
        if ref_of(change.table(), branch) is None:
            change.manageSnapshots().createBranch(branch, base).commit()
        change.newRewrite().rewriteFiles(old, new).toBranch(branch).commit()
        change.commitTransaction()

    persistently(f"table {table.name}, branch {branch}", act)
