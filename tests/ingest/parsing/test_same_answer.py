"""However a drop is read, at once or line by line, its rows are those that a plain line-by-line reading gives."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import polars as pl
import pytest

from afterbell.ingest.parsing import quick
from afterbell.ingest.parsing.parse import DropName, ParsedDrop, parse_drop
from afterbell.sources.rules import RuleSet, load_rules
from afterbell.sources.source import load_source
from tests.ingest import reference
from tests.ingest.drops import BEFORE, DAY, GOOD, HEADER, KEY, body, prices

SOURCE = load_source("us_daily_prices")
# Jumps are judged by pairs of rows, and have tests of their own.
RULES = RuleSet(
    name="bars", rules=tuple(rule for rule in load_rules("bars").rules if rule.kind not in {"jump", "stale"})
)
TRAPS = (
    "1e5", "1E5", "1.E5", "1e-3", ".5", "5.", "-.5", "-5", "+5", "-0", "--5", "-", ".", "INF", "inf", "NaN", "-inf",
    "infinity", "1_0", "0x10", "1.2.3", "1-2", "12 ", " 12", "1 2", "", " ", "007", "0" * 60 + "1", "9" * 400,
    "0." + "3" * 60, "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1,5", "1;5", '"5"', "5\t",
    "5\x00", "5\r", "5\x7f", "\u0663", "\uff11\uff12", "5\u00a0", "N/A", "null", "1e400", "4" * 5000, "1.0", "12.50f",
    "1E", "E1", "5.E", "1." + "0" * 5000,
)  # fmt: skip
DAYS = ("2016-06-30", "2016-06-29", "2016-06-28", "2016-6-30", "30.06.2016", "20160630", "2016-06-31", "2016-06-30 ",
        " 2016-06-29", "\uff12016-06-30", "", "date", "2016-06-30T00:00", "2016/06/30")  # fmt: skip
SYMBOLS = ("A", "BRK.B", "BRK-B", "X^A", "ES=F", "3M", "A5", "A5E", "E", "", " A ", "a", "МSFT", "A B", '"A', "../A",  # noqa: RUF001
           "=A", "A" * 12, "A" * 13, "5E5", "A.", "NAN", "#A", "\ufeffA")  # fmt: skip


def outcome(parsed: ParsedDrop) -> tuple[list[object], list[tuple[int, str]], int]:
    aside = list(zip(parsed.rejected["line"].to_list(), parsed.rejected["rule"].to_list(), strict=True))
    return list(parsed.rows.iter_rows()), aside, parsed.collapsed


def parsed_as_reference(data: bytes, name: DropName) -> bool:
    rows, aside, collapsed = reference.read(data, name.carried)
    parsed = parse_drop(SOURCE, RULES, name, data)
    raw = gzip.decompress(data).decode().removeprefix("\ufeff").split("\n")
    assert outcome(parsed) == (rows, aside, collapsed)
    for line, text in zip(parsed.rejected["line"].to_list(), parsed.rejected["raw"].to_list(), strict=True):
        assert text == raw[line - 1].removesuffix("\r")[:1000]
    return True


def line(dice: random.Random) -> str:
    """A good line, but for one field or so in a hundred."""
    low = dice.randint(100, 90000)
    high = low + dice.randint(0, 500)
    cents = [dice.randint(low, high), high, low, dice.randint(low, high)]
    fields = [f"S{dice.randint(0, 400)}", str(dice.choice((DAY, BEFORE))), *(f"{cent / 100:.2f}" for cent in cents)]
    fields += [str(dice.randint(0, 10**7)), f"{cents[3] / 100:.2f}"]
    if dice.random() < 0.08:
        at = dice.randrange(8)
        fields[at] = dice.choice(SYMBOLS if at == 0 else DAYS if at == 1 else TRAPS)
    if dice.random() < 0.02:
        dice.choice((fields.pop, lambda: fields.append("1"), lambda: fields.insert(0, "")))()
    return ",".join(fields)


def drop(seed: int) -> bytes:
    dice = random.Random(seed)
    lines = [line(dice) for _ in range(dice.choice((1, 3, 300)))]
    for extra in (HEADER, "", "\r", "x" * 4097, HEADER.upper()):
        if dice.random() < 0.1:
            lines.insert(dice.randrange(len(lines) + 1), extra)
    lines += dice.sample(lines, k=min(len(lines), dice.choice((0, 0, 5))))
    text = dice.choice(("", "\ufeff")) + dice.choice(("\n", "\r\n")).join([HEADER, *lines])
    return gzip.compress((text + dice.choice(("", "\n", "\r\n", "\n\n"))).encode())


@pytest.mark.parametrize("first", range(0, 200, 20))
def test_generated_drops_with_faults_read_like_a_plain_reading(first: int) -> None:
    for seed in range(first, first + 20):
        assert parsed_as_reference(drop(seed), DropName(KEY, DAY, (DAY, BEFORE)))


def trapped(text: str, place: int) -> bool:
    fields = GOOD.split(",")
    fields[place] = text
    lines = [GOOD, ",".join(["B", *fields[1:]]), "C" + GOOD[4:]]
    return parsed_as_reference(body([HEADER, *lines]), DropName(KEY, DAY, (DAY, BEFORE)))


@pytest.mark.parametrize("place", range(2, 8))
def test_each_trap_alone_in_a_clean_drop_reads_like_a_plain_reading(place: int) -> None:
    assert all(trapped(text, place) for text in TRAPS)


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_a_trap_is_seen_wherever_the_pieces_that_are_looked_at_end(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "_PIECE", piece)
    assert all(trapped(text, place) for text in ("1e5", ".5", "5.", "-5", "+5", "1.E5", "5\x00") for place in (2, 7))


def test_a_reader_that_gives_up_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object, **__: object) -> pl.DataFrame:
        raise pl.exceptions.ComputeError("no")

    monkeypatch.setattr("afterbell.ingest.parsing.quick.pl.read_csv", give_up)
    for seed in range(10):
        assert parsed_as_reference(drop(seed), DropName(KEY, DAY, (DAY, BEFORE)))


def test_a_drop_in_several_blocks_reads_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afterbell.ingest.parsing.text._BLOCK", 1000)
    for seed in range(20):
        assert parsed_as_reference(drop(seed), DropName(KEY, DAY, (DAY, BEFORE)))


@pytest.mark.parametrize(
    ("text", "values"),
    [("007", [7.0]), ("0.1", [0.1]), ("12.340", [12.34]), ("1e1", []), (".5", []), ("5.", []), ("+5", []), ("INF", [])],
)
def test_well_known_traps_have_these_values(text: str, values: list[float]) -> None:
    assert prices(f"A,2016-06-30,{text},20.00,0.01,1.00,5,1.00").rows["open"].to_list() == values


@pytest.mark.market
def test_real_drops_read_like_a_plain_reading(market_drops: Path) -> None:
    names = sorted((market_drops / "s3" / "prices").glob("*/*.csv.gz"))
    odd = [path for path in names if path.name[:8] in {"20150406", "20150526", "20151117", "20160119", "20160216"}]
    read = 0
    for path in {*odd, *names[::14]}:
        session = SOURCE.session_of(f"prices/{path.parent.name}/{path.name}")
        if session is None or path.stat().st_size == 0:
            continue
        read += parsed_as_reference(path.read_bytes(), DropName(path.name, session, SOURCE.sessions_carried(session)))
    assert read > 25
