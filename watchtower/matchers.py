"""Matchers choose alerts by their labels for routes, silences and inhibition, read as Alertmanager does.

Syntax: https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RESERVED = r"{}!=~,\\'\"`\s"
_NAME = re.compile(rf'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^{_RESERVED}]+))\s*', re.DOTALL)
_OPERATOR = re.compile(r"=~|!~|!=|=")
_PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPE = re.compile(r'\\([\\"n])')
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n"}

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class Operator(StrEnum):
    """The four ways a label is compared; the regular expressions must match the whole value."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"

    @property
    def negative(self) -> bool:
        return self in (Operator.NOT_EQUAL, Operator.MATCHES_NOT)

    @property
    def regex(self) -> bool:
        return self in (Operator.MATCHES, Operator.MATCHES_NOT)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; raises ValueError when the regular expression is not one RE2 accepts.

    A label that is missing is read as an empty one. ``alertname``, Alertmanager's name for it, reads the
    label ``alert``.
    """

    name: str
    operator: Operator
    value: str
    _pattern: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.operator.regex:
            object.__setattr__(self, "_pattern", _compiled(self.value))

    @property
    def label(self) -> str:
        """The label that is read."""
        return "alert" if self.name == "alertname" else self.name

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy the condition."""
        value = labels.get(self.label, "")
        equal = self._pattern.fullmatch(value) is not None if self.operator.regex else value == self.value
        return bool(equal) is not self.operator.negative

    def __str__(self) -> str:
        name = self.name if _PLAIN_NAME.fullmatch(self.name) else _quoted(self.name)
        return f"{name}{self.operator}{_quoted(self.value)}"


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher accepts these labels; no matchers accept everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def parse_matcher(text: str) -> Matcher:
    """Read one matcher such as ``team=~"db|web"``; raises ValueError with a sentence a person can act on.

    Quotes around the value may be left out. ``\\"``, ``\\\\`` and ``\\n`` are escapes; any other backslash is
    itself, so that regular expressions need none doubled.
    """
    name = _NAME.match(text)
    if name is None:
        raise ValueError(f'{text!r} is not a matcher; write it like team="web" or priority=~"P1|P2"')
    operator = _OPERATOR.match(text, name.end())
    if operator is None:
        raise ValueError(f"{text!r} has none of =, !=, =~ and !~ after the label's name")
    quoted = name["quoted"]
    label = _unescaped(quoted) if quoted is not None else name["bare"]
    if not label:
        raise ValueError(f"{text!r} has an empty label name")
    return Matcher(label, Operator(operator[0]), _value(text, text[operator.end() :].strip()))


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read a list of matchers, each entry one matcher, several with commas, or ``{a="b", c!="d"}``.

    Raises ValueError with a sentence about the first that cannot be read.
    """
    return tuple(parse_matcher(part) for text in texts for part in _split(text))


def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        detail = error.args[0]
        told = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
        raise ValueError(f"{pattern!r} is not a regular expression that RE2 accepts: {told}") from None


def _value(text: str, raw: str) -> str:
    if len(raw) >= 2 and raw[0] == raw[-1] == '"':
        raw = raw[1:-1]
    if raw.endswith("\\") and (len(raw) - len(raw.rstrip("\\"))) % 2:
        raise ValueError(f"{text!r} ends in a backslash that escapes nothing")
    if '"' in _ESCAPE.sub("", raw):
        raise ValueError(f'{text!r} has a double quote inside its value; write it as \\"')
    return _unescaped(raw)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _UNESCAPED[found[1]], text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_CHUNK = re.compile(r'"(?:[^"\\]|\\.)*"|[^,"]+|"', re.DOTALL)


def _split(text: str) -> list[str]:
    """The text cut at the commas that stand outside quotes; one comma may trail."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
        if not inner:
            return []
    parts, start, at = [], 0, 0
    while at < len(inner):
        if inner[at] == ",":
            parts.append(inner[start:at])
            start = at = at + 1
        elif chunk := _CHUNK.match(inner, at):
            at = chunk.end()
    rest = inner[start:]
    return [*parts, rest] if rest.strip() or not parts else parts
