"""Metric math as text: a small grammar read into a tree, nothing ever executed as code.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.errors import WatchtowerError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)
_LEVELS = (
    ("OR", "||"),
    ("AND", "&&"),
    ("==", "!=", "<", ">", "<=", ">="),
    ("+", "-"),
    ("*", "/"),
    ("^",),
)
_SAME = {"&&": "AND", "||": "OR"}
_DEEPEST = 50


class NotMath(WatchtowerError):
    """An expression that CloudWatch would refuse, and why in words."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, as METRICS takes one."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """An id of another query, or a bare word such as REPEAT."""

    value: str


@dataclass(frozen=True, slots=True)
class Apply:
    """A function, an operator, a unary minus (``NEG``) or a list (``[]``) with its arguments."""

    function: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Apply


def parse(source: str) -> Node:
    """The tree of an expression; raises NotMath in words when it is not one."""
    reader = _Reader(list(_tokens(source)))
    node = reader.level(0)
    if reader.next:
        raise NotMath(f"{reader.next!r} was not expected")
    return node


def names(node: Node) -> set[str]:
    """The ids an expression mentions."""
    if isinstance(node, Name):
        return {node.value} if node.value[0].islower() else set()
    if isinstance(node, Apply):
        return set().union(*(names(argument) for argument in node.arguments))
    return set()


def _tokens(source: str) -> Iterator[str]:
    at = 0
    while at < len(source.rstrip()):
        found = _TOKEN.match(source, at)
        if not found:
            raise NotMath(f"{source[at:].strip()[:10]!r} cannot be read")
        yield found.group().strip()
        at = found.end()


class _Reader:
    """Reads tokens from the left, one level of precedence calling the next."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.next
        if not token or (expected and token != expected):
            raise NotMath(f"{expected or 'a value'!r} was expected before {token or 'the end'!r}")
        self._at += 1
        return token

    def level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self._unary()
        node = self.level(number + 1)
        while self.next in _LEVELS[number]:
            sign = self.take()
            node = Apply(_SAME.get(sign, sign), (node, self.level(number + 1)))
        return node

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotMath("it is nested too deeply")
        node = self._value()
        self._depth -= 1
        return node

    def _value(self) -> Node:
        token = self.take()
        if token == "-":  # noqa: S105 -- a sign
            return Apply("NEG", (self._unary(),))
        if token == "(":  # noqa: S105 -- a sign
            node = self.level(0)
            self.take(")")
            return node
        if token == "[":  # noqa: S105 -- a sign
            return Apply("[]", self._arguments("]"))
        return self._word(token)

    def _word(self, token: str) -> Node:
        if token[0].isdigit() or token[0] == ".":
            return Number(float(token))
        if token[0] in "\"'":
            return Text(token[1:-1])
        if not (token[0].isalpha() or token[0] == "_"):
            raise NotMath(f"{token!r} was not expected")
        if self.next == "(":
            self.take()
            return Apply(token, self._arguments(")"))
        return Name(token)

    def _arguments(self, end: str) -> tuple[Node, ...]:
        arguments: list[Node] = []
        while self.next != end:
            if arguments:
                self.take(",")
            arguments.append(self.level(0))
        self.take(end)
        return tuple(arguments)
