"""Pings that come in: whose token it is, how often it may be used, and the way into the store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import StoreError
from watchtower.redaction import redact
from watchtower.sources.base import Received
from watchtower.sources.heartbeat.source import LOG, UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.clock import Clock
    from watchtower.engine.plan import Plan
    from watchtower.live import Live
    from watchtower.live.live import Bell
    from watchtower.rulebook.rule import Rule
    from watchtower.store.store import Store

log = structlog.get_logger("watchtower.pings")

#: The source that pings are for.
PINGS = "heartbeat"
#: Pings of one target at once, and how many a second after that: each is a write.
BURST, RATE = 10.0, 1.0
#: Bytes of a ping's body that are looked at, and characters that are kept: an error stands at the end of a log.
_LOOKED, KEPT = 4096, 500


@dataclass(slots=True)
class _Target:
    """One target that pings; ``left`` are the pings it may send at once."""

    name: str
    left: float = BURST
    since: float = 0.0

    def takes(self, now: float) -> bool:
        self.left = min(BURST, self.left + (now - self.since) * RATE)
        self.since = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass
class Doorbell:
    """Finds a token's target without telling by the time it takes how close a guess is.

    ``store`` answers None until the store could be opened; ``look`` makes the engine look for what is due.
    """

    live: Live
    clock: Clock
    store: Callable[[], Store | None]
    look: Callable[[], None]
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _targets: dict[bytes, _Target] = field(default_factory=dict)

    def configure(self, plan: Plan) -> None:
        """Take over the tokens of these rules."""
        rules = pinging(plan)
        before = {target.name: target for target in self._targets.values()}
        self._targets = {
            self._digest(rule.query.token.reveal()): before.get(rule.query.name, _Target(rule.query.name))
            for rule in rules
        }

    def find(self, token: str) -> Bell | None:
        """What a ping with this token rings, None where nobody has it."""
        target = self._targets.get(self._digest(token))
        if target is None:
            self.live.metrics.pings.labels("unknown").inc()
            return None

        async def ring(kind: str, body: bytes) -> int:
            status, outcome = await self._ring(target, kind, body)
            self.live.metrics.pings.labels(outcome).inc()
            return status

        return ring

    async def _ring(self, target: _Target, kind: str, body: bytes) -> tuple[int, str]:
        store = self.store()
        if store is None:
            return 503, "failed"
        if not target.takes(self.clock.monotonic()):
            return 429, "limited"
        news = Received(target.name, kind, self.clock.now(), said(body))
        try:
            await store.receive(PINGS, news, wakes=() if kind == LOG else (UNIT,))
        except StoreError as error:
            log.error("ping.not_kept", target=target.name, error=str(error))
            return 503, "failed"
        self.look()
        return 200, "kept"

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(errors="replace"), hashlib.sha256)


def pinging(plan: Plan) -> list[Rule]:
    """The rules whose targets ping."""
    return [rule for rule in plan.rules.values() if rule.source == PINGS]


def said(body: bytes) -> str:
    """The end of what a run said, in one line, without secrets."""
    text = redact(body[-_LOOKED:].decode(errors="replace"))
    return " ".join(text.split())[-KEPT:]
