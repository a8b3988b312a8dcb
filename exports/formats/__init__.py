"""The registry of file formats: one module each, loaded when the format is first wanted. The web process needs the names only."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from exports.formats.base import Format

DEFAULT = "jsonl"
LABELS = {
    "jsonl": "JSON Lines",
    "csv": "CSV, safe to open in a spreadsheet",
    "csv-exact": "CSV, every text as it is",
    "parquet": "Parquet",
    "xlsx": "Excel",
    "xml": "XML",
    "sql": "SQL for PostgreSQL, MariaDB and SQLite",
}
"""The names that jobs use, and what people call them."""
_MODULES = {"csv": "csv_text", "csv-exact": "csv_text", "xml": "xml_text", "sql": "sql_text"}
"""The modules that are not called as their format is: a module may not hide one of Python's own."""


def format_named(name: str) -> "Format":
    """Raises KeyError if there is none of that name."""
    module = import_module(f"exports.formats.{_MODULES.get(name, name)}") if name in LABELS else None
    return cast("dict[str, Format]", getattr(module, "FORMATS", {}))[name]
