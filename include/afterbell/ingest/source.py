"""What a source delivers, declared in one typed YAML file each (``include/config/sources``)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import Strict, config_folder, load_named
from afterbell.errors import ConfigError

Kind = Literal["bars", "filings", "symbols"]
ColumnType = Literal["string", "date", "double", "bigint", "int", "boolean"]
MIB = 1024 * 1024


class Column(Strict):
    """One column of a drop: the name it gets here, and its type. Whether it may be empty is for the rules to say."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType


class Format(Strict):
    """How the bytes of a drop are laid out.

    Attributes:
        delimiter: one character between fields; fields are never quoted.
        header: ``required``; ``optional`` where the vendor sometimes leaves it out; ``none``.
        compression: of the object as it is stored.
        encoding: the only one that is read.
        extra_columns: what to do with columns the header names but the source doesn't.
    """

    delimiter: str = Field(min_length=1, max_length=1)
    header: Literal["required", "optional", "none"] = "required"
    compression: Literal["gzip", "none"] = "gzip"
    encoding: Literal["utf-8"] = "utf-8"
    extra_columns: Literal["refuse", "ignore"] = "refuse"


class Knowledge(Strict):
    """When a drop's content is known: a delay after the closing bell of the session it is named after."""

    rule: Literal["session_close"] = "session_close"
    delay_minutes: int = Field(ge=0, le=24 * 60)


class Limits(Strict):
    """Beyond these a drop is refused, so that no bad or hostile object fills the memory of a task."""

    compressed_bytes: int = Field(default=64 * MIB, gt=0)
    uncompressed_bytes: int = Field(default=512 * MIB, gt=0)
    ratio: int = Field(default=200, gt=1)
    line_bytes: int = Field(default=4096, gt=0)


class Budget(Strict):
    """How much of a drop may be set aside: exceeded by more than ``lines`` that are also more than ``share``."""

    share: float = Field(ge=0, le=1)
    lines: int = Field(default=0, ge=0)

    def exceeded(self, quarantined: int, lines: int) -> bool:
        """Whether ``quarantined`` of ``lines`` data lines are too many."""
        return quarantined > self.lines and quarantined > self.share * lines


class Source(Strict):
    """One vendor feed.

    Attributes:
        name: the file's name, and the source's in every table.
        kind: what the rows are; decides the table they go to.
        store: ``s3`` (the feed bucket) or ``hdfs`` (below the feed's root).
        prefix: where its objects lie.
        key_pattern: a regular expression a whole key must match, with a group ``session``.
        session_format: how the key writes the session.
        exchange: whose sessions the keys are named after.
        time_zone: the zone in which naive times of this source are meant.
        knowledge: the rule of the knowledge time.
        carries: the sessions that a drop may have rows of, seen from its own.
        columns: the vendor's column name to ours; without a header, in the order of the fields.
        symbol_pattern: the allow-list for symbols.
        quality: the rule set (``include/config/quality``) that its rows must pass.
        quarantine_budget: how much of one drop may be set aside.
        required: whether a session without its drop fails.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind
    store: Literal["s3", "hdfs"]
    prefix: str = Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.=-]*/)+$")
    key_pattern: str
    session_format: str = "%Y%m%d"
    exchange: str = "XNYS"
    time_zone: str
    knowledge: Knowledge
    carries: tuple[Literal["same", "previous"], ...] = ("same",)
    format: Format
    columns: dict[str, Column] = Field(min_length=1)
    symbol_pattern: str
    limits: Limits = Limits()
    quality: str
    quarantine_budget: Budget
    required: bool = False

    @field_validator("key_pattern")
    @classmethod
    def _names_the_session(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"is not a regular expression ({error})") from error
        if "session" not in groups:
            raise ValueError(r"needs a group named session, such as (?P<session>\d{8})")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is not a time zone; write one such as America/New_York") from error
        return value

    @model_validator(mode="after")
    def _has_a_symbol(self) -> Source:
        names = [column.name for column in self.columns.values()]
        if "symbol" not in names or len(set(names)) != len(names):
            raise ValueError("columns must map to distinct names, one of them `symbol`")
        if self.kind == "bars" and "session" not in names:
            raise ValueError("columns of bars must map one to `session`")
        return self

    def session_of(self, key: str) -> date | None:
        """The session that ``key`` is named after; None where the key isn't one of this source's."""
        found = re.fullmatch(self.key_pattern, key)
        if found is None:
            return None
        try:
            return datetime.strptime(found["session"], self.session_format).replace(tzinfo=UTC).date()
        except ValueError:
            return None

    def knowledge_time(self, session: date) -> datetime:
        """When the drop of ``session`` is known, in UTC."""
        return Exchange(self.exchange).close(session) + timedelta(minutes=self.knowledge.delay_minutes)

    def sessions_carried(self, session: date) -> tuple[date, ...]:
        """The sessions that the drop of ``session`` may have rows of."""
        exchange = Exchange(self.exchange)
        steps = {"same": lambda: session, "previous": lambda: exchange.previous(session)}
        return tuple(steps[which]() for which in self.carries)

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"{self.store}:{self.prefix}"


def load_source(name: str) -> Source:
    """The source ``name``.

    Raises:
        ConfigError: there is none, a key of it is wrong, or its name differs from its file's.
    """
    found = load_named("sources", name, Source)
    if found.name != name:
        raise ConfigError(f"sources/{name}.yaml: name: expected {name!r}, found {found.name!r}")
    return found


def load_sources() -> tuple[Source, ...]:
    """Every source there is, in the order of their names.

    Raises:
        ConfigError: one is wrong, or there is none.
    """
    folder = config_folder() / "sources"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if not names:
        raise ConfigError(f"{folder}: no source is declared there; add one such as us_daily_prices.yaml")
    return tuple(load_source(name) for name in names)
