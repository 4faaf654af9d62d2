"""Steps of a sender, as the tests of the outbox take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.stores import look
from watchtower.model import DeliveryState
from watchtower.store.values import Settled, Standing

if TYPE_CHECKING:
    from watchtower.model import Delivery
    from watchtower.store.store import Store

ACCEPTED = Settled(DeliveryState.ACCEPTED, "202")
DEAD = Settled(DeliveryState.DEAD, "400: no such routing key")
AMBIGUOUS = Settled(DeliveryState.AMBIGUOUS, "timeout")


async def claim(store: Store, worker: str = "a", channel: str = "oncall") -> int:
    epoch = await store.claim_channel(channel, worker, lease=30)
    assert epoch is not None
    return epoch


async def take(store: Store, epoch: int, channel: str = "oncall") -> Delivery:
    taken = await store.next_delivery(channel, epoch)
    assert taken is not None
    return taken


async def send(
    store: Store, epoch: int, settled: Settled = ACCEPTED, standing: Standing | None = None, channel: str = "oncall"
) -> Delivery:
    taken = await take(store, epoch, channel)
    assert await store.finish(taken, epoch, settled, standing)
    return taken


async def drain(store: Store, epoch: int) -> list[str]:
    sent = []
    while taken := await store.next_delivery("oncall", epoch):
        await store.finish(taken, epoch, ACCEPTED)
        sent.append(taken.id)
    return sent


async def states(store: Store) -> dict[str, DeliveryState]:
    return {row.id: row.state for row in (await look(store)).deliveries}
