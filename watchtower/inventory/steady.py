"""Sets that are listed now and then, and not believed when they suddenly shrink.

A listing that fails, or that loses half of what it had, is more often an outage of the listing than of the things
listed. The old set stays until the next listing says the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from watchtower.clock import Clock

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)

#: Seconds until a listing that failed or was doubted is asked again, when the interval is not shorter.
RETRY = 30.0


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What is known of a set.

    ``items`` None: it was never listed. ``fresh`` false: the newest listing failed or was doubted, the items are
    those of an earlier one; ``reason`` and ``detail`` say why.
    """

    items: frozenset[T] | None
    fresh: bool
    detail: str = ""
    reason: TroubleReason = TroubleReason.PARTIAL


@dataclass(slots=True)
class _Entry(Generic[T]):
    known: Known[T]
    due: float
    doubted: bool = False


def judge(old: frozenset[T] | None, new: frozenset[T], *, doubted: bool) -> Known[T]:
    """Believe the new set unless it suddenly lost half of the old one; ``doubted``: the last listing lost it too."""
    if old and not doubted and 2 * len(new) <= len(old):
        return Known(old, False, f"only {len(new)} of {len(old)} were listed; kept until the next listing agrees")
    return Known(new, True)


class Steady(Generic[K, T]):
    """A cache of listed sets: one listing at a time per key, the old set when a listing cannot be believed."""

    def __init__(self, fetch: Callable[[K], Awaitable[frozenset[T]]], clock: Clock, interval: float) -> None:
        self._fetch = fetch
        self._clock = clock
        self._interval = interval
        self._entries: dict[K, _Entry[T]] = {}
        self._locks: dict[K, asyncio.Lock] = {}

    def seed(self, key: K, items: frozenset[T]) -> None:
        """Take what an earlier process knew, unless this one knows already; it is listed again at the next get."""
        if key not in self._entries:
            remembered = Known(items, False, "not listed since the start")
            self._entries[key] = _Entry(remembered, due=self._clock.monotonic())

    async def get(self, key: K) -> Known[T]:
        """The set, listed again when the interval has passed; never raises."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            entry = self._entries.get(key)
            if entry is None or self._clock.monotonic() >= entry.due:
                entry = self._entries[key] = await self._refreshed(key, entry)
            return entry.known

    async def _refreshed(self, key: K, entry: _Entry[T] | None) -> _Entry[T]:
        old = entry.known.items if entry else None
        try:
            listed = await self._fetch(key)
        except SourceError as error:
            failed = Known(old, False, error.detail, TroubleReason(error.reason))
            return _Entry(failed, self._soon(), entry.doubted if entry else False)
        known = judge(old, listed, doubted=entry.doubted if entry else False)
        if known.fresh:
            return _Entry(known, self._clock.monotonic() + self._interval)
        return _Entry(known, self._soon(), doubted=True)

    def _soon(self) -> float:
        return self._clock.monotonic() + min(RETRY, self._interval)
