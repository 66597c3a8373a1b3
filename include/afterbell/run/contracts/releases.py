"""Contracts of what people start by a form: releases, refused drops, and the weekly maintenance; and the probe's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from afterbell.run.contracts.base import Figure, Inputs, Instant, Record, Result, stored_as


class ReleaseDropInputs(Inputs):
    """The refused drop to release, who releases it and why."""

    refusal_id: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    by: str = Field(min_length=1)


class ReleaseDropResult(Result):
    """The released drop: its refusal's id, its key, whether that is new, and a summary."""

    id: str
    key: str
    changed: bool
    summary: Annotated[str, stored_as("said")]


class CheckReleaseInputs(Inputs):
    """The requested action.

    Attributes:
        action: ``verify``, ``rollback`` or ``promote``.
        release_id: which; empty for the champion, or the release before it.
        reason: why; empty to verify.
        by: who.
    """

    action: str
    release_id: str
    reason: str
    by: str


class VerifiedFiles(Record):
    """A release that was verified: its files, their bytes, and the models that predicted."""

    release_id: str
    files: int
    size: int
    predicted: int


class CheckReleaseResult(Result):
    """The effect of the action, before it is carried out.

    Attributes:
        champion: the release that serves; None where none does.
        target: the release that is to serve, or was verified.
        moves: whether the champion would move.
        summary: the same in a sentence.
        verified: what the verification saw.
    """

    champion: str | None
    target: str
    moves: bool
    summary: Annotated[str, stored_as("said")]
    verified: VerifiedFiles | None


class MoveChampionInputs(Inputs):
    """The approved action.

    Attributes:
        action: ``rollback`` or ``promote``.
        reason: why.
        by: who requested it.
        approved_by: who agreed.
        champion: the release that served when they agreed.
        target: the release that is to serve.
    """

    action: str
    reason: str
    by: str
    approved_by: str
    champion: str | None
    target: str


class MoveChampionResult(Result):
    """The champion now, the one before, whether it moved, and why."""

    champion: str | None
    previous: str | None
    moved: bool
    reason: str


class ExperimentPromoteResult(MoveChampionResult):
    """The move of a promotion, with the release of the experiment."""

    release_id: str


class MaintainInputs(Inputs):
    """The instant that ages count from, and whether only to report."""

    now: Instant
    dry_run: bool


class TendedTable(Record):
    """The maintenance of one table, as ``afterbell.lake.maintenance`` counts it."""

    branches: tuple[str, ...]
    postponed: tuple[str, ...]
    compacted: int
    files: int
    manifests: int
    snapshots: int
    deleted: int
    orphans: int


class MaintainResult(Result):
    """One round over everything: each table, the folders removed, the documents and releases read, and the sums."""

    dry_run: bool
    tables: Mapping[str, TendedTable]
    folders: tuple[str, ...]
    documents: int
    releases: int
    compacted: int
    files: int
    manifests: int
    snapshots: int
    deleted: int
    orphans: int


class ProbeInputs(Inputs):
    """The address of a file that the submitter put into the profile's share; empty where there is none."""

    share: str = ""


class ProbedHost(Record):
    """Python and packages of a process, and the cores of its host."""

    host: str
    executor: str
    python: str
    packages: Mapping[str, str]
    cores: int


class ProbedDriver(ProbedHost):
    """The driver: its Python and packages, cores, and Java."""

    java: str


class ProbedExecutor(ProbedHost):
    """An executor, its differences from the driver, and its problems; empty texts: none."""

    memory_gb: Figure
    rooms: str
    stores: str
    warehouse: str
    differs: tuple[str, ...]


class ProbeResult(Result):
    """The driver, the executors, the Javas of tasks, and the troubles of the driver.

    ``share`` is None where there was no file to read.
    """

    driver: ProbedDriver
    executors: tuple[ProbedExecutor, ...]
    javas: tuple[str, ...]
    application: str
    warehouse: str
    catalog: str
    share: str | None
