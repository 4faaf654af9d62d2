"""Values as JSON text and back: moments are epoch microseconds, everything else is what its type says."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson

from watchtower.model import Labels

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SERIALIZE_NUMPY

Reader = Callable[[Any], Any]


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970, exactly; a naive time raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place in the store")
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def dumps(value: Any) -> str:
    """JSON text of model values, mappings and sequences; infinities and NaN become null."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS).decode()


def loads(hint: Any, text: str) -> Any:
    """The value of type ``hint`` that :func:`dumps` wrote; keys the type does not know are dropped."""
    return reader(hint)(orjson.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


@cache
def reader(hint: Any) -> Reader:
    """What turns parsed JSON into a value of type ``hint``."""
    if hint is datetime:
        return from_micros
    if isinstance(hint, type) and (hint is Labels or issubclass(hint, Enum)):
        return hint
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass_reader(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return _optional_reader(hint)
    if get_origin(hint) is tuple:
        return _tuple_reader(get_args(hint))
    return _same


def _same(value: Any) -> Any:
    return value


def _dataclass_reader(cls: type) -> Reader:
    hints = get_type_hints(cls, localns={"datetime": datetime})  # imported there for checkers only
    readers = {field.name: reader(hints[field.name]) for field in fields(cls)}
    return lambda raw: cls(**{name: readers[name](value) for name, value in raw.items() if name in readers})


def _optional_reader(hint: Any) -> Reader:
    [inner] = [reader(part) for part in get_args(hint) if part is not types.NoneType]
    return lambda raw: None if raw is None else inner(raw)


def _tuple_reader(parts: tuple[Any, ...]) -> Reader:
    if parts[-1] is Ellipsis:
        each = reader(parts[0])
        return lambda raw: tuple(each(item) for item in raw)
    readers = [reader(part) for part in parts]
    return lambda raw: tuple(read(item) for read, item in zip(readers, raw, strict=True))
