"""Bars that one job has read and another numbers, by month: files that no commit names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from afterbell.ingest.plan import DropTask
from afterbell.ingest.slices import DropSlice
from afterbell.lake.files import NewFile
from afterbell.lake.scan import LakeFile
from afterbell.sources.source import history_sessions


@dataclass(frozen=True)
class StagedMonths:
    """Bars that are staged, by month.

    Attributes:
        files: with the bars of each month, by its first day.
        exchange: the exchange of their sessions.
        last: no bar is of a later session.
        delivered: when the objects that they are from count as delivered, by source.
    """

    files: Mapping[date, list[LakeFile]]
    exchange: str
    last: date
    delivered: Mapping[str, datetime]

    @classmethod
    def gather(cls, staged: Sequence[NewFile], tasks: Sequence[DropTask], exchange: str, last: date) -> StagedMonths:
        """The months of ``staged``, the files of objects that ``tasks`` have read up to the session ``last``."""
        files: dict[date, list[LakeFile]] = {}
        for file in staged:
            number = int(file.partition.rpartition("=")[2])
            month = date(1970 + number // 12, number % 12 + 1, 1)
            files.setdefault(month, []).append(LakeFile(file.path, number, file.body, file.rows))
        delivered = {task.source: task.knowledge_time for task in tasks if task.knowledge_time is not None}
        return cls(files, exchange, last, delivered)

    def of(self, work: DropSlice) -> list[LakeFile]:
        """The files with bars that the task of ``work`` numbers."""
        return self.files.get(work.bucket, []) if work.bucket is not None and work.kind == "bars" else []

    def sessions(self, work: DropSlice) -> list[date]:
        """The sessions that the bars of the task of ``work`` may be of."""
        return [] if work.bucket is None else self.sessions_of(work.bucket)

    def sessions_of(self, month: date) -> list[date]:
        """The sessions of a month that may have staged bars."""
        end = date(month.year + month.month // 12, month.month % 12 + 1, 1) - timedelta(days=1)
        return [day for day in history_sessions(self.exchange, self.last) if month <= day <= end]
