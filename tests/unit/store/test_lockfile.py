"""The lock that keeps a second process out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from watchtower.errors import StoreError, StoreLocked
from watchtower.store.lockfile import FileLock

if TYPE_CHECKING:
    from pathlib import Path


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    lock = FileLock.take(tmp_path / "store.db")
    assert (tmp_path / "store.db.lock").read_text() == f"{os.getpid()}\n"
    with pytest.raises(StoreLocked, match=f"store.db is held by process {os.getpid()}"):
        FileLock.take(tmp_path / "store.db")
    lock.release()


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    lock = FileLock.take(tmp_path / "store.db")
    lock.release()
    lock.release()
    FileLock.take(tmp_path / "store.db").release()


def test_a_shorter_process_number_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "store.db.lock").write_text("999999999999\n")
    lock = FileLock.take(tmp_path / "store.db")
    assert (tmp_path / "store.db.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        FileLock.take(tmp_path / "missing" / "store.db")
