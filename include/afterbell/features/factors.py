"""Factor sets: declarations, and the hash that changes when what they mean does.

A set is a file in ``sets/`` that declares factors; a new kernel goes into a file of its own in ``kernels/``, with a
test of its answers. Changing a window, a kernel or anything below them changes the definition hash of the sets that use
it, and of no other: the features job then fills their tables anew. Comments, docstrings and blank lines change nothing.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from afterbell.features.compiled import Kernel, used_modules
from afterbell.features.filings import SeriesSource
from afterbell.features.grid import CUT_OFF

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
_ENGINE = "afterbell.features.compute"


@dataclass(frozen=True)
class Factor:
    """One factor.

    Attributes:
        name: the column's name, such as ``ROC20``.
        kernel: computes it.
        inputs: the series that the kernel takes, names of ``view.SERIES`` or of the set's source.
        window: sessions that it spans, 0 if it looks at its own session only; no look goes further back.
        answer: which of the kernel's answers it is.
        version: raise it to recompute without a change of code.
    """

    name: str
    kernel: Kernel
    inputs: tuple[str, ...]
    window: int = 0
    answer: int = 0
    version: int = 1


@dataclass(frozen=True)
class Groups:
    """Symbols sorted into groups, session by session.

    Attributes:
        by: the factor whose values decide; a symbol without a value is in no group.
        kernel: gives the codes ``0 .. parts - 1``, see ``kernels.section``.
        parts: how many groups there are.
    """

    by: Factor
    kernel: Kernel
    parts: int


@dataclass(frozen=True)
class CrossFactor:
    """Where a symbol's value of a factor stands among those of all symbols of the session.

    Attributes:
        name: the column's name, such as ``ROC20_rank``.
        of: the factor. It is computed along with it, and is no column unless the set declares it as one.
        kernel: computes where a value stands, see ``kernels.section``.
        within: the groups within which symbols are compared; None for the whole market.
        version: raise it to recompute without a change of code.
    """

    name: str
    of: Factor
    kernel: Kernel
    within: Groups | None = None
    version: int = 1


@dataclass(frozen=True)
class FactorSet:
    """Factors computed and stored together, in the table ``features.<name>``.

    Attributes:
        name: of the set.
        version: raise it to recompute all.
        factors: in the order of the columns.
        margin: sessions further back than the longest window that are looked at, to tell a gap at a window's begin
            from a symbol that was not listed yet.
        crossed: the columns after those.
        source: the further series that factors take; None for those of bars alone.
    """

    name: str
    version: int
    factors: tuple[Factor, ...]
    margin: int = 0
    crossed: tuple[CrossFactor, ...] = ()
    source: SeriesSource | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return (*(factor.name for factor in self.factors), *(cross.name for cross in self.crossed))

    @cached_property
    def computed(self) -> tuple[Factor, ...]:
        """The factors, and after them those that only others are made of."""
        grouping = [cross.within.by for cross in self.crossed if cross.within]
        return tuple(dict.fromkeys((*self.factors, *(cross.of for cross in self.crossed), *grouping)))

    @property
    def depth(self) -> int:
        """Sessions before its own that a row may look at: the longest window, one for returns, and the margin."""
        return max(factor.window for factor in self.computed) + 1 + self.margin

    @property
    def history(self) -> int:
        """Days before its session of which a row may look at filings, by period end, and at splits; 0 if it doesn't."""
        return self.source.history if self.source else 0

    @cached_property
    def definition_hash(self) -> str:
        """32 hexadecimal digits that stand for every declaration and all code behind it."""
        __import__(_ENGINE)
        modules = {_ENGINE, *(factor.kernel.module for factor in self.computed)}
        modules |= {cross.kernel.module for cross in self.crossed}
        modules |= {cross.within.kernel.module for cross in self.crossed if cross.within}
        modules |= {self.source.open.__module__} if self.source else set()
        used = set().union(*map(used_modules, modules))
        return definition_hash(self, {name: inspect.getsource(sys.modules[name]) for name in sorted(used)})


def definition_hash(factors: FactorSet, sources: dict[str, str]) -> str:
    """The hash of a set's declarations and of the ``sources`` (by module) that compute it."""
    declared = [_declaration(factor) for factor in factors.factors]
    crossed = [
        [c.name, _declaration(c.of), *_kernel_key(c.kernel), c.version,
         [_declaration(c.within.by), *_kernel_key(c.within.kernel), c.within.parts] if c.within else []]
        for c in factors.crossed
    ]  # fmt: skip
    code = {name: list(_significant_tokens(text)) for name, text in sources.items()}
    source = [factors.source.history, factors.source.open.__name__] if factors.source else []
    cut_off = CUT_OFF.total_seconds()
    parts = [factors.name, factors.version, factors.margin, cut_off, declared, crossed, source, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _declaration(factor: Factor) -> list[object]:
    return [factor.name, factor.window, *_kernel_key(factor.kernel), factor.answer, list(factor.inputs), factor.version]


def _kernel_key(kernel: Kernel) -> tuple[str, str]:
    return kernel.module, kernel.name


def _significant_tokens(source: str) -> Iterator[str]:
    """Tokens of ``source`` without comments, layout and docstrings."""
    at_start = True  # a string at the start of a statement is a docstring
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            at_start = True
            yield tokenize.tok_name[token.type]  # where a block ends is code
        elif token.type in _LAYOUT:
            at_start = at_start or token.type == tokenize.NEWLINE
        elif not (at_start and token.type == tokenize.STRING):
            at_start = False
            yield token.string


def family(kernel: Kernel, inputs: str, names: str, *windows: int) -> tuple[Factor, ...]:
    """The factors of one kernel: for each of its answers, a name in ``names``, one factor a window.

    Args:
        kernel: the kernel.
        inputs: names of series, separated by blanks.
        names: prefixes of the factors, one for each answer, ``-`` for an answer that is left out; the window follows.
        windows: in sessions; none for a kernel without windows, whose names stand as they are.

    Raises:
        ValueError: the number of names differs from that of the kernel's answers.
    """
    prefixes, series = names.split(), tuple(inputs.split())
    if len(prefixes) != kernel.answers:
        raise ValueError(f"{kernel.name} gives {kernel.answers} answers, {len(prefixes)} names are given: {names!r}")
    return tuple(
        Factor(f"{prefix}{window}" if windows else prefix, kernel, series, window, answer)
        for answer, prefix in enumerate(prefixes)
        if prefix != "-"
        for window in (windows or (0,))
    )
