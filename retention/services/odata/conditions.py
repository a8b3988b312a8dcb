"""Conditions of a filter as predicates."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from odata_query import ast

from exports.services.nearest import shown
from exports.sources.conditions import OPERATORS, Condition, Kind, Operator, Value
from exports.sources.expressions import Column, Literal
from exports.sources.predicates import And, Compare, Exists, Not, Or, Predicate
from retention.services.odata.constants import NULL, TIME, Constant, wanted
from retention.services.odata.tokens import MOST_DEPTH
from retention.services.odata.values import Computed, Given, Values, called, path_of
from retention.services.odata.wrong import Wrong

MOST_LAMBDAS = 2
TRUE, FALSE = And(()), Or(())

_OPERATORS = {ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge"}
_TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_OF_TEXTS = {"contains": Operator.CONTAINS, "startswith": Operator.STARTS_WITH, "endswith": None}
_EXACT = {Kind.INTEGER, Kind.DECIMAL}


def condition(node: Any, values: Values, depth: int = 1) -> Predicate:  # noqa: PLR0911 one for each class
    """Raises Wrong for what is no condition."""
    if depth > MOST_DEPTH:
        raise Wrong(f"A filter is at most {MOST_DEPTH} levels deep.")
    if path_of(node) is not None:
        return _of_value(values.of(node))
    match node:
        case ast.BoolOp(op):
            parts = tuple(condition(part, values, depth + 1) for part in _chain(node, type(op)))
            return And(parts) if isinstance(op, ast.And) else Or(parts)
        case ast.UnaryOp(ast.Not(), operand):
            return Not(condition(operand, values, depth + 1))
        case ast.Compare(comparator, left, right):
            return _compare(comparator, left, right, values, depth)
        case ast.CollectionLambda():
            return _children(node, values, depth)
        case ast.Call(function, arguments) if function.full_name() in _OF_TEXTS:
            return _of_texts(function.full_name(), [values.of(argument) for argument in arguments])
        case ast.Boolean():
            return TRUE if node.val.lower() == "true" else FALSE
    return _of_value(values.of(node))


def _chain(node: Any, operator: type) -> list[Any]:
    """The parts of a and b and c, which odata-query nests as deep as they are many."""
    parts, rest = [], [node]
    while rest:
        one = rest.pop()
        if isinstance(one, ast.BoolOp) and isinstance(one.op, operator):
            rest += [one.right, one.left]
        else:
            parts.append(one)
    return parts


def _of_value(given: Given) -> Predicate:
    if isinstance(given, Computed) and given.type == Kind.BOOLEAN:
        return _with_constant(given, "eq", Constant(Kind.BOOLEAN, True))
    what = given.called if isinstance(given, Computed) else shown(str(given.value))
    raise Wrong(f"{what} alone is no condition: compare it with something.")


# --- Children ------------------------------------------------------------------------------------------------------
def _children(node: ast.CollectionLambda, values: Values, depth: int) -> Predicate:
    """any as EXISTS; all as no child of which it is not true."""
    path = path_of(node.owner) or ("",)
    name = node.lambda_.identifier.full_name() if node.lambda_ else ""
    here = values.scope.dataset
    scope = values.scope.child(path, name)
    if scope.depth > MOST_LAMBDAS:
        raise Wrong(f"any and all may stand inside one another at most {MOST_LAMBDAS} deep.")
    where = condition(node.lambda_.expression, replace(values, scope=scope), depth + 1) if node.lambda_ else None
    every = isinstance(node.operator, ast.All) and where is not None
    child = scope.dataset
    keys = tuple(child.parent_columns), tuple(here.key_columns)
    exists = Exists(child.table, child.schema, *keys, Not(where) if every and where is not None else where)
    return Not(exists) if every else exists


# --- Texts ---------------------------------------------------------------------------------------------------------
def _of_texts(name: str, given: list[Given]) -> Predicate:
    if NULL in given:
        return FALSE
    text, part = given
    operator = _OF_TEXTS[name]
    if operator and isinstance(text, Computed) and isinstance(text.expression, Column) and isinstance(part, Constant):
        return _with_constant(text, operator, part)
    if isinstance(text, Constant) and isinstance(part, Constant):
        raise Wrong(f"{name} needs a column.")
    return Compare(called(name, given).expression, Operator.EQ, (Literal(True),))


# --- Comparisons ---------------------------------------------------------------------------------------------------
def _compare(comparator: Any, left: Any, right: Any, values: Values, depth: int) -> Predicate:
    if isinstance(comparator, ast.In):
        return _among(values.of(left), [values.of(each) for each in right.val])
    operator = _OPERATORS[type(comparator)]
    for one, other in ((left, right), (right, left)):
        if _is_condition(one) and isinstance(other, ast.Boolean) and operator in {"eq", "ne"}:
            found = condition(one, values, depth + 1)
            return found if (other.val.lower() == "true") == (operator == "eq") else Not(found)
    return compared(values.of(left), operator, values.of(right))


def _is_condition(node: Any) -> bool:
    of_texts = isinstance(node, ast.Call) and node.func.full_name() in _OF_TEXTS
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    return of_texts or negated or isinstance(node, ast.Compare | ast.BoolOp | ast.CollectionLambda)


def compared(left: Given, operator: str, right: Given) -> Predicate:
    """`ne` is `not eq`: true where one of the two is null."""
    if operator == "ne":
        return Not(compared(left, "eq", right))
    if isinstance(left, Constant):
        if isinstance(right, Constant):
            raise Wrong("Two constants are compared: one side must name a column.")
        return compared(right, _TURNED.get(operator, operator), left)
    if isinstance(right, Constant):
        return _with_constant(left, operator, right)
    return _with_computed(left, operator, right)


def _with_computed(left: Computed, operator: str, right: Computed) -> Predicate:
    """Two nulls are equal."""
    if left.type != right.type and not {left.type, right.type} <= _EXACT:
        raise Wrong(f"{left.called} is of the type {left.type} and cannot be compared with {right.called} of the type {right.type}.")
    _check_operator(left, operator)
    found = Compare(left.expression, operator, (right.expression,))
    return Or((found, And((_null(left), _null(right))))) if operator == "eq" else found


def _with_constant(left: Computed, operator: str, right: Constant) -> Predicate:
    if right == NULL:
        return _null(left) if operator == "eq" else FALSE
    if left.type == Kind.INTEGER and right.type == Kind.DECIMAL:
        return _with_fraction(left, operator, right.value)
    _check_operator(left, operator)
    return _leaf(left, operator, (wanted(left.type, right, left.called),))


def _with_fraction(left: Computed, operator: str, number: Decimal) -> Predicate:
    """A whole number is less than 1.5 if it is at most 1."""
    below = int(number.to_integral_value(ROUND_FLOOR))
    if number != below:
        if operator == "eq":
            return FALSE
        operator = {"lt": "le", "ge": "gt"}.get(operator, operator)
    return _with_constant(left, operator, Constant(Kind.INTEGER, below))


def _among(left: Given, given: list[Given]) -> Predicate:
    """As an eq with each."""
    if isinstance(left, Constant):
        raise Wrong("A column must stand before in.")
    if not all(isinstance(each, Constant) for each in given):
        raise Wrong("A list behind in holds constants only.")
    _check_operator(left, "in")
    constants = [each for each in given if isinstance(each, Constant) and each != NULL]
    named = [_whole(each) if left.type == Kind.INTEGER else each for each in constants]
    there = [wanted(left.type, each, left.called) for each in named if each is not None]
    found = [_leaf(left, Operator.IN, tuple(there))] if there else []
    return Or((*found, *([_null(left)] if NULL in given else [])))


def _whole(given: Constant) -> Constant | None:
    """2.0 as 2; None for 1.5, which no whole number equals."""
    if given.type != Kind.DECIMAL:
        return given
    return Constant(Kind.INTEGER, int(given.value)) if given.value == int(given.value) else None


def _leaf(left: Computed, operator: str, values: tuple[Value, ...]) -> Predicate:
    """A plain column is a Condition, which an index can answer."""
    if not isinstance(left.expression, Column):
        return Compare(left.expression, operator, tuple(Literal(value) for value in values))
    written = tuple(_written(value) for value in values)
    return Condition(left.expression.name, str(operator), written if operator == Operator.IN else written[0])


def _written(value: Value) -> bool | int | float | str:
    if isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date) else format(value, "f") if isinstance(value, Decimal) else str(value)


def _null(given: Computed) -> Predicate:
    if isinstance(given.expression, Column):
        return Condition(given.expression.name, Operator.IS_NULL.value)
    return Compare(given.expression, Operator.IS_NULL.value)


def _check_operator(given: Computed, operator: str) -> None:
    known = OPERATORS[Kind.TEXT if given.type == TIME else Kind(given.type)]
    if operator not in known:
        can = ", ".join(each for each in known if each in {"eq", "ne", "lt", "in"})
        raise Wrong(
            f"{given.called} is of the type {given.type}, which {operator} does not compare. {f'It knows {can}.' if can else 'It can only be compared with null.'}"
        )
