"""Reading request parameters strictly: a wrong type is refused in the words AWS uses for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchtower.demo.aws.wire import Params, Refusal

if TYPE_CHECKING:
    from watchtower.demo.estate import Dimensions


def text(params: Params, name: str) -> str | None:
    """A string member, or None."""
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong_type(name, "a string")
    return value


def number(params: Params, name: str) -> float | None:
    """A number (or JSON's way to write NaN and infinities, as a string), or None."""
    value = params.get(name)
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise _wrong_type(name, "a number")
    return value


def integer(params: Params, name: str) -> int | None:
    """A whole number, or None."""
    value = params.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise _wrong_type(name, "a whole number")
    return value


def boolean(params: Params, name: str, default: bool) -> bool:
    """True or false, or the default."""
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise _wrong_type(name, "true or false")
    return value


def items(params: Params, name: str) -> list[Any]:
    """A list member; empty when absent."""
    value = params.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong_type(name, "a list")
    return value


def structures(params: Params, name: str) -> list[Params]:
    """A list of structures; empty when absent."""
    values = items(params, name)
    if not all(isinstance(value, dict) for value in values):
        raise _wrong_type(name, "a list of structures")
    return values


def structure(params: Params, name: str) -> Params | None:
    """A structure member, or None."""
    value = params.get(name)
    if value is not None and not isinstance(value, dict):
        raise _wrong_type(name, "a structure")
    return value


def dimensions(params: Params) -> Dimensions:
    """The Dimensions of a metric, sorted; a repeated name is refused."""
    pairs = [(text(pair, "Name") or "", text(pair, "Value") or "") for pair in structures(params, "Dimensions")]
    if not all(name and value for name, value in pairs):
        raise Refusal("ValidationError", "a dimension needs a name and a value")
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refusal("ValidationError", "a dimension's name may stand only once")
    return tuple(sorted(pairs))


def _wrong_type(name: str, wanted: str) -> Refusal:
    return Refusal("SerializationException", f"{name} must be {wanted}")
