"""Whether texts are JSON (RFC 8259), by a table: the next state for each state and byte. One look a byte, whatever the text holds.

Only a yes is sure: what is nested deeper than DEPTH is never one.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

DEPTH = 60

_ACTIONS = ("no", "close", "{", "[")  # what the loop does itself, so they come before the states
_SPACES, _DIGITS, _HEX = b" \t\r\n", b"0123456789", b"0123456789abcdefABCDEF"
_PLAIN = bytes(byte for byte in range(32, 256) if byte not in b'"\\')

# In any of these states, at any of these bytes, this state is next.
_Rules = tuple[tuple[str, bytes, str], ...]
_STRING: _Rules = (
    ("string", _PLAIN, "string"),
    ("string", b'"', "after"),
    ("string", b"\\", "escape"),
    ("escape", b'"\\/bfnrt', "string"),
    ("escape", b"u", "u"),
    *(("u", _HEX, "ux"), ("ux", _HEX, "uxx"), ("uxx", _HEX, "uxxx"), ("uxxx", _HEX, "string")),
)
_COMPLETE = "zero whole fraction power after"  # a value may end in these
_VALUE: _Rules = (
    *(("value", _SPACES, "value"), ("value", b'"', "string"), ("value", b"{", "{"), ("value", b"[", "[")),
    *(("value", b"t", "t"), ("t", b"r", "tr"), ("tr", b"u", "tru"), ("tru", b"e", "after")),
    *(("value", b"f", "f"), ("f", b"a", "fa"), ("fa", b"l", "fal"), ("fal", b"s", "fals"), ("fals", b"e", "after")),
    *(("value", b"n", "n"), ("n", b"u", "nu"), ("nu", b"l", "nul"), ("nul", b"l", "after")),
    ("value", b"-", "minus"),
    ("value minus", b"0", "zero"),
    *(("value minus", b"123456789", "whole"), ("whole", _DIGITS, "whole")),
    *(("zero whole", b".", "point"), ("point fraction", _DIGITS, "fraction")),
    *(("zero whole fraction", b"eE", "e"), ("e", b"+-", "sign"), ("e sign power", _DIGITS, "power")),
    (_COMPLETE, _SPACES, "after"),
)
# Each place in a document has states of its own, so that the state knows what may follow.
_PLACES: dict[str, _Rules] = {
    "text": (*_VALUE, *_STRING),
    "item": (*_VALUE, *_STRING, ("first", _SPACES, "first"), (f"first {_COMPLETE}", b"]", "close"), (_COMPLETE, b",", "value")),
    "key": (("first", _SPACES, "first"), ("first", b"}", "close"), ("next", _SPACES, "next"), ("first next", b'"', "string"), *_STRING),
    "member": (*_VALUE, *_STRING, (_COMPLETE, b"}", "close"), (_COMPLETE, b",", "key.next")),
}


def _rules() -> Iterator[tuple[str, bytes, str]]:
    """One state each, and all of them by their full names, `place.state`."""
    for place, rules in _PLACES.items():
        for states, at, then in rules:
            for state in states.split():
                yield f"{place}.{state}", at, then if then in _ACTIONS or "." in then else f"{place}.{then}"
    for state, at, then in _VALUE:
        if "value" in state.split() and at != _SPACES:
            yield "item.first", at, then if then in _ACTIONS else f"item.{then}"
    yield from (("key.after", _SPACES, "key.after"), ("key.after", b":", "member.value"))


def _table() -> tuple[Any, dict[str, int]]:
    """[state, byte], flat: where the next state's row begins; and where the row of each state begins."""
    rules = list(_rules())
    names = list(dict.fromkeys([*_ACTIONS, *(state for state, _, _ in rules)]))
    rows = {name: 256 * number for number, name in enumerate(names)}
    table = np.zeros((len(names), 256), np.uint16)
    for state, at, then in rules:
        table[rows[state] // 256, list(at)] = rows[then]
    return table.reshape(-1), rows


_TABLE, _ROWS = _table()
_NO, _CLOSE, _OBJECT, _ARRAY = (_ROWS[name] for name in _ACTIONS)
_START, _FIRST_KEY, _FIRST_ITEM = (_ROWS[name] for name in ("text.value", "key.first", "item.first"))
_AFTER, _AFTER_ITEM, _AFTER_MEMBER = (_ROWS[name] for name in ("text.after", "item.after", "member.after"))
_ENDS = tuple(_ROWS[f"text.{state}"] for state in _COMPLETE.split())


@njit(nogil=True, cache=True)
def _is_json(data: Any, start: Any, end: Any) -> Any:
    """`opened` has a bit for each open bracket, the innermost lowest: 1 for an object's."""
    depth = opened = 0
    state = _START
    for place in range(start, end):
        state = _TABLE[state + data[place]]
        if state > _ARRAY:
            continue
        if state == _NO or (depth == DEPTH and state != _CLOSE):
            return False
        if state == _CLOSE:
            depth, opened = depth - 1, opened >> 1
            state = _AFTER if depth == 0 else _AFTER_MEMBER if opened & 1 else _AFTER_ITEM
        else:
            depth, opened = depth + 1, opened << 1 | (state == _OBJECT)
            state = _FIRST_KEY if state == _OBJECT else _FIRST_ITEM
    return state in _ENDS


@njit("boolean(uint8[::1], int32[::1], boolean[::1])", nogil=True, cache=True)
def are_json(data: Any, ends: Any, present: Any) -> Any:
    """Whether each text data[ends[i]:ends[i + 1]] with present[i] is one JSON value. The bytes are taken for UTF-8."""
    for place in range(len(present)):  # noqa: SIM110 compiled
        if present[place] and not _is_json(data, ends[place], ends[place + 1]):
            return False
    return True
