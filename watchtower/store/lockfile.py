"""One process holds a SQLite store: an exclusive lock on a file beside it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from watchtower.errors import StoreError, StoreLocked

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class FileLock:
    """A lock that the kernel gives back when its process ends, however it ends.

    The file stays behind on purpose: removing it would let two processes hold two files of one name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, store: Path) -> Self:
        """Hold ``<store>.lock``; raises StoreLocked with the holder's process id when another has it."""
        path = store.with_name(store.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"the store cannot be opened: {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _refusal(store, descriptor, error) from None
        _sign(descriptor)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _refusal(store: Path, descriptor: int, error: OSError) -> StoreError:
    holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
    os.close(descriptor)
    if isinstance(error, BlockingIOError):
        return StoreLocked(f"{store} is held by process {holder}")
    return StoreError(f"{store} cannot be locked: {error.strerror}; is it on a network filesystem?")
