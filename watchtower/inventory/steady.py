"""Sets that are listed now and then, and not believed when they suddenly shrink.

A listing that fails, or that loses half of what it had, is more often an outage of the listing than of the things
listed. The old set stays until the next listing says the same, or one that comes so much later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from watchtower.durations import format_duration
from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.clock import Clock

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Hashable)

#: Seconds until a listing that failed or was doubted is asked again, when the interval is not shorter.
RETRY = 30.0


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What is known of a set.

    ``items`` None: it was never listed. ``fresh`` false: the newest listing failed or was doubted, the items are
    those of an earlier one; ``reason`` and ``detail`` say why. ``settled`` false: this process has not known it for so
    long that it would have noticed a half that is missing.
    """

    items: frozenset[T] | None
    fresh: bool
    detail: str = ""
    reason: TroubleReason = TroubleReason.PARTIAL
    settled: bool = True


@dataclass(slots=True)
class _Entry(Generic[T]):
    known: Known[T]
    due: float
    doubted: float | None = None
    first: float | None = None
    listed_at: datetime | None = None


def judge(
    old: frozenset[T] | None, new: frozenset[T], *, doubted: bool, until: str = "the next listing agrees"
) -> Known[T]:
    """Believe the new set unless it suddenly lost half of the old one; ``doubted``: that was so for long enough.

    ``until`` says for people what is waited for.
    """
    if old and not doubted and 2 * len(new) <= len(old):
        return Known(old, False, f"only {len(new)} of {len(old)} were listed; kept until {until}")
    return Known(new, True)


class Steady(Generic[K, T]):
    """A cache of listed sets: one listing at a time per key, the old set when a listing cannot be believed.

    ``settle``: seconds for which a set must have lost its half, in every listing, before that is believed.
    """

    def __init__(
        self, fetch: Callable[[K], Awaitable[frozenset[T]]], clock: Clock, interval: float, *, settle: float = 0.0
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._interval = interval
        self._settle = settle
        self._until = f"it is so for {format_duration(settle)}" if settle else "the next listing agrees"
        self._entries: dict[K, _Entry[T]] = {}
        self._locks: dict[K, asyncio.Lock] = {}

    def seed(self, key: K, items: frozenset[T]) -> None:
        """Take what an earlier process knew, unless this one knows already; it is listed again at the next get."""
        if key not in self._entries:
            remembered = Known(items, False, "not listed since the start")
            self._entries[key] = _Entry(remembered, due=self._clock.monotonic())

    async def get(self, key: K, *, told_at: datetime | None = None) -> Known[T]:
        """The set, listed again when the interval has passed, or something happened since; never raises."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            entry = self._entries.get(key)
            if entry is None or self._clock.monotonic() >= entry.due or self._outdated(entry, told_at):
                now = self._clock.now()
                entry = self._entries[key] = await self._refreshed(key, entry)
                entry.listed_at = now
            settled = entry.first is not None and self._clock.monotonic() - entry.first >= self._settle
            return replace(entry.known, settled=settled)

    def _outdated(self, entry: _Entry[T], told_at: datetime | None) -> bool:
        """What is to happen only later on a clock that was set back says nothing."""
        if told_at is None or entry.listed_at is None:
            return False
        return entry.listed_at < told_at <= self._clock.now()

    async def _refreshed(self, key: K, entry: _Entry[T] | None) -> _Entry[T]:
        old, first, doubted = (entry.known.items, entry.first, entry.doubted) if entry else (None, None, None)
        try:
            listed = await self._fetch(key)
        except SourceError as error:
            failed = Known(old, False, error.detail, TroubleReason(error.reason))
            return _Entry(failed, self._soon(), doubted, first)
        now = self._clock.monotonic()
        long = doubted is not None and now - doubted >= self._settle
        known = judge(old, listed, doubted=long, until=self._until)
        first = now if first is None else first
        if known.fresh:
            return _Entry(known, now + self._interval, None, first)
        return _Entry(known, self._soon(), now if doubted is None else doubted, first)

    def _soon(self) -> float:
        return self._clock.monotonic() + min(RETRY, self._interval)
