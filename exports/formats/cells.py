"""Cells as the text of JSON, written by machine code that Numba compiles from this module once a machine.

It works on addresses, as Arrow's buffers have them, and checks none: exports.formats.jsonl lays out the table of columns,
keeps the buffers alive, and gives room enough. Every function that writes takes the address `at` and returns the one
behind what it wrote. Numbers are uint64 where they are divided: signed division costs ten times as much.
"""

from enum import IntEnum
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from exports.compiled import copy, entry, instruction, kernel, load, store

U = np.uint64


class Kind(IntEnum):
    """What a column's values are: numbers, but for bits (BOOLEAN) and for offsets into bytes (from JSON on)."""

    INTEGER = 0
    UNSIGNED = 1
    BOOLEAN = 2
    DATE = 3
    MOMENT = 4
    MOMENT_UTC = 5
    JSON = 6
    NUMBER = 7
    TEXT = 8
    ESCAPED_TEXT = 9
    BINARY = 10


COLUMN = ("kind", "validity", "values", "data", "offset", "name", "name_size", "width")
"""A row of the table of columns, all int64: addresses (validity 0: no nulls), offset in cells, name with its quotes, comma and colon,
and how many bytes a value or an offset takes: 2, 4 or 8, with a sign."""

_INTEGER, _UNSIGNED, _BOOLEAN, _DATE, _MOMENT, _MOMENT_UTC, _JSON, _NUMBER, _TEXT, _ESCAPED_TEXT, _ = (int(kind) for kind in Kind)
_PAIRS = np.frombuffer("".join(f"{number:02}" for number in range(100)).encode(), np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_LETTERS = np.zeros(256, np.uint8)  # what stands behind the backslash, where one letter does
_LETTERS[list(b'"\\\b\f\n\r\t')] = list(b'"\\bfnrt')
_BLOCK = ir.VectorType(ir.IntType(8), 32)
_ONES, _HIGHS = U(0x0101010101010101), U(0x8080808080808080)
_SPACES, _QUOTES, _BACKSLASHES = _ONES * U(ord(" ")), _ONES * U(ord('"')), _ONES * U(ord("\\"))


# --- Memory ----------------------------------------------------------------------------------------------------------


_byte, _short, _int, _long, _word = (load(kind) for kind in (types.uint8, types.int16, types.int32, types.int64, types.uint64))
_poke = store(types.uint8)


@kernel
def _bit(address: int, index: int) -> Any:
    return (_byte(address + (index >> 3)) >> (index & 7)) & 1


@kernel
def _number(values: int, width: int, index: int) -> Any:
    if width == 4:
        return np.int64(_int(values + 4 * index))
    if width == 8:
        return _long(values + 8 * index)
    return np.int64(_short(values + 2 * index))


@kernel
def _put(at: int, source: int, size: int) -> int:
    copy(at, source, size)
    return at + size


@kernel
def _put_four(at: int, a: int, b: int, c: int, d: int) -> int:
    _poke(at, a)
    _poke(at + 1, b)
    _poke(at + 2, c)
    _poke(at + 3, d)
    return at + 4


# --- Numbers and moments ---------------------------------------------------------------------------------------------


@kernel
def _put_pair(at: int, number: Any) -> int:
    """Two digits."""
    _poke(at, _PAIRS[U(2) * number])
    _poke(at + 1, _PAIRS[U(2) * number + U(1)])
    return at + 2


@kernel
def _put_unsigned(at: int, number: Any) -> int:
    end, rest = at + 1, number // U(10)
    while rest:
        end, rest = end + 1, rest // U(10)
    for behind in range(end, at, -1):
        _poke(behind - 1, U(48) + number % U(10))
        number //= U(10)
    return end


@kernel
def _put_integer(at: int, number: int) -> int:
    if number >= 0:
        return _put_unsigned(at, U(number))
    _poke(at, ord("-"))
    return _put_unsigned(at + 1, U(0) - U(number))


@kernel
def _put_year(at: int, year: Any) -> int:
    """Four digits; outside 0 … 9999 a sign, and as many as needed."""
    if not 0 <= year <= 9999:
        _poke(at, ord("-") if year < 0 else ord("+"))
        at, year = at + 1, abs(year)
    if year > 9999:
        return _put_unsigned(at, U(year))
    return _put_pair(_put_pair(at, U(year) // U(100)), U(year) % U(100))


@kernel
def _put_date(at: int, days: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar: its years are counted from March, in eras of 400."""
    era = (days + 719_468) // 146_097
    day = U(days + 719_468 - era * 146_097)
    year = (day - day // U(1_460) + day // U(36_524) - day // U(146_096)) // U(365)
    day -= U(365) * year + year // U(4) - year // U(100)
    month = (U(5) * day + U(2)) // U(153)
    at = _put_year(at, era * 400 + np.int64(year) + (1 if month >= U(10) else 0))
    _poke(at, ord("-"))
    at = _put_pair(at + 1, month + U(3) if month < U(10) else month - U(9))
    _poke(at, ord("-"))
    return _put_pair(at + 1, day - (U(153) * month + U(2)) // U(5) + U(1))


@kernel
def _put_moment(at: int, moment: int) -> int:
    """Microseconds since 1970."""
    days = moment // 86_400_000_000
    seconds = U(moment - days * 86_400_000_000) // U(1_000_000)
    at = _put_date(at, days)
    _poke(at, ord("T"))
    at = _put_pair(at + 1, seconds // U(3600))
    _poke(at, ord(":"))
    at = _put_pair(at + 1, seconds // U(60) % U(60))
    _poke(at, ord(":"))
    return _put_fraction(_put_pair(at + 1, seconds % U(60)), U(moment - days * 86_400_000_000) % U(1_000_000))


@kernel
def _put_fraction(at: int, microseconds: Any) -> int:
    """Three digits if they say it all, six if not, none for a whole second."""
    if not microseconds:
        return at
    _poke(at, ord("."))
    at = _put_pair(at + 1, microseconds // U(10_000))
    _poke(at, U(48) + microseconds // U(1_000) % U(10))
    if microseconds % U(1_000):
        _poke(at + 1, U(48) + microseconds // U(100) % U(10))
        return _put_pair(at + 2, microseconds % U(100))
    return at + 1


@kernel
def _put_number(at: int, source: int, size: int) -> int:
    """A float's text: digits alone get a `.0`."""
    whole = True
    for byte in range(source, source + size):
        whole &= _byte(byte) <= ord("9") and _byte(byte) != ord(".")
    at = _put(at, source, size)
    if not whole:
        return at
    _poke(at, ord("."))
    _poke(at + 1, ord("0"))
    return at + 2


# --- Text and bytes --------------------------------------------------------------------------------------------------


@kernel
def _is_special(byte: int) -> bool:
    return byte < ord(" ") or byte == ord('"') or byte == ord("\\")


@kernel
def _specials(word: Any) -> Any:
    """0x80 in each of the eight bytes that is special, and perhaps in one above a special one; else 0."""
    return ((word - _SPACES) | ((word ^ _QUOTES) - _ONES) | ((word ^ _BACKSLASHES) - _ONES)) & ~word & _HIGHS


@instruction
def _specials_in_block(_: Any, address: Any) -> Any:
    """How many of the 32 bytes there are special."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = builder.load(builder.inttoptr(arguments[0], _BLOCK.as_pointer()), align=1)
        found = builder.icmp_unsigned("<", block, _BLOCK([ord(" ")] * 32))
        for special in b'"\\':
            found = builder.or_(found, builder.icmp_unsigned("==", block, _BLOCK([special] * 32)))
        return builder.zext(builder.ctpop(builder.bitcast(found, ir.IntType(32))), ir.IntType(64))

    return types.int64(types.int64), code


@entry("int64(int64, int64)")
def count_specials(start: int, end: int) -> int:
    """How many of the bytes must be escaped."""
    found, blocks_end = np.int64(0), end - (end - start) % 32
    for at in range(start, blocks_end, 32):
        found += _specials_in_block(at)
    for at in range(blocks_end, end):
        found += _is_special(_byte(at))
    return int(found)


@kernel
def _put_escaped(at: int, source: int, size: int) -> int:
    end = source + size
    while end - source >= 8:
        at = _put_bytewise(at, source, source + 8) if _specials(_word(source)) else _put(at, source, 8)
        source += 8
    return _put_bytewise(at, source, end)


@kernel
def _put_bytewise(at: int, source: int, end: int) -> int:
    for address in range(source, end):
        byte = _byte(address)
        if _is_special(byte):
            at = _put_escape(at, byte)
        else:
            _poke(at, byte)
            at += 1
    return at


@kernel
def _put_escape(at: int, byte: int) -> int:
    _poke(at, ord("\\"))
    if _LETTERS[byte]:
        _poke(at + 1, _LETTERS[byte])
        return at + 2
    at = _put_four(at + 1, ord("u"), ord("0"), ord("0"), _HEX[byte >> 4])
    _poke(at, _HEX[byte & 15])
    return at + 1


@kernel
def _put_base64(at: int, source: int, size: int) -> int:
    for three in range(source, source + size - 2, 3):
        at = _put_three(at, _byte(three), _byte(three + 1), _byte(three + 2))
    rest = source + size - size % 3
    if size % 3 == 1:
        at = _put_three(at, _byte(rest), 0, 0)
        _poke(at - 2, ord("="))
        _poke(at - 1, ord("="))
    elif size % 3 == 2:
        at = _put_three(at, _byte(rest), _byte(rest + 1), 0)
        _poke(at - 1, ord("="))
    return at


@kernel
def _put_three(at: int, a: int, b: int, c: int) -> int:
    return _put_four(at, _BASE64[a >> 2], _BASE64[(a & 3) << 4 | b >> 4], _BASE64[(b & 15) << 2 | c >> 6], _BASE64[c & 63])


# --- Cells and rows --------------------------------------------------------------------------------------------------


@kernel
def _put_cell(at: int, columns: Any, column: int, row: int) -> int:
    kind, validity, values, index = columns[column, 0], columns[column, 1], columns[column, 2], columns[column, 4] + row
    if validity and not _bit(validity, index):
        return _put_four(at, ord("n"), ord("u"), ord("l"), ord("l"))
    if kind == _BOOLEAN:
        return _put_boolean(at, _bit(values, index))
    width = columns[column, 7]
    value = _number(values, width, index)
    if kind >= _JSON:
        return _put_slice(at, kind, columns[column, 3] + value, _number(values, width, index + 1) - value)
    if kind == _INTEGER:
        return _put_integer(at, value)
    if kind == _UNSIGNED:
        return _put_unsigned(at, U(value))
    return _put_time(at, kind, value)


@kernel
def _put_boolean(at: int, true: int) -> int:
    if true:
        return _put_four(at, ord("t"), ord("r"), ord("u"), ord("e"))
    _poke(at, ord("f"))
    return _put_four(at + 1, ord("a"), ord("l"), ord("s"), ord("e"))


@kernel
def _put_time(at: int, kind: int, value: int) -> int:
    _poke(at, ord('"'))
    at = _put_date(at + 1, value) if kind == _DATE else _put_moment(at + 1, value)
    if kind == _MOMENT_UTC:
        at = _put_four(at, ord("+"), ord("0"), ord("0"), ord(":"))
        at = _put_pair(at, U(0))
    _poke(at, ord('"'))
    return at + 1


@kernel
def _put_slice(at: int, kind: int, source: int, size: int) -> int:
    if kind == _JSON:
        return _put(at, source, size)
    if kind == _NUMBER:
        return _put_number(at, source, size)
    _poke(at, ord('"'))
    if kind == _TEXT:
        at = _put(at + 1, source, size)
    elif kind == _ESCAPED_TEXT:
        at = _put_escaped(at + 1, source, size)
    else:
        at = _put_base64(at + 1, source, size)
    _poke(at, ord('"'))
    return at + 1


@entry("void(int64[:, ::1], int64, int64[::1])")
def write_rows(columns: Any, first: int, ends: Any) -> None:
    """Write len(ends) lines from address `first` on, and where each ends (counted from `first`) into `ends`, int64.

    columns: int64, one row a column, as COLUMN says.
    """
    at = first
    for row in range(len(ends)):
        _poke(at, ord("{"))
        at += 1
        for column in range(len(columns)):
            at = _put(at, columns[column, 5], columns[column, 6])
            at = _put_cell(at, columns, column, row)
        _poke(at, ord("}"))
        _poke(at + 1, ord("\n"))
        at += 2
        ends[row] = at - first
