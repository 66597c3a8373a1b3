"""Sums of products and linear systems whose bits depend on the numbers alone: on no BLAS, no threads, no processor.

BLAS adds in an order of its own, which differs by kernel and by the number of threads. Here every number is cut into
two integers that are small enough for all products and sums of a block to be exact in float64: then the order doesn't
matter, and BLAS may be as fast as it can. Ozaki, Ogita, Oishi, Rump, Error-free transformations of matrix
multiplication (2012). What is left to round is done element by element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from afterbell.errors import PermanentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = 2_048
"""Most rows of a block: 2**11 products of two integers up to 2**21 add up to 2**53 at most, all of them exact."""
_BITS = 21
_COLUMNS = 48
"""Columns that a step of Cholesky's method updates at a time, from the diagonal on down: half of the work is saved."""


def products(block: Floats) -> Floats:
    """``block.T @ block``, the same bits wherever it is computed.

    Products of two lower parts are left out: below 1e-12 of a column's greatest square, for each row.

    Args:
        block: float64 (rows, columns), finite, ``ROWS`` rows at most.

    Returns:
        float64 (columns, columns), symmetric.

    Raises:
        ValueError: there are more rows.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    if block.shape[0] > ROWS:
        raise ValueError(f"expected a block of {ROWS} rows at most, found {block.shape[0]}")
    # A power of two for each column, so that scaling is exact: every value lies within 2**21 units.
    _, exponents = np.frexp(np.abs(block).max(axis=0, initial=0.0))
    units = np.ldexp(1.0, exponents - _BITS)
    scaled = block / units
    upper = np.rint(scaled)
    lower = np.rint((scaled - upper) * 2.0**_BITS)
    mixed = upper.T @ lower
    sums = upper.T @ upper + (mixed + mixed.T) * 2.0**-_BITS
    scaled_back: Floats = sums * units[:, None] * units
    return scaled_back


def solve_positive(matrix: Floats, right: Floats) -> Floats:
    """Solve ``matrix @ x = right`` by Cholesky's factors, in one order: Golub and Van Loan (2013), section 4.2.5.

    Args:
        matrix: float64 (n, n), symmetric and positive definite; n up to some hundreds. Or a stack of such, (..., n, n).
        right: float64 (n,), or (..., n).

    Returns:
        float64 (n,); or (..., n), the same bits as of each system alone.

    Raises:
        PermanentError: ``matrix`` is not positive definite to the precision of float64.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    lower, x = matrix.copy(), right.copy()
    size = x.shape[-1]
    for k in range(size):
        pivot = lower[..., k, k]
        if not (pivot > 0).all():
            raise PermanentError(
                f"a system of {size} equations is not positive definite: pivot {k + 1} is {pivot.min():g}, expected "
                "more than 0; raise the penalty, or leave out features that repeat others"
            )
        lower[..., k:, k] /= np.sqrt(pivot)[..., None]
        below = lower[..., k + 1 :, k]
        for first in range(0, size - k - 1, _COLUMNS):  # what is above the diagonal is never read
            columns = slice(first, first + _COLUMNS)
            right_of_k = slice(k + 1 + first, k + 1 + first + _COLUMNS)
            lower[..., k + 1 + first :, right_of_k] -= below[..., first:, None] * below[..., None, columns]
    for k in range(size):
        x[..., k] /= lower[..., k, k]
        x[..., k + 1 :] -= x[..., k, None] * lower[..., k + 1 :, k]
    for k in reversed(range(size)):
        x[..., k] /= lower[..., k, k]
        x[..., :k] -= x[..., k, None] * lower[..., k, :k]
    return x


_POWER_BITS = 40


def fixed_power(base: Floats, exponent: Floats | float) -> Floats:
    """``base ** exponent`` by square roots and products, which every processor rounds alike; ``np.power`` it doesn't.

    The exponent's binary digits say which of the roots ``base ** (1/2)``, ``base ** (1/4)``, ... are multiplied.

    Args:
        base: float64, 0 or more.
        exponent: float64 of the same shape, or one number, 0 to 1; digits below 2**-40 are left out.

    Returns:
        float64, of the shape of ``base``.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    rest: Floats = np.asarray(exponent, np.float64)
    power = np.where(rest >= 1, base, 1.0)
    rest, root = rest - (rest >= 1), base
    for _ in range(_POWER_BITS):
        root, rest = np.sqrt(root), rest * 2
        power *= np.where(rest >= 1, root, 1.0)
        rest = rest - (rest >= 1)
        if not np.any(rest):
            break
    return power


def weigh_columns(block: Floats, weights: Floats) -> Floats:
    """``block @ weights``, each row's products added from the first column to the last.

    Args:
        block: float64 (rows, columns).
        weights: float64 (columns,), or (rows, columns) where each row has its own.

    Returns:
        float64 (rows,); a row's sum does not depend on the other rows.
    """
    import numpy as np  # noqa: PLC0415 - see the package

    total = np.zeros(block.shape[0])
    for column, weight in zip(np.ascontiguousarray(block.T), np.ascontiguousarray(weights.T), strict=True):
        total += column * weight
    return total
