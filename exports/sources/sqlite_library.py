"""The libsqlite3 that Python's own sqlite3 module uses, called directly: for a loop over cells that Python is too slow for.

No second copy of SQLite is loaded: two in one process drop each other's locks on a file (https://sqlite.org/howtocorrupt.html, 2.2).
"""

import ctypes
import sqlite3
import time
from collections.abc import Callable, Sequence
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_void_p
from functools import cache
from importlib.util import find_spec
from typing import Any

ROW, DONE, NO_MEMORY = 100, 101, 7
_OPEN = 0x1 | 0x40 | 0x8000  # read only, a URI, no mutex: one thread at a time uses a connection
_COPY = c_void_p(-1)  # SQLITE_TRANSIENT
_LOOK_EVERY = 500_000  # steps of SQLite's machine: about every 10 ms
_WAITS, _WAIT_SECONDS = 50, 0.1

_Progress = ctypes.CFUNCTYPE(c_int, c_void_p)
_Busy = ctypes.CFUNCTYPE(c_int, c_void_p, c_int)
_SIGNATURES: dict[str, tuple[Any, ...]] = {  # result, arguments
    "open_v2": (c_int, c_char_p, POINTER(c_void_p), c_int, c_char_p),
    "close_v2": (c_int, c_void_p),
    "exec": (c_int, c_void_p, c_char_p, c_void_p, c_void_p, c_void_p),
    "errmsg": (c_char_p, c_void_p),
    "busy_handler": (c_int, c_void_p, _Busy, c_void_p),
    "progress_handler": (None, c_void_p, c_int, _Progress, c_void_p),
    "prepare_v2": (c_int, c_void_p, c_char_p, c_int, POINTER(c_void_p), c_void_p),
    "finalize": (c_int, c_void_p),
    "bind_int64": (c_int, c_void_p, c_int, c_int64),
    "bind_double": (c_int, c_void_p, c_int, c_double),
    "bind_text": (c_int, c_void_p, c_int, c_char_p, c_int, c_void_p),
    "bind_blob": (c_int, c_void_p, c_int, c_char_p, c_int, c_void_p),
    "step": (c_int, c_void_p),
    "column_value": (c_void_p, c_void_p, c_int),
    "value_type": (c_int, c_void_p),
    "value_int64": (c_int64, c_void_p),
    "value_double": (c_double, c_void_p),
    "value_text": (c_void_p, c_void_p),
    "value_blob": (c_void_p, c_void_p),
    "value_bytes": (c_int, c_void_p),
}


@cache
def library() -> dict[str, Any] | None:
    """SQLite's functions by their names without `sqlite3_`; None where this Python does not let them be found."""
    spec = find_spec("_sqlite3")
    try:
        # The dynamic linker looks in the module itself, then in what the module is linked with.
        loaded = ctypes.CDLL(spec.origin if spec and spec.has_location else None)
        if loaded.sqlite3_libversion_number() != _number(sqlite3.sqlite_version_info) or not loaded.sqlite3_threadsafe():
            return None
        return {name: _typed(loaded[f"sqlite3_{name}"], *signature) for name, signature in _SIGNATURES.items()}
    except (OSError, AttributeError):
        return None


def _number(version: tuple[int, ...]) -> int:
    return version[0] * 1_000_000 + version[1] * 1_000 + version[2]


def _typed(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype, function.argtypes = result, arguments
    return function


def address(name: str) -> int:
    """Where the function lies in memory. Only where there is a library."""
    found = (library() or {})[name]
    return int(ctypes.cast(found, c_void_p).value or 0)


class Statement:
    """A query on a connection of its own, ready to step; close it. `stop` is asked now and then, in the reading thread.

    `address` is the sqlite3_stmt. Raises sqlite3.OperationalError; once `stop` says yes, steps fail as interrupted.
    """

    def __init__(self, uri: str, text: str, values: Sequence[object], stop: Callable[[], bool]) -> None:
        self._functions = library() or {}
        self._stop = stop
        self._connection, self._statement = c_void_p(), c_void_p()
        self._progress = _Progress(lambda _: stop())
        self._busy = _Busy(lambda _, waits: self._wait(waits))
        try:
            self._open(uri, text, values)
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> int:
        return self._statement.value or 0

    def close(self) -> None:
        self._functions["finalize"](self._statement)
        self._functions["close_v2"](self._connection)
        self._statement, self._connection = c_void_p(), c_void_p()

    def failure(self) -> sqlite3.OperationalError:
        """What SQLite says about the call that has just failed."""
        return sqlite3.OperationalError(self._functions["errmsg"](self._connection).decode(errors="replace"))

    def _open(self, uri: str, text: str, values: Sequence[object]) -> None:
        self._call("open_v2", uri.encode(), byref(self._connection), _OPEN, None)
        self._call("busy_handler", self._connection, self._busy, None)
        self._functions["progress_handler"](self._connection, _LOOK_EVERY, self._progress, None)
        self._call("exec", self._connection, b"PRAGMA trusted_schema = OFF", None, None, None)
        self._call("prepare_v2", self._connection, text.encode(), -1, byref(self._statement), None)
        for place, value in enumerate(values, 1):
            self._bind(place, value)

    def _call(self, name: str, *arguments: Any) -> None:
        if self._functions[name](*arguments):
            raise self.failure()

    def _bind(self, place: int, value: object) -> None:
        match value:
            case None:
                pass  # what is not bound is NULL
            case int():
                self._call("bind_int64", self._statement, place, value)
            case float():
                self._call("bind_double", self._statement, place, value)
            case str() | bytes():
                kind, raw = ("text", value.encode()) if isinstance(value, str) else ("blob", value)
                self._call(f"bind_{kind}", self._statement, place, raw, len(raw), _COPY)
            case _:
                raise TypeError(f"SQLite has no {type(value).__name__}")

    def _wait(self, waits: int) -> bool:
        """Whether to try again, after a while, to get at a file that somebody writes to."""
        if waits >= _WAITS or self._stop():
            return False
        time.sleep(_WAIT_SECONDS)
        return True
