"""Factor sets: declarations, and the hash that changes when what they mean does.

A further factor is a line in ``CORE`` (or in a set of your own) and, if no kernel says it, a function in a module of
kernels, with a test of its answers. Changing a window, a kernel or anything below them changes the set's definition
hash, and the features job then fills the table anew; comments, docstrings and blank lines change nothing.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from afterbell.errors import ConfigError
from afterbell.features import grid, kernels, lookback
from afterbell.features.grid import Floats
from afterbell.features.lookback import Lookback

Kernel = Callable[[Lookback, int], Floats]

_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Factor:
    """One factor.

    Attributes:
        name: the column's name, such as ``ROC20``.
        window: sessions that it spans, 0 if it looks at its own session only; no look goes further back.
        kernel: computes it from a look back and ``window``.
        inputs: the series it reads, names of ``lookback.SERIES``.
        version: raise it to recompute without a change of code.
    """

    name: str
    window: int
    kernel: Kernel
    inputs: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True)
class FactorSet:
    """Factors computed and stored together, in the table ``features.<name>``.

    Attributes:
        name: of the set.
        version: raise it to recompute all.
        factors: in the order of the columns.
        share: the share of a window's sessions that must have a value.
    """

    name: str
    version: int
    factors: tuple[Factor, ...]
    share: float = 0.5

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(factor.name for factor in self.factors)

    @property
    def depth(self) -> int:
        """Sessions before its own that a row may look at: the longest window, and one for returns."""
        return max(factor.window for factor in self.factors) + 1

    @cached_property
    def definition_hash(self) -> str:
        """32 hexadecimal digits that stand for every declaration and all code behind it."""
        modules = sorted({factor.kernel.__module__ for factor in self.factors} | {grid.__name__, lookback.__name__})
        return definition_hash(self, {name: inspect.getsource(sys.modules[name]) for name in modules})


def definition_hash(factors: FactorSet, sources: dict[str, str]) -> str:
    """The hash of a set's declarations and of the ``sources`` (by module) that compute it."""
    declared = [[f.name, f.window, f.kernel.__qualname__, list(f.inputs), f.version] for f in factors.factors]
    code = {name: list(_significant(text)) for name, text in sources.items()}
    parts = [factors.name, factors.version, factors.share, declared, code]
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


def _family(prefix: str, kernel: Kernel, windows: tuple[int, ...], *inputs: str) -> tuple[Factor, ...]:
    """One factor a window, named ``<prefix><window>``; a window of 0 leaves the bare prefix."""
    return tuple(Factor(f"{prefix}{window or ''}", window, kernel, inputs) for window in windows)


CORE = FactorSet(
    "core",
    1,
    (
        *_family("KMID", kernels.kmid, (0,), "open", "close"),
        *_family("KLEN", kernels.klen, (0,), "open", "high", "low"),
        *_family("KUP", kernels.kup, (0,), "open", "high", "close"),
        *_family("KLOW", kernels.klow, (0,), "open", "low", "close"),
        *_family("KSFT", kernels.ksft, (0,), "open", "high", "low", "close"),
        Factor("GAP", 1, kernels.gap, ("open", "close")),
        *_family("ROC", kernels.roc, (5, 10, 20, 60), "close"),
        *_family("MA", kernels.ma, (5, 10, 20, 60), "close"),
        *_family("STD", kernels.std, (5, 10, 20, 60), "close"),
        *_family("MAX", kernels.high_max, (20,), "high", "close"),
        *_family("MIN", kernels.low_min, (20,), "low", "close"),
        *_family("RSV", kernels.rsv, (10, 20, 60), "high", "low", "close"),
        *_family("RANK", kernels.rank, (20,), "close"),
        *_family("CORR", kernels.corr, (10, 20), "close", "log_volume"),
        *_family("CNTP", kernels.cntp, (20,), "close"),
        *_family("SUMP", kernels.sump, (20,), "close"),
        *_family("VSUMP", kernels.vsump, (20,), "volume"),
        *_family("VMA", kernels.vma, (5, 10, 20), "volume"),
        *_family("VSTD", kernels.vstd, (10, 20), "volume"),
        *_family("LVR", kernels.lvr, (5, 20, 60), "volume", "log_volume"),
        *_family("LVZ", kernels.lvz, (20, 60), "log_volume"),
        *_family("DVOL", kernels.dvol, (20,), "dollars"),
        *_family("ILLIQ", kernels.illiq, (20,), "impact"),
        *_family("VOLR", kernels.volr, (20, 60), "return"),
    ),
)
"""The first set, in the spirit of Alpha158, with the volume factors that a market's liquidity shows in."""

SETS = {CORE.name: CORE}


def factor_set(name: str) -> FactorSet:
    """The factor set ``name``.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name not in SETS:
        raise ConfigError(f"factor set {name!r} is not known: use one of {', '.join(sorted(SETS))}")
    return SETS[name]
