"""The JSON Schema of a dataset: for whoever asks, and beside the rows of a run."""

import json
from typing import Any

from accounts.services.access import Access
from exports.models import Dataset
from exports.services import visible
from exports.services.catalogue import selection
from exports.services.errors import Conflict, NotFound
from exports.sources import open_reader
from exports.sources.base import Reader, Selection, SourceError

EXTENSION = "jsonschema"
"""Of its file. It is not `json`, so that who unzips a file and takes its `.json` finds one."""


def schema_named(access: Access, source: str, name: str) -> dict[str, Any]:
    """Of the dataset of that name in the source of that key. Raises NotFound, Denied, and Conflict if the source cannot be read."""
    found = visible.datasets(access).select_related("source")
    dataset = found.filter(source__key=source, name=name).first() if "\0" not in source + name else None
    if dataset is None:
        raise NotFound("There is no dataset of that name in a source of that key.")
    try:
        with open_reader(dataset.source.url) as reader:
            return _described(reader, dataset, selection(dataset))
    except SourceError as error:
        raise Conflict(f"The schema of {dataset.name} cannot be read: {error}") from None


def schema_file(reader: Reader, dataset: Dataset, chosen: Selection) -> bytes:
    """The schema of what `reader` gives, as a file."""
    return json.dumps(_described(reader, dataset, chosen), ensure_ascii=False, indent=1).encode()


def _described(reader: Reader, dataset: Dataset, chosen: Selection) -> dict[str, Any]:
    from exports.formats.json_schema import json_schema

    return json_schema(reader.schema(chosen), dataset.name, loose=reader.loose)
