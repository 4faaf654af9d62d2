"""One poll that never raises: a failure as a whole becomes a result without answers and with its trouble."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from watchtower.errors import SourceError
from watchtower.model import PollResult, Trouble, TroubleReason

if TYPE_CHECKING:
    from watchtower.sources.base import Poll, Source


#: Troubles that the next request may well not have; what is forbidden or invalid stays so until somebody acts.
PASSING = frozenset(set(TroubleReason) - {TroubleReason.FORBIDDEN, TroubleReason.INVALID})


async def poll(source: Source, request: Poll, patience: float) -> PollResult:
    """Poll for at most ``patience`` real seconds; not to know is an answer too, and changes no state."""
    unit = request.unit
    try:
        async with asyncio.timeout(patience):
            return await source.poll(request)
    except SourceError as error:
        reason, detail = TroubleReason(error.reason), error.detail
    except TimeoutError:
        reason, detail = TroubleReason.TIMEOUT, f"no answer within {patience:g} s"
    return PollResult((), troubles=(Trouble(unit.source, unit.account, unit.region, reason, detail),))
