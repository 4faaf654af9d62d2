"""Somebody says that a page is right as it is now: the next probe takes its content for the accepted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.engine.plan import as_ask
from watchtower.sources.base import Received
from watchtower.sources.probe.following import ACCEPT, FollowingProbes

if TYPE_CHECKING:
    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.store.store import Store


async def accept(plan: Plan, store: Store, clock: Clock, target: str) -> bool:
    """Keep the word for whoever probes next; False where no rule compares this target's content."""
    probes = plan.sources.get("probe")
    if not isinstance(probes, FollowingProbes):
        return False
    asks = [as_ask(rule) for rule in plan.rules.values() if rule.source == "probe"]
    if not await probes.compares(asks, target):
        return False
    await store.receive("probe", Received(target, ACCEPT, clock.now()))
    return True
