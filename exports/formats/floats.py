"""The shortest text of floats, as JSON has it."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_FIXED = {pa.float64(): (1e-5, 1e16), pa.float32(): (1e-6, 1e13)}
"""From where to where (absolute, the end excluded) a number is written without an exponent."""


def float_texts(array: pa.Array) -> pa.Array:
    """Numbers as text, and NaN and the infinities as JSON strings. A whole number may lack its `.0`.

    Arrow is quick, but begins to use exponents elsewhere, so that some numbers must be written one by one.
    """
    size = pc.abs(array)
    usual = pc.or_(pc.and_(pc.greater_equal(size, 1e-5), pc.less(size, 1e10)), pc.equal(size, 0))
    texts = pc.cast(array, pa.string())
    odd = pc.invert(pc.fill_null(usual, True))
    if not odd.true_count:
        return texts
    return pc.replace_with_mask(texts, odd, pa.array(map(_text, array.filter(odd).to_numpy()), pa.string()))


def _text(number: "np.floating[Any]") -> str:
    if not np.isfinite(number):
        return '"NaN"' if np.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'
    low, high = _FIXED[pa.from_numpy_dtype(number.dtype)]
    if low <= abs(number) < high:
        return np.format_float_positional(number, trim="0")
    return np.format_float_scientific(number, trim="-", exp_digits=1)
