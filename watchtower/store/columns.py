"""Column types: what a column holds in Python, and how the database keeps it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Dialect, Integer, SmallInteger, Text
from sqlalchemy.types import TypeDecorator

from watchtower.model import Priority
from watchtower.store import codec

if TYPE_CHECKING:
    from collections.abc import Callable

#: A row's number in order of creation; SQLite counts by itself only in INTEGER.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, kept as epoch microseconds; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return None if value is None else codec.to_micros(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else codec.from_micros(value)


class Coded(TypeDecorator[Any]):
    """A model value as JSON text, read back as ``hint`` says."""

    impl = Text
    cache_ok = True

    def __init__(self, hint: Any) -> None:
        super().__init__()
        self.hint = hint

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else codec.dumps(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        return None if value is None else codec.loads(self.hint, value)


class Word(TypeDecorator[StrEnum]):
    """One word of a vocabulary."""

    impl = Text
    cache_ok = True

    def __init__(self, vocabulary: Callable[[str], StrEnum]) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def process_bind_param(self, value: StrEnum | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.vocabulary(value)


class Rank(TypeDecorator[Priority]):
    """A priority as its number, so that the most urgent sorts first."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: Priority | None, _dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> Priority | None:
        return None if value is None else Priority(value)


class Prose(TypeDecorator[str]):
    """Text from the outside: a NUL, which PostgreSQL refuses, must not fail the transaction that tells of it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        return None if value is None else value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
