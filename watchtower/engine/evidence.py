"""Evidence that was late, as it leaves: found, kept for all places at once, and told only where it still helps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchtower.engine.polling import PASSING
from watchtower.errors import Rejected, SourceError
from watchtower.model import DeliveryState
from watchtower.store.values import Settled

if TYPE_CHECKING:
    from watchtower.engine.archive import Archive
    from watchtower.lookup import Lookup
    from watchtower.model import Delivery
    from watchtower.store.store import Store

#: Real seconds that a sender waits for it before it lets others go first; with a request, well within its lease.
PATIENCE = 8.0
NOTHING_FOUND = "nothing was found"
TOO_LATE = "its alert or its incident ended, or is held back by now"


@dataclass(frozen=True, slots=True)
class Clerk:
    """Completes deliveries of evidence."""

    archive: Archive
    store: Store
    patience: float = PATIENCE

    async def complete(self, delivery: Delivery) -> Delivery | Settled | Rejected:
        """The delivery with its lines; or that nobody is to hear of them any more; or why there are none yet.

        One that does not say that its lines were found cannot have left, whatever a crash made of it.
        """
        [member] = delivery.notice.members
        lookup = member.late
        if lookup is None:
            return Rejected("there is nothing to look for", permanent=True)
        try:
            lines = member.evidence or await self._look(lookup)
        except SourceError as error:
            return Rejected(f"evidence: {error.detail}", permanent=error.reason not in PASSING)
        if not await self.store.show(delivery, replace(lookup, found=False), lines):
            return Settled(DeliveryState.WITHDRAWN, TOO_LATE)
        told = replace(delivery.notice, members=(replace(member, evidence=lines),))
        return replace(delivery, notice=told, state=delivery.state if lookup.found else DeliveryState.PENDING)

    async def _look(self, lookup: Lookup) -> tuple[str, ...]:
        lines = await self.archive.read(lookup, self.patience)
        self.archive.count("arrived")
        return lines or (NOTHING_FOUND,)
