"""The kernels of factors: each takes series that look back from one session, and fills its answers.

A series is float64 of shape ``(ages, lanes)``: age 0 is the row's own session, age 1 the one before; a lane is a
symbol; NaN is a session without a value. ``windows`` are int64, ascending. ``out`` is float64 of shape ``(answers,
windows, lanes)``. All sums run from the newest value to the oldest, each lane for itself: what a lane gets can't depend
on its neighbours, nor on how many sessions are computed together.

Names and definitions of Qlib's Alpha158 (microsoft/qlib, ``qlib/contrib/data/loader.py`` and ``qlib/data/ops.py``) are
kept where a name is Qlib's: a window counts from one value on, and sessions without a bar are left out.
"""
