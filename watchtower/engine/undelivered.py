"""Channels that accept nothing, and resolves that stay owed: what a person must hear of by another way."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.engine.concern import Concern
from watchtower.incidents.fallback import DELIVERY_FAILING, RESOLVE_OWED
from watchtower.model import AlertKey, Labels, Priority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.live.canary import CanaryHealth
    from watchtower.store.values import ChannelHealth, OutboxDepth

#: A delivery that waits this many seconds says that its channel fails.
DELIVERY_FAILING_AFTER = 60
#: Canaries in a row that must fail until their channel is said to.
CANARIES_LOST = 2
#: A delivery that was given up is told for this long, and until the channel accepts something.
DEAD_LETTER_TOLD_FOR = timedelta(minutes=15)


def channel_concerns(
    outbox: Iterable[OutboxDepth],
    channels: Mapping[str, ChannelHealth],
    now: datetime,
    canaries: Mapping[str, CanaryHealth] | None = None,
    lost: Collection[str] = (),
) -> Iterator[Concern]:
    """One concern for each channel that fails, and one for each that owes resolves for too long.

    ``lost`` names those that owe something where nothing leads any more: that is told as owed, and as nothing else,
    because no channel fails.
    """
    birds = canaries or {}
    waiting: dict[str, list[OutboxDepth]] = defaultdict(list)
    for depth in outbox:
        waiting[depth.channel].append(depth)
    for name in sorted({*waiting, *channels, *birds}):
        health = channels.get(name)
        yield from _failing(name, waiting[name], None if name in lost else health, birds.get(name), now)
        if health is not None and health.overdue:
            yield _owing(health, now, lost=name in lost)


def _failing(
    name: str,
    depths: Sequence[OutboxDepth],
    health: ChannelHealth | None,
    canary: CanaryHealth | None,
    now: datetime,
) -> Iterator[Concern]:
    late = [depth for depth in depths if (now - depth.oldest).total_seconds() >= DELIVERY_FAILING_AFTER]
    given_up = health is not None and _gave_up(health, now)
    lost = canary is not None and canary.failures >= CANARIES_LOST
    if not late and not given_up and not lost:
        return
    told = [_late(depths, late, now)] if late else []
    if health is not None and given_up:
        told.append(f"{health.dead} were given up, the newest {_ago(health.died_at, now)}")
    if canary is not None and lost:
        told.append(f"its canary did not come back {canary.failures} times: {canary.reason}")
    accepted = health.accepted_at if health else None
    last = f"the last was accepted {_ago(accepted, now)}" if accepted else "none was ever accepted"
    urgent = [depth.priority for depth in late if depth.priority.urgent]
    priority = min(urgent, default=Priority.P3)
    identity = Labels({"channel": name})
    yield Concern(DELIVERY_FAILING, identity, priority, f"channel {name}: {'; '.join(told)}", last)


def unheard(canaries: Mapping[str, CanaryHealth]) -> frozenset[AlertKey]:
    """The alerts about channels of whose canary nothing can be said since the start: a restart ends no trouble."""
    lost = (name for name, one in canaries.items() if one.heard_at is None and one.failures < CANARIES_LOST)
    return frozenset(AlertKey(DELIVERY_FAILING, Labels({"channel": name})) for name in lost)


def _late(depths: Sequence[OutboxDepth], late: Sequence[OutboxDepth], now: datetime) -> str:
    count = sum(depth.count for depth in depths)
    oldest = min(depth.oldest for depth in late)
    waits = "1 delivery waits" if count == 1 else f"{count} deliveries wait"
    return f"{waits}, the oldest for {_lasting(oldest, now)}"


def _gave_up(health: ChannelHealth, now: datetime) -> bool:
    """Something was given up lately, or nothing was accepted since."""
    if health.died_at is None:
        return False
    return now - health.died_at < DEAD_LETTER_TOLD_FOR or not (
        health.accepted_at and health.accepted_at > health.died_at
    )


def _owing(health: ChannelHealth, now: datetime, *, lost: bool) -> Concern:
    owed = "1 resolve is" if health.overdue == 1 else f"{health.overdue} resolves are"
    since = f" for {_lasting(health.overdue_since, now)}" if health.overdue_since else ""
    summary = f"channel {health.name}: {owed} owed{since}: what ended may still look open there"
    gone = f"no channel leads there any more: close it by hand, then `watchtower forget {health.name}`"
    reason = gone if lost else "resolves are not accepted"
    return Concern(RESOLVE_OWED, Labels({"channel": health.name}), Priority.P3, summary, reason)


def _lasting(since: datetime, now: datetime) -> str:
    return format_duration(max(1, int((now - since).total_seconds())))


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_lasting(moment, now)} ago" if moment else "at an unknown time"
