"""What is known of a target goes with it when a change of the plan puts it into another unit. Pure.

A plan cuts an interval's targets into units by their hash, and into how many depends on the rules: one rule more, an
event that shortens an interval, or a list that grew, and a target is in another unit. What was accepted of it and how
its last probes went must not be lost by that, nor taken from an older look where two units know of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.sources.probe import memory as remembered
from watchtower.sources.probe.followed import Memory, decode, encode
from watchtower.sources.probe.plan import bucket_of
from watchtower.sources.probe.shares import bucket

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from watchtower.sources.base import Unit
    from watchtower.sources.probe.targets import Target


@dataclass(frozen=True, slots=True)
class _Known:
    """What one unit knows: of the targets of its lists, and of its probes."""

    followed: Memory
    probes: remembered.Memory

    def newest(self, key: str) -> int:
        """The slot of the newest result of a probe that it has; below all others for one that it only accepted."""
        entries = self.probes.of(key)
        return entries[-1].slot if entries else 0


_NOTHING = _Known(Memory(), remembered.Memory())


def moved(units: Sequence[Unit], memories: Mapping[str, bytes]) -> dict[str, bytes]:
    """The memories of those units that take something over from others."""
    known = {holder: _read(blob) for holder, blob in sorted(memories.items())}
    holders: dict[str, list[str]] = defaultdict(list)
    for holder, one in known.items():
        for name in {*one.probes.names.values(), *(each.target for each in _listed(one))}:
            holders[name].append(holder)
    found: dict[str, bytes] = {}
    for unit, names in _shares(units, holders):
        own = known.get(unit.id, _NOTHING)
        others = {holder for name in names for holder in holders[name]} - {unit.id}
        taken = own
        for other in sorted(others, key=lambda holder: (_period(holder) != unit.period, holder)):
            taken = _merged(taken, known[other], names, newer=_period(other) == unit.period)
        if taken != own:
            found[unit.id] = encode(replace(taken.followed, probes=remembered.encode(taken.probes)))
    return found


def _shares(units: Sequence[Unit], names: Collection[str]) -> Iterator[tuple[Unit, set[str]]]:
    """Each unit with those of the targets that belong to it."""
    for count in {unit.of for unit in units}:
        shares: dict[int, set[str]] = defaultdict(set)
        for name in names:
            shares[bucket_of(name, count)].add(name)
        for unit in units:
            if unit.of == count:
                yield unit, shares[bucket(unit)]


def _period(unit: str) -> int:
    """The interval of a unit, of which no more than the id may be left."""
    return int(unit.split("/")[1])


def _merged(mine: _Known, other: _Known, names: Collection[str], *, newer: bool) -> _Known:
    """What one knows, and of these targets what only the other knows; with ``newer``, also what it knows better."""
    ours, theirs = mine.probes, other.probes
    keys = {
        key
        for key, name in theirs.names.items()
        if name in names and (key not in ours.names or (newer and other.newest(key) > mine.newest(key)))
    }
    probes = replace(
        ours,
        entries={**ours.entries, **{key: found for key, found in theirs.entries.items() if key in keys}},
        accepted={**ours.accepted, **{key: found for key, found in theirs.accepted.items() if key in keys}},
        names={**ours.names, **{key: theirs.names[key] for key in keys}},
        worked=ours.worked | theirs.worked if keys else ours.worked,
    )
    return _Known(_followed(mine.followed, other.followed, names, {theirs.names[key] for key in keys}), probes)


def _followed(mine: Memory, other: Memory, names: Collection[str], taken: Collection[str]) -> Memory:
    """``taken`` are the targets whose probes are taken over: with them, until when people's words were heeded.

    What was heeded here of a target that was elsewhere was no word about what is taken over.
    """
    targets = dict(mine.targets)
    for rule, found in other.targets.items():
        have = {one.target for one in targets.get(rule, ())}
        if more := tuple(one for one in found if one.target in names and one.target not in have):
            targets[rule] = (*targets.get(rule, ()), *more)
    heeded = {name: at for name, at in mine.heeded.items() if name not in taken}
    words = {name: at for name, at in other.heeded.items() if name in taken}
    return replace(mine, targets=targets, heeded={**heeded, **words})


def _listed(known: _Known) -> Iterator[Target]:
    return (one for found in known.followed.targets.values() for one in found)


def _read(blob: bytes) -> _Known:
    followed = decode(blob)
    return _Known(followed, remembered.decode(followed.probes))
