"""Headers as a rule writes them: those that are sent, whose values may be secrets, and those that are expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from watchtower.schema import Model, OrText
from watchtower.secrets import Secret, read_secret
from watchtower.sources.probe.kinds.http.urls import secretive
from watchtower.sources.probe.patterns import Pattern, found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: headers that the prober needs for itself
_OWN = frozenset({"connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade"})
#: Characters of a value that a reason tells, and how many of a header's values.
_SHOWN, _SHOWN_VALUES = 200, 3
_SECRET = {
    "type": "object",
    "properties": {"env": {"type": "string"}, "file": {"type": "string"}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}


def _value(value: object, info: ValidationInfo) -> str | Secret:
    if isinstance(value, Mapping | Secret):
        return carried(read_secret(value, info))
    if isinstance(value, bool) or not isinstance(value, str | int):
        text = f"{value!r} is no header's value; write a text, or a secret as {{env: NAME}} or {{file: PATH}}"
        raise ValueError(text)  # noqa: TRY004 - pydantic takes no TypeError for a fault
    if not str(value).isprintable() or not str(value).isascii():
        raise ValueError("the value holds a character that no header can carry")
    return str(value)


def carried(secret: Secret) -> Secret:
    """The secret, if a header can carry it."""
    if not secret.stand_in and not (secret.reveal().isprintable() and secret.reveal().isascii()):
        raise ValueError(f"the secret from {secret.origin} holds a character that no header can carry")
    return secret


def _names(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in headers:
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no header name")
        if name.lower() in _OWN:
            raise ValueError(f"{name} is set by the prober itself")
    return headers


def _sealed(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in headers.items():
        if isinstance(value, str) and (name.lower().endswith("authorization") or secretive(name)):
            raise ValueError(f"{name} is a secret: write {{env: NAME}} or {{file: PATH}}, or use `auth`")
    return headers


HeaderValue = Annotated[
    str | Secret,
    PlainValidator(_value),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": ["string", "integer"]}, _SECRET]}),
]

#: Headers that are sent.
Headers = Annotated[Mapping[str, HeaderValue], AfterValidator(_names), AfterValidator(_sealed)]


def revealed(value: str | Secret) -> str:
    """The header's value as it is sent."""
    return value.reveal() if isinstance(value, Secret) else value


class HeaderExpectModel(Model):
    """What one header of the answer must be; ``true`` and ``false`` ask for its presence alone."""

    present: bool = True
    equals: str | None = None
    regex: Pattern | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, bool):
            return {"present": value}
        return {"equals": str(value)} if isinstance(value, str | int) else value

    def fault_of(self, name: str, values: Sequence[str], shown: Callable[[str, int], str]) -> str:
        """Why the header is not what was expected; empty when it is.

        A header that is there several times is what was expected when one of its values is, or all of them in one line:
        which of the two a header means differs (RFC 9110 section 5.3, and Set-Cookie).
        """
        if not values:
            return f"header {name} is missing" if self.present else ""
        if not self.present:
            return f"header {name} is there"
        readings = dict.fromkeys((*values, ", ".join(values)))
        told = " and ".join(repr(shown(value, _SHOWN)) for value in values[:_SHOWN_VALUES])
        if self.equals is not None and self.equals not in readings:
            return f"header {name} is {told}, expected {self.equals!r}"
        if self.regex is not None and not any(found(self.regex, value) for value in readings):
            return f"header {name} is {told}, which does not match {self.regex!r}"
        return ""


#: ``true`` (there), ``false`` (not there), the value, or ``{regex: PATTERN}``.
HeaderExpect = Annotated[HeaderExpectModel, OrText({"type": ["string", "boolean", "integer"]})]
