"""Values of a filter: constants that are worked out here, and expressions that the database works out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact
from typing import Any

from odata_query import ast

from exports.services.nearest import shown
from exports.sources.conditions import Kind
from exports.sources.expressions import Call, Column, Expression, Literal, result_kind
from retention.services.odata.constants import DURATION, NULL, TIME, Constant, constant, wanted
from retention.services.odata.names import Scope
from retention.services.odata.wrong import Wrong

MOST_NESTED = 4
"""Functions and operators inside one another: some must name their arguments to a database several times."""

_ARITHMETIC = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Mod: "mod"}
_WHOLE = {"floor", "ceiling", "round"}


@dataclass(frozen=True)
class Computed:
    """An expression with a column in it; `type`: its Kind, or TIME. `nested`: how many functions deep."""

    type: str
    expression: Expression
    nested: int = 0

    @property
    def called(self) -> str:
        """What a sentence calls it."""
        match self.expression:
            case Column(name):
                return name
            case Call(function):
                return f"{function}(…)"
            case Literal():
                return "this"


Given = Constant | Computed


def path_of(node: Any) -> tuple[str, ...] | None:
    """(x, name) for x/name; None for what is no path."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr if isinstance(node.attr, str) else "")
        node = node.owner
    return (node.full_name(), *names) if isinstance(node, ast.Identifier) else None


@dataclass(frozen=True)
class Values:
    """What nodes are worth in a scope; `now` is what now() is."""

    scope: Scope
    now: datetime

    def of(self, node: Any) -> Given:
        """Raises Wrong for what is no value, or of the wrong type."""
        if (path := path_of(node)) is not None:
            name, kind = self.scope.kind(path)
            return Computed(kind, Column(name))
        match node:
            case ast.BinOp(op, left, right):
                return _arithmetic(_ARITHMETIC[type(op)], self.of(left), self.of(right))
            case ast.UnaryOp(ast.USub(), operand):
                return _arithmetic("sub", Constant(Kind.INTEGER, 0), self.of(operand))
            case ast.Call(function, arguments):
                return self._call(function.full_name(), arguments)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp() | ast.CollectionLambda():
                raise Wrong(
                    "A condition can be compared with true and false only; what not is about stands in brackets, e.g. not (a eq 1)."
                )
            case ast.List():
                raise Wrong("A list can only stand behind in.")
        return constant(node)

    def _call(self, name: str, arguments: list[Any]) -> Given:
        if name == "now":
            return Constant(Kind.TIMESTAMP, self.now)
        given = [self.of(argument) for argument in arguments]
        if NULL in given:
            return NULL
        if all(isinstance(each, Constant) for each in given):
            return _worked_out(name, [each for each in given if isinstance(each, Constant)])
        if name in _WHOLE and (same := _already_whole(given[0])):
            return same
        if name == "substring":
            _check_substring(given[1:])
        return called(name, given)


def called(name: str, given: list[Given]) -> Computed:
    """The function of these arguments, at least one of which is computed. Raises Wrong if it is not for their types."""
    kinds = [each.type for each in given]
    result = None if TIME in kinds or DURATION in kinds else result_kind(name, [Kind(kind) for kind in kinds])
    if result is None:
        raise Wrong(f"There is no {shown(name)} of {' and '.join(kind or 'null' for kind in kinds)}.")
    nested = 1 + max(each.nested for each in given if isinstance(each, Computed))
    if nested > MOST_NESTED:
        raise Wrong(f"Functions and arithmetic of columns may be nested at most {MOST_NESTED} deep.")
    return Computed(TIME if name == "time" else result, Call(name, tuple(_expression(each) for each in given)), nested)


def _expression(given: Given) -> Expression:
    return given.expression if isinstance(given, Computed) else Literal(wanted(given.type, given, "an argument"))


def _already_whole(given: Given) -> Given | None:
    whole = isinstance(given, Computed) and isinstance(given.expression, Call) and given.expression.function in _WHOLE
    return given if whole or given.type == Kind.INTEGER else None


def _check_substring(places: list[Given]) -> None:
    for place in places:
        if not isinstance(place, Constant) or place.type != Kind.INTEGER or not 0 <= place.value <= 1_000_000:
            raise Wrong("substring takes whole numbers from 0 to 1000000 for where it begins and how long it is.")


# --- Constants -----------------------------------------------------------------------------------------------------
_DAYS, _HOURS = {"year", "month", "day"}, {"hour", "minute", "second"}


def _worked_out(name: str, given: list[Constant]) -> Constant:
    """Parts of a moment, above all of now()."""
    kind, value = given[0].type, given[0].value
    if kind in {TIME, DURATION}:
        raise Wrong(f"There is no {shown(name)} of a {kind}.")
    if name == "date" and kind == Kind.TIMESTAMP:
        return Constant(Kind.DATE, value.date())
    if name == "time" and kind == Kind.TIMESTAMP:
        return Constant(TIME, value.time().isoformat(timespec="microseconds"))
    if name in {Kind.TIMESTAMP: _DAYS | _HOURS, Kind.DATE: _DAYS}.get(Kind(kind), ()):
        return Constant(Kind.INTEGER, getattr(value, name))
    raise Wrong(f"{shown(name)} needs a column that it is for.")


def _arithmetic(name: str, left: Given, right: Given) -> Given:
    if NULL in {left, right}:
        return NULL
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _sum(name, left, right)
    if {left.type, right.type} != {Kind.INTEGER}:
        raise Wrong(f"Of columns only whole numbers can be reckoned with, not {left.type} {name} {right.type}.")
    return called(name, [left, right])


def _sum(name: str, left: Constant, right: Constant) -> Constant:
    """Of two numbers, or of a moment or a day and a duration."""
    numbers = {Kind.INTEGER, Kind.DECIMAL}
    exact = {left.type, right.type} <= numbers and name in {"add", "sub", "mul"}
    shifted = left.type in {Kind.TIMESTAMP, Kind.DATE} and right.type == DURATION and name in {"add", "sub"}
    if not exact and not shifted:
        raise Wrong(f"There is no {name} of {left.type} and {right.type}.")
    try:
        found = _shifted(name, left, right.value) if shifted else _number(name, left.value, right.value)
    except (OverflowError, ArithmeticError):
        raise Wrong("No calendar and no number goes so far.") from None
    kind = left.type if shifted else Kind.INTEGER if isinstance(found, int) else Kind.DECIMAL
    return Constant(kind, found)


def _shifted(name: str, moment: Constant, length: timedelta) -> Any:
    if moment.type == Kind.DATE and length % timedelta(days=1):
        raise Wrong("A day is moved by whole days.")
    return moment.value + length if name == "add" else moment.value - length


def _number(name: str, left: int | Decimal, right: int | Decimal) -> int | Decimal:
    """Exact, or too long."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right if name == "add" else left - right if name == "sub" else left * right
    context = Context(prec=100, traps=[Inexact])
    operation = {"add": context.add, "sub": context.subtract, "mul": context.multiply}[name]
    return operation(Decimal(left), Decimal(right))
