"""Factor sets: declarations, and the hash that changes when what they mean does.

A set is a file in ``sets/`` that declares factors; a kernel that is not there yet goes into a file of its own in
``kernels/``, with a test of its answers. Changing a window, a kernel or anything below them changes the definition hash
of the sets that use it, and of no other: the features job then fills their tables anew. Comments, docstrings and blank
lines change nothing.
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

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
_ENGINE = "afterbell.features.compute"


@dataclass(frozen=True)
class Factor:
    """One factor.

    Attributes:
        name: the column's name, such as ``ROC20``.
        kernel: computes it.
        inputs: the series that the kernel takes, names of ``view.SERIES``.
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
class FactorSet:
    """Factors computed and stored together, in the table ``features.<name>``.

    Attributes:
        name: of the set.
        version: raise it to recompute all.
        factors: in the order of the columns.
        margin: sessions further back than the longest window that are looked at, to tell a gap at a window's begin
            from a symbol that was not listed yet.
    """

    name: str
    version: int
    factors: tuple[Factor, ...]
    margin: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(factor.name for factor in self.factors)

    @property
    def depth(self) -> int:
        """Sessions before its own that a row may look at: the longest window, one for returns, and the margin."""
        return max(factor.window for factor in self.factors) + 1 + self.margin

    @cached_property
    def definition_hash(self) -> str:
        """32 hexadecimal digits that stand for every declaration and all code behind it."""
        __import__(_ENGINE)
        modules = used_modules(_ENGINE).union(*(used_modules(factor.kernel.module) for factor in self.factors))
        return definition_hash(self, {name: inspect.getsource(sys.modules[name]) for name in sorted(modules)})


def definition_hash(factors: FactorSet, sources: dict[str, str]) -> str:
    """The hash of a set's declarations and of the ``sources`` (by module) that compute it."""
    declared = [
        [f.name, f.window, f.kernel.module, f.kernel.name, f.answer, list(f.inputs), f.version] for f in factors.factors
    ]
    code = {name: list(_significant(text)) for name, text in sources.items()}
    parts = [factors.name, factors.version, factors.margin, declared, code]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _significant(source: str) -> Iterator[str]:
    """Tokens of ``source`` without comments, layout and docstrings."""
    begins = True  # a string that begins a statement is a docstring
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            begins = True
            yield tokenize.tok_name[token.type]  # where a block ends is code
        elif token.type in _LAYOUT:
            begins = begins or token.type == tokenize.NEWLINE
        elif not (begins and token.type == tokenize.STRING):
            begins = False
            yield token.string


def family(kernel: Kernel, inputs: str, names: str, *windows: int) -> tuple[Factor, ...]:
    """The factors of one kernel: for each of its answers, a name in ``names``, one factor a window.

    Args:
        kernel: the kernel.
        inputs: names of series, separated by blanks.
        names: prefixes of the factors, one an answer, ``-`` for an answer that is left out; the window follows.
        windows: in sessions; none for a kernel without windows, whose names stand as they are.

    Raises:
        ValueError: there is not one name for each of the kernel's answers.
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
