"""What a rule writes under ``composite:``: other rules, joined in CloudWatch's words.

The words and the limit on the length are those of a CloudWatch composite alarm's AlarmRule:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
A composite asks no source: the engine judges it by what is remembered of the alerts that it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from watchtower.faults import Misread
from watchtower.model import State
from watchtower.schema import Duration, Model
from watchtower.sources.base import Query
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Characters of an expression, as CloudWatch has it; and how deep it may be nested.
LONGEST, DEEPEST = 10_240, 50

#: Seconds between two looks at a composite of which no operand has changed.
HEARTBEAT = 60

_TOKEN = re.compile(r'\s*(?:(?P<bracket>[()])|"(?P<quoted>[^"]*)"|(?P<bare>[^\s()"]+)|(?P<stray>"))')
_STATES = {state.value: state for state in State}
_WORDS = ("AND", "OR", "NOT", "TRUE", "FALSE", *_STATES)


@dataclass(frozen=True, slots=True)
class Is:
    """``ALARM(name)``: some alert of this rule is in this state; ``offset`` is where the name stands in the text."""

    state: State
    name: str
    offset: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.state}({self.name})"


@dataclass(frozen=True, slots=True)
class Constant:
    """``TRUE`` or ``FALSE``."""

    value: bool

    def __str__(self) -> str:
        return "TRUE" if self.value else "FALSE"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True, slots=True)
class All:
    """``AND``."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """``OR``."""

    parts: tuple[Node, ...]


Node = Is | Constant | Not | All | Some


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as it is written, and what it says."""

    text: str
    root: Node

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression; NOT binds closer than AND, AND closer than OR. Raises Misread with the place."""
        if len(text) > LONGEST:
            raise Misread(f"the expression has {len(text)} characters; {LONGEST} is the most")
        return cls(text, _Parser(text).parse())

    def operands(self) -> Iterator[Is]:
        """Every mention of a rule, in the order of the text."""
        return _operands(self.root)


def holds(node: Node, state_of: Callable[[str], State | None]) -> bool:
    """Whether an expression is true; ``state_of`` tells the state of a rule, None for OK."""
    if isinstance(node, Is):
        return (state_of(node.name) or State.OK) is node.state
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        return not holds(node.part, state_of)
    if isinstance(node, All):
        return all(holds(part, state_of) for part in node.parts)
    return any(holds(part, state_of) for part in node.parts)


def _operands(node: Node) -> Iterator[Is]:
    if isinstance(node, Is):
        yield node
    elif isinstance(node, Not):
        yield from _operands(node.part)
    elif isinstance(node, All | Some):
        for part in node.parts:
            yield from _operands(part)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    offset: int
    quoted: bool = False

    def says(self, word: str) -> bool:
        return self.text == word and not self.quoted


def _tokens(text: str) -> Iterator[_Token]:
    end = len(text.rstrip())
    place = 0
    while place < end:
        found = _TOKEN.match(text, place)
        kind = found.lastgroup if found is not None else None
        if found is None or kind is None or kind == "stray":
            raise Misread('a closing `"` is missing', text.find('"', place))
        yield _Token(found[kind], found.start(kind), quoted=kind == "quoted")
        place = found.end()


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._end = len(text.rstrip())
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        if not self._tokens:
            raise Misread("the expression is empty: write it like ALARM(A) AND NOT ALARM(B)")
        node = self._some()
        left = self._peek()
        if left is not None:
            raise Misread(_unexpected(left), left.offset)
        return node

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, word: str) -> bool:
        """Go on if the next token is this word."""
        token = self._peek()
        if token is None or not token.says(word):
            return False
        self._at += 1
        return True

    def _next(self, wanted: str) -> _Token:
        token = self._peek()
        if token is None:
            raise Misread(f"the expression ends where {wanted} should follow", self._end)
        self._at += 1
        return token

    def _some(self) -> Node:
        parts = [self._all()]
        while self._take("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _all(self) -> Node:
        parts = [self._single()]
        while self._take("AND"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _single(self) -> Node:
        """One term: what stands between AND and OR."""
        token = self._next("ALARM(name) or the like")
        if self._depth >= DEEPEST:
            raise Misread(f"the expression is nested more than {DEEPEST} deep", token.offset)
        self._depth += 1
        node = self._term(token)
        self._depth -= 1
        return node

    def _term(self, token: _Token) -> Node:
        if token.says("NOT"):
            return Not(self._single())
        if token.says("("):
            node = self._some()
            self._close(token, "(")
            return node
        if token.says("TRUE") or token.says("FALSE"):
            return Constant(token.text == "TRUE")
        if token.text in _STATES and not token.quoted:
            return self._is(token)
        raise Misread(self._no_term(token), token.offset)

    def _is(self, state: _Token) -> Is:
        if not self._take("("):
            raise Misread(f"`{state.text}` of which rule? write {state.text}(name)", state.offset)
        name = self._next("the name of a rule")
        if name.says("(") or name.says(")") or not name.text:
            raise Misread(f"`{state.text}` of which rule? write {state.text}(name)", name.offset)
        self._close(state, f"{state.text}(")
        return Is(_STATES[state.text], name.text, name.offset)

    def _close(self, opened: _Token, what: str) -> None:
        if self._take(")"):
            return
        token = self._peek()
        if token is None:
            raise Misread(f"`{what}` is not closed: a `)` is missing", opened.offset)
        raise Misread(f"`{token.text}` stands where `)` should close `{what}`", token.offset)

    def _no_term(self, token: _Token) -> str:
        following = self._peek()
        if token.says("AT_LEAST"):
            return "AT_LEAST is not supported yet; write the combinations out with AND and OR"
        if following is not None and following.says("("):
            hint = did_you_mean(token.text, _STATES)
            return f"`{token.text}` is no state: write ALARM(name), OK(name) or INSUFFICIENT_DATA(name){hint}"
        if token.text in ("AND", "OR", ")") and not token.quoted:
            return f"`{token.text}` stands where ALARM(name) or the like should"
        hint = did_you_mean(token.text, _WORDS)
        return f"`{token.text}` says nothing by itself: which state? write it like ALARM({token.text}){hint}"


def _unexpected(token: _Token) -> str:
    if token.says(")"):
        return "`)` closes nothing"
    return f"AND or OR is missing before `{token.text}`{did_you_mean(token.text, ('AND', 'OR'))}"


def _expression(value: object) -> Expression:
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool):  # YAML's word for it is CloudWatch's too
        value = str(value).upper()
    if not isinstance(value, str):
        raise ValueError("a composite is an expression, like ALARM(A) AND NOT ALARM(B)")  # noqa: TRY004 - pydantic's way
    return Expression.parse(value)


ExpressionText = Annotated[
    Expression,
    PlainValidator(_expression),
    PlainSerializer(lambda expression: expression.text),
    WithJsonSchema({"type": ["string", "boolean"], "examples": ["ALARM(A) AND NOT ALARM(B)"]}),
]


class Suppressor(Model):
    """An alert that holds a composite's trigger back: CloudWatch's actions suppressor.

    ``wait``: seconds that the suppressor is given to go into ALARM after the composite did. ``extension``: seconds
    that the composite is given to end after the suppressor left ALARM.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm_Suppression.html
    """

    alert: Annotated[str, Field(min_length=1)]
    wait: Duration = 0.0
    extension: Duration = 0.0


class CompositeQuery(Query):
    """What a composite says, and for which groups: alerts with equal values of the labels ``by``."""

    source: ClassVar[str] = "composite"

    expression: ExpressionText
    by: tuple[str, ...] = ()
    suppressor: Suppressor | None = None

    @property
    def operands(self) -> frozenset[str]:
        """The rules that the expression names."""
        return frozenset(operand.name for operand in self.expression.operands())

    @property
    def reads(self) -> frozenset[str]:
        """Every rule whose alerts decide something: the operands and the suppressor."""
        return self.operands | ({self.suppressor.alert} if self.suppressor else frozenset())
