"""Clicks in Slack become acknowledgements and silences; whoever clicked is told what came of it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from watchtower.errors import DeliveryError, StoreError
from watchtower.incidents.silencing import silence_of
from watchtower.notifiers.blocks import ACKNOWLEDGE, escaped
from watchtower.notifiers.http import Vendor
from watchtower.notifiers.slack_api import PATIENCE
from watchtower.notifiers.slack_clicks import answerable, channel_of, clicks, payload, signed
from watchtower.notifiers.slack_config import SlackConfig
from watchtower.notifiers.slack_socket import SlackSocket
from watchtower.notifiers.text import clock_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.clock import Clock
    from watchtower.live import Live
    from watchtower.notifiers.base import Doors
    from watchtower.notifiers.channel import ChannelConfig
    from watchtower.notifiers.slack_clicks import Click
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.slack")

#: Clicks worked on at once; a daemon that is so far behind does not take more.
MOST_CLICKS = 50
#: Clicks that are remembered, so that a request that is made again within its five minutes does nothing.
MOST_TAKEN = 1000
_AGAIN = "Nothing was changed: this click was taken before."
#: Silences are named by the click, so that one that is told twice is kept once, after a restart too.
_SPACE = uuid.UUID("6f1c8a52-5d0e-4b0b-9c55-9a2f6c0f1e7a")
_ANSWER_LIMIT = 1500


#: What tells two connections apart: the app-level token, the bot's token and where Slack is.
_Line = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _App:
    """A Slack app as far as clicks go: the channels it serves, by name."""

    channels: Mapping[str, SlackConfig]

    @property
    def api_url(self) -> str:
        return next(iter(self.channels.values())).api_url


class Clicks:
    """The way from a click to the store; ``store`` answers None until it could be opened."""

    def __init__(self, live: Live, clock: Clock, store: Callable[[], Store | None]) -> None:
        self._live = live
        self._clock = clock
        self._store = store
        self._doors: Doors | None = None
        self._channels: dict[str, SlackConfig] = {}
        self._sockets: dict[_Line, asyncio.Task[None]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._taken: dict[tuple[str, str, str], None] = {}

    def configure(self, channels: Mapping[str, ChannelConfig], doors: Doors) -> None:
        """Take over a configuration: connections that it no longer asks for are closed."""
        self._doors = doors
        self._channels = {name: one for name, one in channels.items() if isinstance(one, SlackConfig)}
        wanted = self._apps()
        for line in self._sockets.keys() - wanted.keys():
            self._keep(self._sockets.pop(line)).cancel()
        for line in wanted.keys() - self._sockets.keys():
            self._sockets[line] = asyncio.create_task(
                self._socket(line, wanted[line], doors).run(), name="slack socket"
            )

    def _apps(self) -> dict[_Line, _App]:
        """One connection for each app-level token, however many channels share it."""
        apps: dict[_Line, dict[str, SlackConfig]] = {}
        for name, config in self._channels.items():
            if config.app_token is not None:
                line = (config.app_token.digest, config.bot[0].digest, config.api_url)
                apps.setdefault(line, {})[name] = config
        return {line: _App(channels) for line, channels in apps.items()}

    def _socket(self, line: _Line, app: _App, doors: Doors) -> SlackSocket:
        config = next(iter(app.channels.values()))
        token, _ = config.bot
        return SlackSocket(
            app_token=config.app_token or token,
            token=token,
            api_url=app.api_url,
            doors=doors,
            clock=self._clock,
            take=lambda told: self._take(told, self._apps().get(line, app)),
        )

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Hold on to a task until it is done, or until we are closed."""
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    def press(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Take a request that says it is Slack's; the status to answer with. The work is done afterwards."""
        secrets = {name: one.signing_secret for name, one in self._channels.items() if one.signing_secret is not None}
        if not secrets:
            return 404
        now = self._clock.now()
        mine = {name: self._channels[name] for name, one in secrets.items() if signed(one, body, headers, now)}
        if not mine:
            log.warning("slack.refused", reason="no signature of a configured app, or older than five minutes")
            return 401
        return 200 if self._take(payload(body), _App(mine)) else 503

    async def close(self) -> None:
        """Close the connections and drop what is in hand."""
        tasks = [*self._sockets.values(), *self._errands]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sockets.clear()

    def _take(self, told: dict[str, Any], app: _App) -> bool:
        """Start the work on each click; False when too much is in hand."""
        found = clicks(told)
        if len(self._errands) + len(found) > MOST_CLICKS:
            return False
        for click in found:
            self._keep(asyncio.create_task(self._serve(click, app), name="slack click"))
        return True

    async def _serve(self, click: Click, app: _App) -> None:
        try:
            said = await self._do(click, channel_of(click, app.channels))
        except StoreError as error:
            said = f"Nothing was changed: the store cannot be used ({error})."
        log.info("slack.click", action=click.action, incident=click.incident_id, user=click.user, answer=said)
        await self._answer(click, said, app.api_url)

    async def _do(self, click: Click, channel: str) -> str:
        """Do what was asked; what came of it, in words for whoever clicked."""
        store = self._store()
        if store is None:
            return f"Nothing was changed: Watchtower is not ready ({self._live.waiting_for})."
        once = (click.action, click.incident_id, click.at)
        if click.at and once in self._taken:
            return _AGAIN
        acknowledges = click.action == ACKNOWLEDGE
        said = await (self._acknowledge(store, click, channel) if acknowledges else self._silence(store, click))
        self._taken[once] = None
        while len(self._taken) > MOST_TAKEN:
            del self._taken[next(iter(self._taken))]
        return said

    async def _acknowledge(self, store: Store, click: Click, channel: str) -> str:
        """Said to come from Slack, not from the channel: the channel is to show it, too."""
        incident = await store.acknowledge(click.incident_id, by=click.user, via=f"slack:{channel}")
        if incident is None:
            return _gone(click)
        self._live.judge()
        until = f" until {clock_time(incident.acknowledged_until)}" if incident.acknowledged_until else ""
        return f"{incident.acknowledged_by} has this incident in hand{until}: nobody else is called for it."

    async def _silence(self, store: Store, click: Click) -> str:
        found = [one for one in await store.open_incidents() if one.id == click.incident_id]
        if not found:
            return _gone(click)
        keys = {state.key.id: state.key for state in await store.alert_states()}
        name = str(uuid.uuid5(_SPACE, f"{click.incident_id} {click.at}"))
        if any(one.id == name for one in await store.silences(ended=True)):
            return _AGAIN
        comment = f"from Slack, incident {click.incident_id}"
        kept = silence_of(found[0], keys, by=click.user, comment=comment, now=self._clock.now(), silence_id=name)
        await store.save_silence(kept)
        self._live.judge()
        named = ", ".join(map(str, kept.matchers))
        return f"Silenced until {clock_time(kept.ends_at)}: {named}. To end it: watchtower silence expire {kept.id}"

    async def _answer(self, click: Click, said: str, api_url: str) -> None:
        """Tell whoever clicked, and nobody else; that it cannot be told changes nothing."""
        if self._doors is None or not answerable(click.answer_to, api_url):
            return
        told = {"response_type": "ephemeral", "replace_original": False, "text": escaped(said, _ANSWER_LIMIT)}
        vendor = Vendor("Slack", (), self._doors, PATIENCE)
        try:
            vendor.check(await vendor.post(click.answer_to, orjson.dumps(told), {"Content-Type": "application/json"}))
        except DeliveryError as error:
            log.warning("slack.answer_lost", reason=error.detail)


def _gone(click: Click) -> str:
    return f"Incident {click.incident_id} is not open any more: there is nothing to do."
