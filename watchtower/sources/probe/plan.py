"""Probes are cut into units by when they are due; equal probes of several rules meet in one unit and run once.

A target's hash says in which lane of its interval it is probed. Units are small, because a unit is committed when its
slowest target is done: what is known of the others waits no longer than that.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.model import Labels, stable_hash
from watchtower.sources.base import Unit
from watchtower.sources.probe.prober import Probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Ask
    from watchtower.sources.probe.query import ProbeQuery
    from watchtower.sources.probe.result import Family
    from watchtower.sources.probe.targets import Target

#: Targets that one unit probes, about; when the lanes are full, more units share them.
TARGETS_PER_UNIT = 20
#: Seconds between two lanes, at least: over so long a unit's own probes are spread. And the most lanes of an interval.
LANE, LANES = 2, 30


@dataclass(frozen=True, slots=True)
class Wish:
    """One ask's target, what its series is called, and the probe that answers it."""

    target: Target
    identity: Labels
    probe: Probe


def units_of(asks: Sequence[Ask]) -> list[Unit]:
    """The units of all asks; each carries its asks narrowed to its own targets."""
    by_period: dict[int, list[Ask]] = defaultdict(list)
    for ask in asks:
        by_period[ask.period].append(ask)
    shared = _shared(asks)
    return [unit for period in sorted(by_period) for unit in _units(period, by_period[period], shared)]


def _shared(asks: Sequence[Ask]) -> frozenset[str]:
    """The targets that have more than one distinct probe of a family, whatever its interval."""
    probes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for wish in (wish for ask in asks for wish in wishes_of(ask.query)):
        probes[wish.target.target, wish.identity.get("family", "")].add(wish.probe.key)
    return frozenset(target for (target, _), keys in probes.items() if len(keys) > 1)


def lanes(period: int) -> int:
    """Into how many moments the probes of an interval are spread."""
    return min(LANES, max(1, period // LANE))


def units_for(targets: int, period: int) -> int:
    """How many units so many targets are cut into."""
    return max(lanes(period), -(-targets // TARGETS_PER_UNIT))


def offset_of(bucket: int, period: int) -> int:
    """When in its interval a unit is due; another unit more moves none of the others."""
    return bucket % lanes(period) * period // lanes(period)


def _units(period: int, asks: Sequence[Ask], shared: frozenset[str]) -> list[Unit]:
    targets = {target.target for ask in asks for target in ask.query.all_targets}
    count = units_for(len(targets), period)
    members: dict[int, set[str]] = defaultdict(set)
    for target in targets:
        members[bucket_of(target, count)].add(target)
    return [
        replace(_unit(period, bucket, members[bucket], asks), shared=shared & members[bucket], of=count)
        for bucket in sorted(members)
    ]


def _unit(period: int, bucket: int, members: set[str], asks: Sequence[Ask]) -> Unit:
    name = f"probe/{period}/{bucket}"
    mine = tuple(narrowed for ask in asks if (narrowed := _narrowed(ask, members)).query.targets)
    return Unit(
        id=name,
        source="probe",
        account="",
        region="",
        period=period,
        offset=offset_of(bucket, period),
        delay=0,
        asks=mine,
        fingerprint=stable_hash(*(f"{ask.rule} {ask.slots} {ask.query.model_dump_json()}" for ask in mine)),
    )


def _narrowed(ask: Ask, members: set[str]) -> Ask:
    targets = tuple(target for target in ask.query.all_targets if target.target in members)
    return replace(ask, query=ask.query.model_copy(update={"targets": targets}))


def bucket_of(target: str, count: int) -> int:
    """The bucket of a target among ``count``; when a bucket is added, only its own share of targets moves.

    Jump consistent hash: https://arxiv.org/abs/1406.2294
    """
    key = int(stable_hash(target), 16)
    bucket, following = 0, 0
    while following < count:
        bucket = following
        key = (key * 2_862_933_555_777_941_757 + 1) % 2**64
        following = int((bucket + 1) * (2**31 / ((key >> 33) + 1)))
    return bucket


def wishes_of(query: ProbeQuery) -> list[Wish]:
    """What a query asks, target by target and family by family."""
    pairs = list(zip(query.families, query.identities, strict=True))
    return [
        Wish(target, Labels({"target": target.target, **identity}), _probe(query, target, family))
        for target in query.all_targets
        for family, identity in pairs
    ]


def _probe(query: ProbeQuery, target: Target, family: Family | None) -> Probe:
    kind = query.asked
    definition = kind.definition(target)
    return Probe(
        key=stable_hash(kind.kind, target.target, definition, str(query.timeout), str(family or "")),
        kind=kind.kind,
        job=kind.job(target),
        timeout=query.timeout,
        family=family,
    )
