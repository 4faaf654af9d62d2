"""Rendering /metrics: own metrics from the registry, polled values as they were encoded at commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics_exposition

from watchtower.clock import epoch
from watchtower.errors import StoreError
from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.live import Live
    from watchtower.model import AlertState
    from watchtower.store.store import Store


def content_type_for(accept: str) -> tuple[str, bool]:
    """The content type to answer with, and whether it is OpenMetrics."""
    if "application/openmetrics-text" in accept:
        return openmetrics_exposition.CONTENT_TYPE_LATEST, True
    return CONTENT_TYPE_LATEST, False


async def render(live: Live, store: Store | None, families: Sequence[str], *, openmetrics: bool) -> str:
    """The text of the chosen families; OpenMetrics ends with its own mark."""
    parts = []
    if "watchtower" in families:
        await _refresh(live, store)
        generate = openmetrics_exposition.generate_latest if openmetrics else generate_latest
        parts.append(generate(live.metrics.registry).decode().removesuffix("# EOF\n"))
    now = epoch(live.clock.now())
    parts.extend(live.samples.render(family, now) for family in families)
    return "".join(parts) + ("# EOF\n" if openmetrics else "")


async def _refresh(live: Live, store: Store | None) -> None:
    """Gauges that are read off the store at the moment of the scrape; a store that fails leaves the old ones."""
    if store is None:
        return
    try:
        outbox, debts, states = await store.outbox(), await store.debts(), await store.alert_states()
        standings = await store.standings()
    except StoreError:
        live.metrics.store_failures.inc()
        return
    metrics, now = live.metrics, live.clock.now()
    of_channels = (metrics.outbox_depth, metrics.outbox_oldest, metrics.resolves_owed, metrics.channel_open)
    for gauge in (*of_channels, metrics.alerts):
        gauge.clear()
    for channel in live.testers:
        metrics.resolves_owed.labels(channel).set(0)
        metrics.outbox_oldest.labels(channel).set(0)
        metrics.channel_open.labels(channel).set(0)
    for depth in outbox:
        metrics.outbox_depth.labels(depth.channel, str(depth.priority)).set(depth.count)
    for channel in {depth.channel for depth in outbox}:
        oldest = min(depth.oldest for depth in outbox if depth.channel == channel)
        metrics.outbox_oldest.labels(channel).set(max(0.0, (now - oldest).total_seconds()))
    for channel, standing in standings.items():
        metrics.channel_open.labels(channel).set(standing.open)
    for debt in debts:
        metrics.resolves_owed.labels(debt.channel).inc()
    _count_alerts(live, states)


def _count_alerts(live: Live, states: Sequence[AlertState]) -> None:
    for state in states:
        if state.state is not State.OK:
            priority = str(state.priority) if state.priority else ""
            live.metrics.alerts.labels(state.key.rule, priority, state.state.value).inc()
