"""Calls to APIs that publish no rate: paced by what AWS refuses, and refused ones tried again within the poll."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from watchtower.aws.limits import AdaptiveRate
from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.clock import Clock

#: Tries of one call; each waits twice as long as the one before, because the rate was halved.
TRIES = 4


class PacedCalls:
    """The same door as :class:`watchtower.aws.clients.AwsClients`, with a rate for each account, region and service."""

    def __init__(self, clients: AwsClients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._rates: defaultdict[tuple[str, str, str], AdaptiveRate] = defaultdict(AdaptiveRate)

    async def call(self, account: str, region: str, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Call an operation in its turn; raises SourceError, for being throttled only when that goes on."""
        rate = self._rates[account, region, service]
        for left in reversed(range(TRIES)):
            number, wait = rate.take(self._clock.monotonic())
            if wait:
                await self._clock.sleep(wait)
            try:
                answer = await self._clients.call(account, region, service, operation, **params)
            except SourceError as error:
                if error.reason != TroubleReason.THROTTLED:
                    raise
                rate.throttled(number)
                if not left:
                    raise
            else:
                rate.succeeded()
                return answer
        raise AssertionError("the last try returns or raises")
