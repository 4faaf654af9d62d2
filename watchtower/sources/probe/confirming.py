"""A first failure is looked at again after half an interval, and that look is a datapoint like any. Pure.

The evaluation knows one datapoint a slot. So results are counted backward from the newest: each takes its own slot, or,
where that is taken by a later one, the slot before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from watchtower.sources.probe.memory import Entry, Memory
    from watchtower.sources.probe.result import Result

#: Seconds of the shortest interval whose half is worth a look.
SHORTEST = 4


def half(period: int) -> int:
    """Seconds after its slot at which a first failure is looked at again."""
    return period // 2


def unconfirmed(
    memory: Memory, results: Mapping[str, Result], timeouts: Mapping[str, float], slot: int, period: int
) -> frozenset[str]:
    """The keys of the probes that failed at ``slot`` and did not before, as far as half an interval is enough."""
    if period < SHORTEST:
        return frozenset()
    room = period - half(period)
    failed = (key for key, result in results.items() if result.success is False and timeouts[key] <= room)
    return frozenset(key for key in failed if _well_before(memory.of(key), slot))


def _well_before(entries: Iterable[Entry], slot: int) -> bool:
    before = [entry for entry in entries if entry.slot < slot]
    return not before or before[-1].success >= 1


def awaited(memory: Memory, slot: int, keys: Collection[str]) -> frozenset[str]:
    """What is to be looked at again, when this poll is for the slot that it failed at."""
    return memory.unconfirmed.intersection(keys) if memory.unconfirmed_at == slot else frozenset()


def points_of(entries: Iterable[Entry], name: str, slot: int, period: int) -> list[tuple[int, float]]:
    """(slot, value) of what was measured, oldest first; ``slot`` is a start on the unit's grid."""
    points: list[tuple[int, float]] = []
    free: int | None = None
    for entry in sorted(entries, key=lambda one: one.slot, reverse=True):
        own = entry.slot - (entry.slot - slot) % period
        place = own if free is None else min(own, free)
        free = place - period
        value = entry.value(name)
        if value is not None:
            points.append((place, value))
    return points[::-1]
