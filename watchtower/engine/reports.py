"""What people do at PagerDuty is taken over: it calls us, or we ask it every minute."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import DeliveryError, StoreError
from watchtower.incidents.reports import asked_for
from watchtower.notifiers.pagerduty_config import PagerDutyConfig
from watchtower.notifiers.pagerduty_reports import Keyless, PagerDutyRest, read, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.clock import Clock
    from watchtower.incidents.reports import Report
    from watchtower.live import Live
    from watchtower.notifiers.base import Doors
    from watchtower.notifiers.channel import ChannelConfig
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.pagerduty")

#: Clock seconds between two rounds of questions.
EVERY = 60.0
#: Questions in one round; PagerDuty takes 960 a minute from a token, which others may use, too:
#: https://developer.pagerduty.com/docs/rest-api-rate-limits
MOST_QUESTIONS = 200
#: Real seconds that the store may take: PagerDuty waits 5 s for our answer, and calls again after a 503.
PATIENCE = 4.0
#: Reports that wait for the store at once.
MOST_REPORTS = 50


class Reports:
    """The way from a person at PagerDuty to the store; ``store`` answers None until it could be opened."""

    def __init__(self, live: Live, clock: Clock, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._clock = clock
        self._store = store
        self._channels: dict[str, PagerDutyConfig] = {}
        self._rest: dict[str, PagerDutyRest] = {}
        self._due: dict[str, float] = {}
        self._asked: dict[str, int] = {}
        self._waiting: set[asyncio.Task[None]] = set()

    def configure(self, channels: Mapping[str, ChannelConfig], doors: Doors) -> None:
        """Take over a configuration."""
        self._channels = {name: one for name, one in channels.items() if isinstance(one, PagerDutyConfig)}
        asking = {name: PagerDutyRest.of(one, doors) for name, one in self._channels.items()}
        self._rest = {name: one for name, one in asking.items() if one is not None}

    async def take(self, channel: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Take a request that says it is PagerDuty's; the status to answer with, after what it says was stored."""
        config = self._channels.get(channel)
        if config is None or config.webhook_secret is None:
            return 404
        if not signed(config.webhook_secret, body, headers):
            log.warning("pagerduty.refused", channel=channel, reason="no signature is that of webhook_secret")
            return 401
        told, store = read(body), self._store()
        if told is None:
            return 202
        if isinstance(told, Keyless):
            return self._keyless(channel)
        if store is None or len(self._waiting) >= MOST_REPORTS:
            return 503
        return await self._within_patience(asyncio.create_task(self._heed(store, told, channel)))

    def _keyless(self, channel: str) -> int:
        """Which incident it was only the REST API tells; it is asked at once."""
        if channel in self._rest:
            self._due[channel] = self._clock.monotonic()
        else:
            log.warning("pagerduty.keyless", channel=channel, hint="give the channel an api_token")
        return 202

    async def _within_patience(self, work: asyncio.Task[None]) -> int:
        """A write that takes too long goes on, and PagerDuty, which calls again, finds it done."""
        self._waiting.add(work)
        work.add_done_callback(self._waiting.discard)
        done, _ = await asyncio.wait([work], timeout=PATIENCE)
        if not done:
            return 503
        try:
            work.result()
        except StoreError as error:
            log.warning("pagerduty.not_stored", error=str(error))
            return 503
        return 202

    async def step(self) -> float:
        """Ask about what is open where that is due; clock seconds until it is again."""
        now, store = self._clock.monotonic(), self._store()
        for name, rest in tuple(self._rest.items()):
            if store is not None and now >= self._due.get(name, now):
                self._due[name] = now + await self._round(store, name, rest)
        return max(0.0, min((due - now for name, due in self._due.items() if name in self._rest), default=EVERY))

    async def close(self) -> None:
        """Drop what waits for the store."""
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def _round(self, store: Store, channel: str, rest: PagerDutyRest) -> float:
        """Ask about every open incident of a channel, or about the next of them; clock seconds until the next round."""
        keys = asked_for(await store.debts(), await store.open_incidents(), channel, store.store_id)
        start = self._asked.get(channel, 0) % max(1, len(keys))
        ends = self._clock.monotonic() + EVERY
        for number, key in enumerate(islice([*keys[start:], *keys[:start]], MOST_QUESTIONS), 1):
            try:
                told = await rest.look(key)
            except DeliveryError as error:
                # One that fails would fail for the others, too, and each would be waited for.
                self._live.metrics.read_back_failures.labels(channel).inc()
                log.warning("pagerduty.unread", channel=channel, reason=error.detail)
                return max(EVERY, error.retry_after or 0.0)
            if told is not None:
                await self._heed(store, told, channel)
            self._asked[channel] = start + number
            if self._clock.monotonic() >= ends:
                break
        return EVERY

    async def _heed(self, store: Store, told: Report, channel: str) -> None:
        heard = await store.heed(told, via=channel)
        if heard.incident is None:
            log.debug("pagerduty.report", channel=channel, deed=told.deed, by=told.by, outcome=heard.reason)
            return
        log.info(
            "pagerduty.report",
            channel=channel,
            deed=told.deed,
            by=told.by,
            incident=heard.incident.id,
            outcome=heard.reason,
        )
        self._live.judge()
