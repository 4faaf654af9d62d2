"""What drivers raise, told as StoreError with a cause a person can act on and without a secret."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from watchtower.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRIVER_ERRORS = (
    SQLAlchemyError,
    sqlite3.Error,
    OSError,
)
_LONGEST_CAUSE = 200


@contextmanager
def translated() -> Iterator[None]:
    """Let only StoreError (and what is not the database's doing) out of the block."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        raise StoreError(f"the store failed: {cause(error)}") from error


@contextmanager
def understood() -> Iterator[None]:
    """Turn what a driver raises about its arguments, which stand in the URL, into StoreError."""
    try:
        with translated():
            yield
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"the store's URL asks for what its driver cannot do: {cause(error)}") from error


def cause(error: BaseException) -> str:
    """The innermost cause in one short line: no statement, no parameters, no URL."""
    root = _root(error)
    if isinstance(root, TimeoutError) and not str(root):
        return "no answer in time"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower() if root.filename is None else f"{root.filename}: {root.strerror}"
    lines = str(root).strip().splitlines() or [type(root).__name__]
    return lines[0][:_LONGEST_CAUSE]


def _root(error: BaseException) -> BaseException:
    while True:
        inner = error.orig if isinstance(error, DBAPIError | StatementError) else None
        if inner is None:
            inner = error.__cause__ if _wraps_driver(error) else None
        if inner is None:
            return error
        error = inner


def _wraps_driver(error: BaseException) -> bool:
    """SQLAlchemy's adapter dresses asyncpg's errors; the plain text is one layer below."""
    return type(error).__module__.startswith("sqlalchemy.dialects") or (
        isinstance(error, TypeError) and error.__cause__ is not None
    )
