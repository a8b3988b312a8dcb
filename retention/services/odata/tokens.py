"""The words of a filter, and its limits: they are checked here, before any parser sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from odata_query import ast
from odata_query.exceptions import TokenizingException
from odata_query.grammar import ODataLexer
from sly.lex import Token

from exports.services.nearest import shown
from retention.services.odata.wrong import Wrong

MOST_CHARACTERS, MOST_DEPTH, MOST_TERMS, MOST_VALUES = 8192, 20, 200, 1000

_JOINS = {"AND", "OR"}
_PREFIXES = {"NOT", "UMINUS"}
_OPERATORS = {"EQ", "NE", "LT", "LE", "GT", "GE", "IN", "ADD", "SUB", "MUL", "DIV", "MOD", "ANY", "ALL", "/", *_PREFIXES}


def _whole_word(rule: Callable[..., Any]) -> Callable[..., Any]:
    """odata-query reads `allAttributes` as `all` and `Attributes`."""

    def read(lexer: Any, token: Token) -> Any:
        return rule(lexer, token)

    read.pattern = rf"(?:{rule.pattern})(?![\w.])"  # type: ignore[attr-defined] # where sly looks for it
    return read


def _in(lexer: Any, token: Token) -> Any:
    """The space before its list may be left out."""
    token.value = ast.In()
    return token


_in.pattern = r"\s+in(?:\s+|(?=\())"  # type: ignore[attr-defined] # where sly looks for it


class _Lexer(ODataLexer):
    tokens = ODataLexer.tokens
    ANY, ALL = _whole_word(ODataLexer.ANY), _whole_word(ODataLexer.ALL)
    NULL, BOOLEAN = _whole_word(ODataLexer.NULL), _whole_word(ODataLexer.BOOLEAN)
    IN = _in


def tokens_of(text: str) -> list[Token]:
    """In order, without spaces at either end. Raises Wrong for what is no word, and as soon as a limit is passed."""
    if len(text) > MOST_CHARACTERS:
        raise Wrong(f"A filter has at most {MOST_CHARACTERS} characters, this one {len(text)}.")
    limits, found = _Limits(), list[Token]()
    try:
        for token in _Lexer().tokenize(text):
            if found or token.type != "WS":
                limits.see(token)
                found.append(token)
    except TokenizingException as error:
        raise _no_word(text, error.token.index) from None
    while found and found[-1].type == "WS":
        found.pop()
    _prefix_not(found)
    return _lists(found)


def _no_word(text: str, index: int) -> Wrong:
    if text[index] == "'":
        return Wrong("This quote is never closed; a quote inside a text is written twice.", index + 1)
    return Wrong(f'"{shown(text[index])}" begins no word of a filter.', index + 1)


@dataclass
class _Limits:
    """What has been counted so far."""

    joins: int = 0
    operators: int = 0
    prefixes: int = 0
    brackets: list[int] = field(default_factory=lambda: [0])
    """How many commas each open bracket holds; the first of them is none."""
    before: str = ""

    def see(self, token: Token) -> None:
        """Raises Wrong if this word is one too many. A name before a bracket is a function, or `not`."""
        if token.type == "=":
            raise Wrong("= cannot stand here: the operator is eq, and arguments are given without names.", token.index + 1)
        self.joins += token.type in _JOINS
        self.operators += token.type in _OPERATORS or (token.type == "(" and self.before == "ODATA_IDENTIFIER")
        self._see_depth(token)
        if token.type == ",":
            self.brackets[-1] += 1
        self.before = token.type
        if self.brackets[-1] >= MOST_VALUES:
            raise Wrong(f"A list has at most {MOST_VALUES} values.", token.index + 1)
        if max(self.joins + 1, self.operators) > MOST_TERMS:
            raise Wrong(f"A filter has at most {MOST_TERMS} terms (comparisons, functions, operators).", token.index + 1)

    def _see_depth(self, token: Token) -> None:
        """Brackets, and what stands before an operand without any: not not not, - - -."""
        if token.type == "(":
            self.brackets.append(0)
        elif token.type == ")" and len(self.brackets) > 1:
            self.brackets.pop()
        self.prefixes = self.prefixes + 1 if token.type in _PREFIXES else self.prefixes if token.type in {"(", "WS"} else 0
        if len(self.brackets) - 1 + self.prefixes > MOST_DEPTH:
            raise Wrong(f"A filter is at most {MOST_DEPTH} levels deep.", token.index + 1)


def _prefix_not(tokens: list[Token]) -> None:
    """`not(…)` is no function, which odata-query takes it for."""
    for token, after in pairwise(tokens):
        if token.type == "ODATA_IDENTIFIER" and after.type == "(" and token.value.full_name().lower() == "not":
            token.type, token.value = "NOT", ast.Not()


def _lists(tokens: list[Token]) -> list[Token]:
    """With a comma in each list of one value, without which odata-query takes it for brackets."""
    written: list[Token] = []
    alone: list[bool] = []
    for token in tokens:
        if token.type == "(":
            alone.append(bool(written) and written[-1].type == "IN")
        elif token.type == "," and alone:
            alone[-1] = False
        elif token.type == ")" and alone and alone.pop() and written[-1].type != "(":
            written.append(_comma(token))
        written.append(token)
    return written


def _comma(before: Token) -> Token:
    comma = Token()
    comma.type, comma.value, comma.lineno, comma.index = ",", ",", before.lineno, before.index
    return comma
