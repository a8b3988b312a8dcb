"""The frozen key set of a purge: what its extract has captured, in key order, in chunks, hashed.

The rows of a purge have an index, from 0, in the order of their keys. A chunk of a child holds the rows that go along with the rows
of the chunk of the same number, each with the index of the row that it goes with.

key_set_sha256 is of lines of text: for the dataset, then for each that goes along, `{"dataset":"NAME"}`, and a line of JSON for each
row's key columns, sorted by key. Whoever has the decrypted files can make it again (docs/dispositions.md).
"""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.formats import format_named
from exports.models import Dataset, Extract
from exports.services.extracts import captured, counted, pack, unpack
from exports.sources.base import VERSION
from retention.models import KeyChunk, Purge
from retention.services.failing import PurgeFailed
from retention.services.matching import positions, repeats

CHUNK_ROWS = 20_000
INDEX = "strongroom.index"


def extracts_of(purge: Purge) -> list[Extract]:
    """The dataset's, then those of what goes along, each after the one above it."""
    assert purge.run is not None, "a purge has an extract before it has keys"
    return list(purge.run.job.extracts.select_related("dataset", "above__dataset").order_by("pk"))


def freeze(purge: Purge) -> None:
    """Write the chunks, and set `selected` and `key_set_sha256` of the purge, which is not saved. Call it in a transaction. Raises PurgeFailed."""
    assert purge.run is not None, "a purge has an extract before it has keys"
    KeyChunk.objects.filter(purge=purge).delete()
    whole, frozen = hashlib.sha256(), dict[int, pa.Table]()
    for extract in extracts_of(purge):
        rows = _indexed(extract, _keys(purge, extract), frozen)
        _add(whole, extract.dataset, rows)
        frozen[extract.pk] = rows.sort_by(INDEX) if extract.above else rows
        for chunk in _chunks(purge, extract.dataset, frozen[extract.pk]):
            chunk.save()
    purge.selected = frozen[extracts_of(purge)[0].pk].num_rows
    purge.key_set_sha256 = whole.hexdigest()
    counted(purge.run).delete()


def count_extracted(purge: Purge) -> None:
    """Of a purge that only extracts: set `selected`, which is not saved. Nothing is frozen, so that what has no key can be extracted too."""
    assert purge.run is not None, "a purge has an extract before it has keys"
    noted = counted(purge.run)
    purge.selected = sum(noted.filter(part__dataset=purge.dataset).values_list("rows", flat=True))
    noted.delete()


def _keys(purge: Purge, extract: Extract) -> pa.Table:
    """Sorted by key."""
    assert purge.run is not None, "a purge has an extract before it has keys"
    pieces = list(captured(purge.run, extract.dataset))
    names = extract.dataset.key_columns
    if not pieces:
        return pa.table({name: pa.array([], pa.string()) for name in dict.fromkeys([*names, *extract.columns, VERSION])})
    if any(piece.schema.types != pieces[0].schema.types for piece in pieces):
        raise PurgeFailed(f"Key columns of {extract.dataset.name} hold values of several types, so that its rows cannot be known by them.")
    table = pa.concat_tables(piece.cast(pieces[0].schema) for piece in pieces)
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
    columns = dict(zip(table.column_names, table.columns, strict=True))
    del pieces, table  # a million keys are dear to hold twice: they are put in order column by column
    table = pa.table({name: columns.pop(name).take(order) for name in list(columns)})
    if repeats(table, names):
        raise PurgeFailed(f"Several rows of {extract.dataset.name} have the same key {', '.join(names)}: it is no key to delete by.")
    return table


def _indexed(extract: Extract, rows: pa.Table, frozen: dict[int, pa.Table]) -> pa.Table:
    """With the index of the row, or of the row that it goes along with; rows that go along with none are left out."""
    if extract.above is None:
        return rows.append_column(INDEX, pa.array(np.arange(rows.num_rows)))
    above = frozen[extract.above.pk]
    found = positions(rows, extract.columns, above, extract.above.dataset.key_columns)
    [places] = np.nonzero(found >= 0)
    return rows.take(pa.array(places)).append_column(INDEX, above[INDEX].take(pa.array(found[places])))


def _add(whole: "hashlib._Hash", dataset: Dataset, rows: pa.Table) -> None:
    whole.update(json.dumps({"dataset": dataset.name}, separators=(",", ":")).encode() + b"\n")
    keys = rows.select(dataset.key_columns)
    encoder = format_named("jsonl").encoder(keys.schema, dataset.table)
    for batch in keys.to_batches(max_chunksize=50_000):
        for piece in encoder.pieces(batch):
            whole.update(piece.data)


def _chunks(purge: Purge, dataset: Dataset, rows: pa.Table) -> Iterator[KeyChunk]:
    """`rows` are in the order of their index. A chunk without rows is left out."""
    index = rows[INDEX].to_numpy()
    for number in np.unique(index // CHUNK_ROWS):
        first, last = np.searchsorted(index, [number * CHUNK_ROWS, (number + 1) * CHUNK_ROWS])
        data = pack(rows.slice(first, last - first))
        sha256 = hashlib.sha256(data).hexdigest()
        yield KeyChunk(purge=purge, dataset=dataset, number=int(number), rows=int(last - first), data=data, sha256=sha256)


# --- Reading -------------------------------------------------------------------------------------------------------
class Frozen:
    """A purge's frozen rows, of which the chunks that were read last are at hand."""

    def __init__(self, purge: Purge) -> None:
        self._purge = purge
        self._at_hand: dict[tuple[int, int], pa.Table | None] = {}

    def rows(self, dataset: Dataset, start: int, stop: int) -> pa.Table | None:
        """The rows of the dataset that go, or go along, with an index in [start, stop): key and link columns, version, INDEX. None if no
        chunk has any. Raises PurgeFailed if a chunk is not what was written."""
        numbers = range(start // CHUNK_ROWS, (stop - 1) // CHUNK_ROWS + 1)
        pieces = [_within(table, start, stop) for number in numbers if (table := self._chunk(dataset, number)) is not None]
        return pa.concat_tables(pieces).combine_chunks() if pieces else None

    def _chunk(self, dataset: Dataset, number: int) -> pa.Table | None:
        place = (dataset.pk, number)
        if place not in self._at_hand:
            self._at_hand = {at: table for at, table in self._at_hand.items() if at[1] >= number - 1}
            self._at_hand[place] = _read(self._purge, dataset, number)
        return self._at_hand[place]


def _read(purge: Purge, dataset: Dataset, number: int) -> pa.Table | None:
    row = KeyChunk.objects.filter(purge=purge, dataset=dataset, number=number).first()
    if row is None:
        return None
    data = bytes(row.data)
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise PurgeFailed("The frozen keys are not what was written; nothing more is deleted.")
    return unpack(data)


def _within(table: pa.Table, start: int, stop: int) -> pa.Table:
    first, last = np.searchsorted(table[INDEX].to_numpy(), [start, stop])
    return table.slice(first, last - first)
