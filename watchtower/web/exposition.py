"""Rendering /metrics: own metrics from the registry, polled values as they were encoded at commit."""

from __future__ import annotations

import gzip
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


async def render(live: Live, store: Store | None, families: Sequence[str], *, openmetrics: bool) -> bytes:
    """The text of the chosen families; OpenMetrics ends with its own mark."""
    parts = []
    if "watchtower" in families:
        live.metrics.scrape_dropped.values = {name: float(count) for name, count in live.samples.dropped.items()}
        await _refresh(live, store)
        generate = openmetrics_exposition.generate_latest if openmetrics else generate_latest
        parts.append(generate(live.metrics.registry).removesuffix(b"# EOF\n"))
    now = epoch(live.clock.now())
    parts.extend(live.samples.render(family, now, openmetrics=openmetrics) for family in families)
    return b"".join(parts) + (b"# EOF\n" if openmetrics else b"")


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header (RFC 9110, section 12.5.3) allows gzip by its name."""
    offered = dict(_weighed(one) for one in accept_encoding.lower().split(","))
    return offered.get("gzip", 0.0) > 0


def _weighed(coding: str) -> tuple[str, float]:
    name, _, weight = coding.partition(";")
    try:
        return name.strip(), float(weight.partition("=")[2] or 1)
    except ValueError:
        return name.strip(), 0.0


def squeeze(body: bytes) -> bytes:
    """The body in gzip, at the fastest level, which leaves a twentieth of a scrape."""
    return gzip.compress(body, compresslevel=1, mtime=0)


async def _refresh(live: Live, store: Store | None) -> None:
    """Gauges that are read off the store at the moment of the scrape; a store that fails leaves the old ones."""
    if store is None:
        return
    try:
        outbox, states = await store.outbox(), await store.alert_states()
        channels = await store.channel_health()
    except StoreError:
        live.metrics.store_failures.inc()
        return
    metrics, now = live.metrics, live.clock.now()
    zeroes = (metrics.outbox_oldest, metrics.resolves_owed, metrics.channel_open, metrics.dead_letters)
    for gauge in (*zeroes, metrics.outbox_depth, metrics.last_accepted, metrics.alerts):
        gauge.clear()
    for channel in live.testers:
        for gauge in zeroes:
            gauge.labels(channel).set(0)
    for depth in outbox:
        metrics.outbox_depth.labels(depth.channel, str(depth.priority)).set(depth.count)
    for channel in {depth.channel for depth in outbox}:
        oldest = min(depth.oldest for depth in outbox if depth.channel == channel)
        metrics.outbox_oldest.labels(channel).set(max(0.0, (now - oldest).total_seconds()))
    metrics.possible_duplicates.values = dict.fromkeys(live.testers, 0.0) | {
        name: float(health.possible_duplicates) for name, health in channels.items()
    }
    for health in channels.values():
        metrics.channel_open.labels(health.name).set(health.standing.open)
        metrics.dead_letters.labels(health.name).set(health.dead)
        metrics.resolves_owed.labels(health.name).set(health.owed)
        if health.accepted_at is not None:
            metrics.last_accepted.labels(health.name).set(epoch(health.accepted_at))
    _count_alerts(live, states)


def _count_alerts(live: Live, states: Sequence[AlertState]) -> None:
    for state in states:
        if state.state is not State.OK:
            priority = str(state.priority) if state.priority else ""
            live.metrics.alerts.labels(state.key.rule, priority, state.state.value).inc()
