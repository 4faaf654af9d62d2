"""Probes are cut into units of some twenty targets; equal probes of several rules meet in one unit and run once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from watchtower.model import stable_hash
from watchtower.sources.base import Unit
from watchtower.sources.probe.http import HttpProbe
from watchtower.sources.probe.urls import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.sources.base import Ask
    from watchtower.sources.probe.query import ProbeQuery
    from watchtower.sources.probe.targets import Target

#: Targets that one unit probes, about.
TARGETS_PER_UNIT = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """One ask's target and the probe that answers it."""

    target: Target
    probe: HttpProbe


def units_of(asks: Sequence[Ask]) -> list[Unit]:
    """The units of all asks; each carries its asks narrowed to its own targets."""
    by_period: dict[int, list[Ask]] = defaultdict(list)
    for ask in asks:
        by_period[ask.period].append(ask)
    shared = _shared(asks)
    return [unit for period in sorted(by_period) for unit in _units(period, by_period[period], shared)]


def _shared(asks: Sequence[Ask]) -> frozenset[str]:
    """The targets that have more than one distinct probe, whatever its interval."""
    probes: dict[str, set[str]] = defaultdict(set)
    for wish in (wish for ask in asks for wish in wishes_of(ask.query)):
        probes[wish.target.target].add(wish.probe.key)
    return frozenset(target for target, keys in probes.items() if len(keys) > 1)


def _units(period: int, asks: Sequence[Ask], shared: frozenset[str]) -> list[Unit]:
    targets = {target.target for ask in asks for target in ask.query.all_targets}
    count = -(-len(targets) // TARGETS_PER_UNIT)
    members: dict[int, set[str]] = defaultdict(set)
    for target in targets:
        members[bucket_of(target, count)].add(target)
    return [
        replace(_unit(period, bucket, members[bucket], asks), shared=shared & members[bucket])
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
        offset=int(stable_hash(name), 16) % period,
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
    """What a query asks, target by target."""
    return [Wish(target, _probe(query, target)) for target in query.all_targets]


def _probe(query: ProbeQuery, target: Target) -> HttpProbe:
    http = query.asked
    expect = target.expect or http.expect
    url = render(http.url, target.target)
    definition = (url, http.method, dict(http.headers), http.body, expect.model_dump(mode="json"), query.timeout)
    return HttpProbe(
        key=stable_hash("http", target.target, orjson.dumps(definition, option=orjson.OPT_SORT_KEYS).decode()),
        url=url,
        method=http.method,
        headers=http.headers,
        body=http.body or "",
        expect=expect,
        timeout=query.timeout,
    )
