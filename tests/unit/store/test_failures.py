"""What people read when the database fails."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError, StatementError

from watchtower.errors import StoreError
from watchtower.store.failures import cause, translated, understood


def test_the_drivers_own_words_are_told_without_the_statement() -> None:
    error = OperationalError("INSERT INTO x", {"secret": "geheim"}, sqlite3.OperationalError("database is locked"))
    with pytest.raises(StoreError, match=r"^the store failed: database is locked$"), translated():
        raise error


def test_a_value_that_was_refused_is_told_by_its_reason() -> None:
    refused = TypeError("not serializable")
    refused.__cause__ = ValueError("a naive time")
    assert cause(StatementError("wrapped", "INSERT", {}, refused)) == "a naive time"


def test_only_the_first_line_is_told_and_only_so_much_of_it() -> None:
    assert cause(sqlite3.OperationalError("one\ntwo")) == "one"
    assert len(cause(sqlite3.OperationalError("x" * 1000))) == 200


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (TimeoutError(), "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (PermissionError(13, "Permission denied", "/var/store.db"), "/var/store.db: Permission denied"),
        (sqlite3.DatabaseError(), "DatabaseError"),
    ],
)
def test_failures_of_the_machine_are_told(error: Exception, says: str) -> None:
    with pytest.raises(StoreError) as caught, translated():
        raise error
    assert str(caught.value) == f"the store failed: {says}"


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(LookupError), translated():
        raise LookupError("ours")


@pytest.mark.parametrize("error", [TypeError("connect() got an unexpected keyword"), ValueError("no such mode")])
def test_what_a_driver_does_not_understand_of_the_url_is_told_as_the_stores_failure(error: Exception) -> None:
    with pytest.raises(StoreError, match=f"asks for what its driver cannot do: {str(error)[:9]}"), understood():
        raise error
