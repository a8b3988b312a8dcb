"""What rows can be chosen by: kinds of columns, the operators that each allows, and the values that they take.

A comparison means the same in every database. Texts are compared by code point, with case, accents and trailing spaces; numbers, dates
and moments by value. NULL is no value: no comparison finds it, `ne` and `notIn` included; `isNull` does.
"""

from enum import StrEnum


class Kind(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DECIMAL = "decimal"
    TEXT = "text"
    UUID = "uuid"
    DATE = "date"
    TIMESTAMP = "timestamp"
    OTHER = "other"


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    IS_NULL = "isNull"
    IS_NOT_NULL = "isNotNull"


_NULL = (Operator.IS_NULL, Operator.IS_NOT_NULL)
_EQUAL = (Operator.EQ, Operator.NE)
_AMONG = (Operator.IN, Operator.NOT_IN)
_ORDERED = (*_EQUAL, Operator.LT, Operator.LE, Operator.GT, Operator.GE, *_AMONG)

OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.BOOLEAN: (*_EQUAL, *_NULL),
    Kind.INTEGER: (*_ORDERED, *_NULL),
    Kind.NUMBER: (*_ORDERED, *_NULL),
    Kind.DECIMAL: (*_ORDERED, *_NULL),
    Kind.TEXT: (*_ORDERED, Operator.CONTAINS, Operator.STARTS_WITH, *_NULL),
    Kind.UUID: (*_EQUAL, *_AMONG, *_NULL),
    Kind.DATE: (*_ORDERED, *_NULL),
    Kind.TIMESTAMP: (*_ORDERED, *_NULL),
    Kind.OTHER: _NULL,
}
