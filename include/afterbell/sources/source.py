"""A source, declared in a typed YAML file of its own (``include/config/sources``)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import Strict, config_folder, load_named
from afterbell.config.patterns import check_value_pattern, compile_key_pattern
from afterbell.errors import ConfigError
from afterbell.sources.column import Column, ColumnType
from afterbell.sources.keys import (
    SESSION,
    SYMBOL,
    check_session_format,
    groups_of,
    in_case,
    is_passed_over,
    session_in,
)
from afterbell.sources.layout import MEMBER_GROUP, Format, Limits
from afterbell.sources.plausible import CHANGE, Plausible, default_bounds
from afterbell.sources.reported import Kinds, check_reported
from afterbell.sources.terms import Arrival, Budget, Completion, Knowledge

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
        key_pattern: a regular expression a whole key must match, with a group ``session``; with a group ``symbol``
            where each object is about one symbol, and no column names it.
        session_format: how the key writes the session.
        include: regular expressions for whole keys; where there are some, other objects are left alone.
        exclude: the same of objects that are left alone: neither read nor named as strays.
        exchange: whose sessions the keys are named after.
        time_zone: the zone in which naive times of this source are meant.
        knowledge: the rule of the knowledge time.
        hours: the minutes that belong to a session: ``session``, from its opening bell to its close; ``day``, all of
            that day by the exchange's clocks.
        carries: the sessions that a drop may have rows of, seen from its own; ``history`` where each object has all
            sessions up to now, grows, and its key names none.
        columns: the vendor's column name to ours; without a header, in the order of the fields.
        case: the letters of a symbol: ``as_is``, or ``upper``, made upper-case wherever it comes from.
        symbol_pattern: the allow-list for symbols, at ingest and in the audit; there is no other one.
        limits: beyond which a drop is refused.
        kinds: of actions: the kind of all rows, or of each text in the column ``kind``.
        cumulative: of actions: whether each row has the factors up to and including its day, so that the steps between
            rows are the actions.
        rank: of what bars show of actions, or of reported ones, among all that report about one session: the higher
            counts, of equal ones the newer.
        quality: the rule set (``include/config/quality``) that its rows must pass.
        quarantine_budget: how much of one drop may be set aside.
        plausible: bounds of what can be prices; beyond them a drop is a mistake of the source's.
        duplicates: what rows of one drop are that differ under one key: ``set_aside``, all of them; ``last_wins``,
            deliveries one after another, of which the last counts.
        required: whether a session without its drop fails.
        arrival: how long a run waits for it, and what then.
        completion: the rule by which an object is known to be whole.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind
    store: Literal["s3", "hdfs"]
    prefix: str = Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.=-]*/)+$")
    key_pattern: str
    session_format: str = "%Y%m%d"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    exchange: str = "XNYS"
    time_zone: str
    knowledge: Knowledge
    hours: Literal["session", "day"] = "session"
    carries: tuple[Literal["same", "previous", "history"], ...] = ("same",)
    format: Format
    columns: dict[str, Column] = Field(min_length=1)
    case: Literal["as_is", "upper"] = "as_is"
    symbol_pattern: str
    limits: Limits = Limits()
    kinds: Kinds | None = None
    cumulative: bool = False
    rank: int = Field(default=0, ge=-100, le=100)
    quality: str
    quarantine_budget: Budget
    plausible: Plausible | None = None
    duplicates: Literal["set_aside", "last_wins"] = "set_aside"
    required: bool = False
    arrival: Arrival = Arrival()
    completion: Completion = Completion()

    @field_validator("key_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        compile_key_pattern(value)
        return value

    @field_validator("carries", mode="before")
    @classmethod
    def _may_be_one_word(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("include", "exclude")
    @classmethod
    def _are_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            compile_key_pattern(pattern)
        return value

    @field_validator("session_format")
    @classmethod
    def _writes_a_day(cls, value: str) -> str:
        return check_session_format(value)

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
    def _names_the_session(self) -> Source:
        if (SESSION in groups_of(self.key_pattern)) == self.is_history:
            raise ValueError(
                "carries: history has rows of many sessions in an object: leave (?P<session>...) out of key_pattern"
                if self.is_history
                else r"key_pattern needs a group named session, such as (?P<session>\d{8})"
            )
        return self

    @model_validator(mode="after")
    def _can_carry_its_history(self) -> Source:
        if not self.is_history:
            return self
        wrong = {
            "carries: history can't be combined with other sessions": len(self.carries) > 1,
            "carries: history belongs to kind: bars": self.kind != "bars",
            "carries: history needs format.type: csv": self.format.type != "csv",
            "carries: history can't be required: its objects name no session; write required: false": self.required,
            "carries: history can't be waited for: arrival.expected: sometimes": self.arrival.expected != "sometimes",
            "carries: history is known to be whole by completion.rule: atomic, or by marker": (
                self.completion.rule == "settled"
            ),
        }
        reasons = [reason for reason, holds in wrong.items() if holds]
        if reasons:
            raise ValueError("; ".join(reasons))
        return self

    @model_validator(mode="after")
    def _has_the_columns_of_its_kind(self) -> Source:
        names = [column.name for column in self.columns.values()]
        if self.symbol_in_key and SYMBOL in names:
            raise ValueError(
                "the symbol comes from the group (?P<symbol>...) of key_pattern and from a column; leave one out"
            )
        names += [SYMBOL] if self.symbol_in_key else []
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"columns must map to distinct names; repeated: {', '.join(repeated)}")
        names += ["session"] if self.session_in_key else []
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
    def _takes_from_its_key_what_is_there(self) -> Source:
        lacking = sorted(set(self.format.member_groups) - groups_of(self.key_pattern))
        if lacking:
            raise ValueError(
                f"format.member names groups that key_pattern doesn't have: {', '.join(lacking)}; add (?P<{lacking[0]}>"
                "...) to key_pattern, or write the name of the member"
            )
        if self.plausible is not None and self.kind not in {"bars", "minute_bars"}:
            raise ValueError("plausible belongs to sources of bars and minute_bars; leave it out")
        return self

    @model_validator(mode="after")
    def _check_columns_of_actions(self) -> Source:
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
    def _check_header_is_recognisable(self) -> Source:
        if self.format.header == "optional" and all(column.type == "string" for column in self.columns.values()):
            raise ValueError(
                "format.header: optional needs a column that isn't text, or a header can't be distinguished from a "
                "row; write required or none"
            )
        return self

    @model_validator(mode="after")
    def _waits_for_what_it_requires(self) -> Source:
        if self.required and self.arrival.expected != "every_session":
            raise ValueError("a required source must be expected every session: arrival.expected, or required: false")
        if self.required and self.arrival.late != "fail":
            raise ValueError("a required source cannot go on without a drop: arrival.late: fail, or required: false")
        return self

    @property
    def is_history(self) -> bool:
        """Whether an object has all sessions up to now."""
        return "history" in self.carries

    @property
    def symbol_in_key(self) -> bool:
        """Whether each object is about one symbol, which its key names."""
        return SYMBOL in groups_of(self.key_pattern)

    @property
    def session_in_key(self) -> bool:
        """Whether all bars of an object are of the session that its key names, without a column for it."""
        named = any(column.name == "session" for column in self.columns.values())
        return self.kind == "bars" and self.carries == ("same",) and not named

    @property
    def column_names(self) -> frozenset[str]:
        """The columns of its rows: its own, and those from the key or the calendar."""
        derived = {SYMBOL: self.symbol_in_key, "session": self.kind == "minute_bars" or self.session_in_key}
        names = {column.name for column in self.columns.values()}
        return frozenset(names | {name for name, holds in derived.items() if holds})

    def passes_over(self, key: str) -> bool:
        """Whether an object is left alone by its key: neither read nor named as a stray."""
        return is_passed_over(key, self.include, self.exclude)

    def groups(self, key: str) -> dict[str, str | None] | None:
        """The groups of ``key_pattern`` in ``key``; None if the key isn't one of this source."""
        match = None if self.passes_over(key) else re.fullmatch(self.key_pattern, key)
        return None if match is None else match.groupdict()

    def session_of(self, key: str) -> date | None:
        """The session that ``key`` is named after; None where the key isn't one of this source's."""
        groups = self.groups(key)
        return None if groups is None else session_in(groups, self.session_format)

    def is_named(self, key: str) -> bool:
        """Whether ``key`` is that of one of this source's objects."""
        groups = self.groups(key)
        return groups is not None and (self.is_history or session_in(groups, self.session_format) is not None)

    def symbol_of(self, key: str) -> str | None:
        """The symbol that ``key`` names, in the letters it is stored in; None where it names none."""
        symbol = (self.groups(key) or {}).get(SYMBOL)
        return None if symbol is None else in_case(symbol, self.case)

    def member_pattern(self, key: str) -> str:
        """The name, as a regular expression, of what is read out of the zip ``key``; empty for its only member."""
        groups = self.groups(key) or {}
        return MEMBER_GROUP.sub(lambda group: re.escape(groups.get(group[1]) or ""), self.format.member)

    def price_bounds(self) -> tuple[float, float]:
        """Bounds of the median close of its symbols, in the exchange's currency."""
        declared = None if self.plausible is None else self.plausible.median_close
        return declared or default_bounds(self.exchange)

    def price_change(self) -> float:
        """How many times those known before, or one over it, the prices of a session may be in the median."""
        return CHANGE if self.plausible is None else self.plausible.change

    def knowledge_time(self, session: date) -> datetime:
        """When the drop of ``session`` is known, in UTC."""
        return Exchange(self.exchange).close(session) + timedelta(minutes=self.knowledge.delay_minutes)

    def sessions_carried(self, session: date) -> tuple[date, ...]:
        """The sessions that the drop of ``session`` may have rows of."""
        exchange = Exchange(self.exchange)
        if self.is_history:
            return history_sessions(self.exchange, session)
        steps = {"same": lambda: session, "previous": lambda: exchange.previous(session)}
        return tuple(steps[which]() for which in self.carries)

    @property
    def where(self) -> str:
        """Its place, for messages."""
        return f"{self.store}:{self.prefix}"


@lru_cache(maxsize=8)
def history_sessions(exchange: str, last: date) -> tuple[date, ...]:
    """The sessions of an exchange up to ``last``, except its calendar's first: the one before it is unknown."""
    calendar = Exchange(exchange)
    return tuple(calendar.between(calendar.next(calendar.first), last))


def load_source(name: str) -> Source:
    """The source ``name``.

    Raises:
        ConfigError: the file is missing, a key of it is wrong, or its name differs from the file's.
    """
    source = load_named("sources", name, Source)
    if source.name != name:
        raise ConfigError(f"sources/{name}.yaml: name: expected {name!r}, found {source.name!r}")
    return source


def load_sources() -> tuple[Source, ...]:
    """Every source there is, in the order of their names.

    Raises:
        ConfigError: one is wrong, or no source is declared.
    """
    folder = config_folder() / "sources"
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if not names:
        raise ConfigError(f"{folder}: no source is declared there; add one such as us_daily_prices.yaml")
    return tuple(load_source(name) for name in names)
