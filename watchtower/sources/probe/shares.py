"""Units that hold a share of all targets, by their hash: planned before anybody knows which targets there are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.model import stable_hash
from watchtower.sources.base import Unit
from watchtower.sources.probe.plan import bucket_of, offset_of, units_for, wishes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.sources.base import Ask
    from watchtower.sources.probe.targets import Target

#: Targets for which there is room where some rule follows a list, at least.
ROOM = 300
#: Stands among a unit's shared targets for all of them.
_ALL = "*"


def share_units(asks: Sequence[Ask], *, elsewhere: bool) -> list[Unit]:
    """The units of an interval: rules that follow a list are in each, a listed target where it belongs.

    ``elsewhere``: other intervals have probes too, perhaps of the same targets.
    """
    listed = {target.target for ask in asks for target in ask.query.all_targets}
    count = units_for(max(ROOM, len(listed)), asks[0].period)
    units = (_unit(asks, row, count) for row in range(count))
    return [replace(unit, shared=frozenset({_ALL})) if elsewhere else unit for unit in units]


def _unit(asks: Sequence[Ask], bucket: int, count: int) -> Unit:
    period = asks[0].period
    name = f"probe/{period}/{bucket}"
    mine = tuple(kept for ask in asks if (kept := _kept(ask, bucket, count)) is not None)
    known = (f"{ask.rule} {ask.slots} {ask.accounts} {ask.regions} {ask.query.model_dump_json()}" for ask in mine)
    return Unit(
        id=name,
        source="probe",
        account="",
        region="",
        period=period,
        offset=offset_of(bucket, period),
        delay=0,
        asks=mine,
        fingerprint=stable_hash(str(count), *known),
        of=count,
    )


def _kept(ask: Ask, bucket: int, count: int) -> Ask | None:
    if ask.query.where is not None:
        return ask
    return narrowed(ask, [target for target in ask.query.all_targets if bucket_of(target.target, count) == bucket])


def narrowed(ask: Ask, targets: Iterable[Target]) -> Ask | None:
    """The ask for these targets only; None without any."""
    some = tuple(targets)
    return replace(ask, query=ask.query.model_copy(update={"targets": some})) if some else None


def holds(unit: Unit, target: str) -> bool:
    """Whether a target belongs to this share."""
    return bucket_of(target, unit.of) == bucket(unit)


def bucket(unit: Unit) -> int:
    """Which of its interval's shares a unit is."""
    return int(unit.id.rpartition("/")[2])


def resolved(unit: Unit, asks: tuple[Ask, ...]) -> Unit:
    """The unit with the targets that its rules have right now."""
    probes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for wish in (wish for ask in asks for wish in wishes_of(ask.query)):
        probes[wish.target.target, wish.identity.get("family", "")].add(wish.probe.key)
    shared = frozenset(target for (target, _), keys in probes.items() if _ALL in unit.shared or len(keys) > 1)
    return replace(unit, asks=asks, shared=shared)
