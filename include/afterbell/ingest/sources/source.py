"""What a source delivers, declared in one typed YAML file each (``include/config/sources``)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import Strict, config_folder, load_named
from afterbell.config.patterns import check_value_pattern, compile_key_pattern
from afterbell.errors import ConfigError
from afterbell.ingest.sources.layout import Column, ColumnType, Format, Limits
from afterbell.ingest.sources.reported import Kinds, check_reported
from afterbell.ingest.sources.terms import Arrival, Budget, Completion, Knowledge

Kind = Literal["bars", "minute_bars", "filings", "symbols", "actions"]
NEEDED: dict[Kind, tuple[str, ...]] = {
    "bars": ("symbol", "session", "open", "high", "low", "close", "volume"),
    "minute_bars": ("symbol", "at", "open", "high", "low", "close", "volume"),
    "filings": ("symbol", "period_end", "amended", "doc_type"),
    "symbols": ("symbol", "name"),
    "actions": ("symbol", "ex_session"),
}
"""Columns that the rows of a kind cannot do without."""
TYPES: dict[str, ColumnType] = {
    "symbol": "string",
    "session": "date",
    "at": "timestamp",
    **dict.fromkeys(("open", "high", "low", "close", "adj_close"), "double"),
    "volume": "bigint",
    "period_end": "date",
}
"""Columns whose type is the same wherever they come from."""


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
        hours: the minutes that belong to a session: ``session``, from its opening bell to its close; ``day``, all of
            that day by the exchange's clocks.
        carries: the sessions that a drop may have rows of, seen from its own.
        columns: the vendor's column name to ours; without a header, in the order of the fields.
        symbol_pattern: the allow-list for symbols, at ingest and in the audit; there is no other one.
        limits: beyond which a drop is refused.
        kinds: of actions: the kind of all rows, or of each text in the column ``kind``.
        cumulative: of actions: whether each row has the factors up to and including its day, so that the steps between
            rows are the actions.
        rank: of what bars show of actions, or of reported ones, among all that say something of one session: the higher
            counts, of equal ones the newer.
        quality: the rule set (``include/config/quality``) that its rows must pass.
        quarantine_budget: how much of one drop may be set aside.
        duplicates: what rows of one drop are that differ under one key: ``set_aside``, all of them; ``last_wins``,
            deliveries one after another, of which the last counts.
        required: whether a session without its drop fails.
        arrival: how long a run waits for it, and what then.
        completion: how one tells that an object is whole.
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
    hours: Literal["session", "day"] = "session"
    carries: tuple[Literal["same", "previous"], ...] = ("same",)
    format: Format
    columns: dict[str, Column] = Field(min_length=1)
    symbol_pattern: str
    limits: Limits = Limits()
    kinds: Kinds | None = None
    cumulative: bool = False
    rank: int = Field(default=0, ge=-100, le=100)
    quality: str
    quarantine_budget: Budget
    duplicates: Literal["set_aside", "last_wins"] = "set_aside"
    required: bool = False
    arrival: Arrival = Arrival()
    completion: Completion = Completion()

    @field_validator("key_pattern")
    @classmethod
    def _names_the_session(cls, value: str) -> str:
        if "session" not in compile_key_pattern(value).groupindex:
            raise ValueError(r"needs a group named session, such as (?P<session>\d{8})")
        return value

    @field_validator("session_format")
    @classmethod
    def _writes_a_day(cls, value: str) -> str:
        day = datetime(2016, 11, 30, tzinfo=UTC)
        try:
            read = datetime.strptime(day.strftime(value), value).replace(tzinfo=UTC)
        except ValueError as error:
            raise ValueError(f"is not a format of a day ({error}); write one such as %Y%m%d") from error
        if read != day:
            raise ValueError("must tell year, month and day, such as %Y%m%d or %Y-%m-%d")
        return value

    @field_validator("symbol_pattern")
    @classmethod
    def _runs_everywhere(cls, value: str) -> str:
        return check_value_pattern(value)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as America
            raise ValueError("is not a time zone; write one such as America/New_York") from error
        return value

    @model_validator(mode="after")
    def _has_the_columns_of_its_kind(self) -> Source:
        names = [column.name for column in self.columns.values()]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"columns must map to distinct names; repeated: {', '.join(repeated)}")
        missing = [name for name in NEEDED[self.kind] if name not in names]
        if missing:
            raise ValueError(f"columns of {self.kind} must map one to each of: {', '.join(missing)}")
        if self.kind == "minute_bars" and "session" in names:
            raise ValueError("the session of minute bars comes from `at`; leave out the column mapped to it")
        types = {column.name: column.type for column in self.columns.values()}
        wrong = [f"{name}: {TYPES[name]}" for name in types if name in TYPES and types[name] != TYPES[name]]
        if wrong:
            raise ValueError(f"columns of a fixed type have another one; expected {', '.join(wrong)}")
        return self

    @model_validator(mode="after")
    def _says_all_that_actions_need(self) -> Source:
        if self.kind == "actions":
            types = {column.name: column.type for column in self.columns.values()}
            check_reported(types, self.kinds, cumulative=self.cumulative)
        elif self.kinds is not None or self.cumulative:
            name = "cumulative" if self.kinds is None else "kinds"
            raise ValueError(f"{name} belongs to a source of kind actions; leave it out")
        if self.rank and self.kind not in {"bars", "actions"}:
            raise ValueError("rank belongs to a source of kind bars or actions; leave it out")
        return self

    @model_validator(mode="after")
    def _can_tell_a_header_from_a_row(self) -> Source:
        if self.format.header == "optional" and all(column.type == "string" for column in self.columns.values()):
            raise ValueError(
                "format.header: optional needs a column that isn't text, or a header can't be told from a row; write "
                "required or none"
            )
        return self

    @model_validator(mode="after")
    def _waits_for_what_it_requires(self) -> Source:
        if self.required and self.arrival.expected != "every_session":
            raise ValueError("a required source must be expected every session: arrival.expected, or required: false")
        if self.required and self.arrival.late != "fail":
            raise ValueError("a required source cannot go on without a drop: arrival.late: fail, or required: false")
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
