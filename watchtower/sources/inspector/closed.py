"""Which findings that nobody was told of were closed since the last look: coming back is news of them, too.

What is told is looked after by its ARNs. What only stood in the baseline has none that are remembered (there may be
50,000), so closed findings are listed by the time of their closing, and compared.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.errors import SourceError
from watchtower.model import TroubleReason
from watchtower.sources.inspector.findings import list_findings
from watchtower.sources.inspector.query import equal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from watchtower.inventory.paging import Calls
    from watchtower.sources.base import Place
    from watchtower.sources.inspector.findings import Found
    from watchtower.sources.inspector.query import InspectorQuery

#: Seconds by which two looks overlap: a listing may be behind.
OVERLAP = 3600
#: Names of vulnerabilities that one filter takes, and calls of one look that ask whether they are somewhere else.
NAMES, MOST_CALLS = 10, 100


@dataclass(frozen=True, slots=True)
class Closed:
    """The digests that are closed for good; ``complaint`` says that there were more than could be looked after."""

    digests: frozenset[bytes] = frozenset()
    complaint: SourceError | None = None


async def closed_since(
    calls: Calls, place: Place, query: InspectorQuery, known: Collection[bytes], since: int
) -> Closed:
    """Those of the ``known`` digests that were closed after ``since`` (epoch seconds) and are nowhere else.

    The same vulnerability in another image that merely does not match just now keeps it known. Raises SourceError.
    """
    if not known:
        return Closed()
    window = [{"startInclusive": from_epoch(since - OVERLAP)}]
    wanted = {"resourceType": equal(*query.resources), "findingStatus": equal("CLOSED"), "updatedAt": window}
    try:
        listed = await list_findings(calls, place, wanted)
    except SourceError as error:
        if error.reason != TroubleReason.INVALID:
            raise
        return Closed(complaint=SourceError(error.reason, f"closed findings are not known: {error.detail}"))
    shut = [each for each in listed if each.digest in known and (each.finding.packages or not each.group)]
    names = sorted({each.finding.name for each in shut if each.finding.packages})
    left = {each.digest for each in await _elsewhere(calls, place, query, names[: NAMES * MOST_CALLS])}
    unasked = frozenset(names[NAMES * MOST_CALLS :])
    gone = frozenset(each.digest for each in shut if each.finding.name not in unasked) - left
    words = f"{len(names)} vulnerabilities were closed at once; of {len(unasked)} a return may not be told"
    return Closed(gone, SourceError(TroubleReason.PARTIAL, words) if unasked else None)


async def _elsewhere(calls: Calls, place: Place, query: InspectorQuery, names: Sequence[str]) -> list[Found]:
    """The findings of these names that are not closed, whatever else the rule asks for."""
    open_ones = {"resourceType": equal(*query.resources), "findingStatus": equal("ACTIVE", "SUPPRESSED")}
    parts = [names[at : at + NAMES] for at in range(0, len(names), NAMES)]
    listings = (list_findings(calls, place, {**open_ones, "vulnerabilityId": equal(*part)}) for part in parts)
    return [each for found in await asyncio.gather(*listings) for each in found]
