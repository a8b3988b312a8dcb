"""A filter's text as odata-query's tree."""

from odata_query import ast
from odata_query.exceptions import ArgumentCountException, ODataException, ParsingException, UnknownFunctionException
from odata_query.grammar import ODataParser

from exports.services.nearest import known_names, shown
from retention.services.odata.names import FUNCTIONS
from retention.services.odata.tokens import tokens_of
from retention.services.odata.wrong import Wrong

Node = ast._Node  # noqa: SLF001 the class of every node has no other name


def parse(text: str) -> Node:
    """Raises Wrong, with the column of a syntax error."""
    tokens = tokens_of(text)
    if not tokens:
        raise Wrong("A filter says which rows it means; an empty one says nothing.", 1)
    try:
        tree = ODataParser().parse(iter(tokens))
    except ParsingException as error:
        raise _unexpected(text, error) from None
    except UnknownFunctionException as error:
        raise Wrong(f"There is no function {shown(error.function_name)}. {known_names(error.function_name, FUNCTIONS)}") from None
    except (ODataException, AttributeError, NotImplementedError) as error:  # the last two are odata-query's own about paths
        raise Wrong(_about(error)) from None
    if not isinstance(tree, Node):
        raise Wrong("This is no condition.", 1)
    return tree


def _unexpected(text: str, error: ParsingException) -> Wrong:
    if error.token is None:
        return Wrong("Something is missing at the end.", len(text.rstrip()) + 1)
    column = error.token.index + 1 + len(text[error.token.index :]) - len(text[error.token.index :].lstrip())
    return Wrong(f'"{shown(text[column - 1 :][:20])}" cannot stand here.', column)


def _about(error: Exception) -> str:
    if isinstance(error, ArgumentCountException):
        few, many = error.exp_min_args, error.exp_max_args
        takes = f"{few}" if few == many else f"{few} to {many}"
        return f"{error.function_name} takes {takes} arguments, not {error.n_args_given}."
    return "A path is a column, or inside any and all a row's name, a slash and a column."
