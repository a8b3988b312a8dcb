"""Which rows of one Arrow table are which of another, by the values of a few columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def positions(rows: pa.Table, columns: Sequence[str], among: pa.Table, names: Sequence[str]) -> Any:
    """For each row: the place in `among` of the row whose `names` hold what its `columns` do, or -1. A numpy array of int64."""
    pairs = [(rows[column].cast(among[name].type), among[name]) for column, name in zip(columns, names, strict=True)]
    if len(pairs) == 1:
        return _places(*pairs[0])
    places = {key: place for place, key in enumerate(zip(*(there.to_pylist() for _, there in pairs), strict=True))}
    keys = zip(*(here.to_pylist() for here, _ in pairs), strict=True)
    return np.fromiter((places.get(key, -1) for key in keys), np.int64, rows.num_rows)


def _places(here: pa.ChunkedArray, there: pa.ChunkedArray) -> Any:
    """What is looked up in is `here`, each value once, because it is often the shorter one, and what is looked up in takes memory."""
    encoded = here.combine_chunks().dictionary_encode()
    codes = pc.fill_null(pc.index_in(there, value_set=encoded.dictionary), -1).to_numpy()
    places = np.full(len(encoded.dictionary) + 1, -1)
    [known] = np.nonzero(codes >= 0)
    places[codes[known]] = known
    return places[pc.fill_null(encoded.indices, -1).to_numpy()]


def repeats(rows: pa.Table, names: Sequence[str]) -> bool:
    """Whether two neighbours hold the same in all of these columns."""
    same = np.ones(max(rows.num_rows - 1, 0), bool)
    for name in names:
        column = rows[name]
        same &= pc.equal(column.slice(0, len(same)), column.slice(1)).to_numpy()
    return bool(same.any())
