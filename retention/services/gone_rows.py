"""Which rows a purge has deleted: of its frozen rows those that its batches looked at and neither kept nor found gone already.

A row of a file is known by its key, spelled as the file spells it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from exports.formats import format_named
from exports.models import Extract
from exports.sources.writers.base import Mask
from retention.models import Batch, Purge
from retention.services.freezing import INDEX, Frozen
from retention.services.ledger import deleted_children, deleted_rows

_DIGEST = 16


def gone_tables(purge: Purge, extract: Extract) -> Iterator[pa.Table]:
    """The rows of the extract's dataset that went, batch by batch: key and link columns, version, INDEX. Raises PurgeFailed."""
    frozen = Frozen(purge)
    for batch in Batch.objects.filter(purge=purge, status=Batch.Status.DONE).order_by("start").iterator():
        rows = frozen.rows(extract.dataset, batch.start, batch.stop)
        if rows is not None:
            yield rows.filter(pa.array(_went(batch, extract, rows)))


def _went(batch: Batch, extract: Extract, rows: pa.Table) -> Mask:
    going = np.ones(batch.stop - batch.start, bool)
    for places in batch.kept.values():
        going[places] = False
    went: Mask = going[rows[INDEX].to_numpy() - batch.start]
    went[batch.missing.get(str(extract.dataset_id), [])] = False
    return went


def rows_gone(purge: Purge, extract: Extract) -> int:
    """By the ledger."""
    return deleted_rows(purge) if extract.above_id is None else deleted_children(purge).get(extract.dataset_id, 0)


class GoneRows:
    """All of them, of one dataset, in memory: 16 bytes a row, and of a child what refers to the row above. Raises PurgeFailed."""

    def __init__(self, purge: Purge, extract: Extract) -> None:
        self._names = list(extract.dataset.key_columns)
        self._spelled = [json.dumps(name, ensure_ascii=False) for name in self._names]
        self.key_types: pa.Schema | None = None
        """Of the key columns; None if nothing went."""
        digests, links = list[bytes](), list[pa.Table]()
        for table in gone_tables(purge, extract):
            digests.extend(_digest(text) for text in key_texts(table.select(self._names), extract.dataset.table))
            links.append(table.select(extract.columns))
            self.key_types = table.select(self._names).schema
        if len(digests) != rows_gone(purge, extract):
            raise AssertionError(
                f"purge {purge.pk} deleted {rows_gone(purge, extract)} rows of {extract.dataset}, {len(digests)} are known"
            )
        known = np.frombuffer(b"".join(digests), dtype=f"S{_DIGEST}")
        self._order = np.argsort(known)
        self._known = known[self._order]
        self._links = pa.concat_tables(links) if links else None

    def __len__(self) -> int:
        return len(self._known)

    def key(self, cells: Mapping[str, str]) -> str:
        """The row's key as JSON: an object of the key columns."""
        return f"{{{','.join(f'{spelled}:{cells[name]}' for spelled, name in zip(self._spelled, self._names, strict=True))}}}"

    def find(self, keys: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Of each key a number by which `links` knows the row; -1 if the purge has not deleted it."""
        asked = np.frombuffer(b"".join(_digest(key.encode()) for key in keys), dtype=f"S{_DIGEST}")
        if not len(self._known):
            return np.full(len(keys), -1)
        places = np.minimum(np.searchsorted(self._known, asked), len(self._known) - 1)
        return np.where(self._known[places] == asked, self._order[places], -1)

    def links(self, numbers: Sequence[int]) -> pa.Table:
        """The columns by which these rows refer to the dataset above."""
        assert self._links is not None, "numbers come from find()"
        return self._links.take(pa.array(numbers, pa.int64()))


def key_texts(keys: pa.Table, table: str) -> Iterator[bytes]:
    """Each row as a line of JSON Lines has it, without its end."""
    encoder = format_named("jsonl").encoder(keys.schema, table)
    for batch in keys.to_batches(max_chunksize=50_000):
        for piece in encoder.pieces(batch):
            yield from bytes(piece.data).split(b"\n")[:-1]


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=_DIGEST).digest()
