"""Evidence under way: asked for once however many want it, and never by the clock of those who wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import SourceError
from watchtower.model import AlertKey, TroubleReason
from watchtower.sources.base import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.engine.plan import Plan
    from watchtower.live.metrics import Metrics
    from watchtower.lookup import Lookup
    from watchtower.sources.base import Unit

    Answer = tuple[str, ...] | SourceError

log = structlog.get_logger("watchtower.evidence")

#: Real seconds after which a look that nobody may wait for any more is ended; the next one begins anew.
LONGEST = 60.0
#: Looks under way at once; a thousand alerts that fire together must not become a thousand searches.
MOST = 32
#: Answers that are kept for those who ask a moment later.
KEPT = 32


class Archive:
    """Looks for evidence in tasks of its own, so that whoever waited too long finds it later.

    ``plan`` says who can show it by now. What is not read when the process ends is asked for again by the next one:
    the outbox remembers.
    """

    def __init__(self, plan: Callable[[], Plan], metrics: Metrics) -> None:
        self._plan = plan
        self._metrics = metrics
        self._looks: dict[Lookup, asyncio.Task[Answer]] = {}

    async def read(
        self, lookup: Lookup, patience: float, witness: tuple[Witness, Unit] | None = None
    ) -> tuple[str, ...]:
        """What is there within so many real seconds; raises SourceError. ``witness`` is who can show it, if known."""
        look = self._looks.get(lookup) or self._begin(lookup, witness)
        done, _ = await asyncio.wait([look], timeout=patience)
        if not done:
            raise SourceError(TroubleReason.TIMEOUT, f"not there within {patience:g} s")
        answer = look.result()
        if isinstance(answer, SourceError):
            self._looks.pop(lookup, None)
            raise SourceError(answer.reason, answer.detail)
        return answer

    def count(self, outcome: str) -> None:
        """Count what became of some evidence."""
        self._metrics.evidence.labels(outcome).inc()

    async def close(self) -> None:
        """End what is under way."""
        looks = list(self._looks.values())
        self._looks.clear()
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    def _begin(self, lookup: Lookup, witness: tuple[Witness, Unit] | None) -> asyncio.Task[Answer]:
        done = [known for known, look in self._looks.items() if look.done()]
        for old in done[: max(0, len(done) - KEPT)]:
            del self._looks[old]
        if len(self._looks) - len(done) >= MOST:
            raise SourceError(TroubleReason.THROTTLED, f"{MOST} other searches are under way")
        found = witness or self._witness(lookup)
        if found is None:
            raise SourceError(TroubleReason.INVALID, "nothing that is configured now can show it")
        look = self._looks[lookup] = asyncio.create_task(_look(*found, lookup), name=f"evidence of {lookup.rule}")
        return look

    def _witness(self, lookup: Lookup) -> tuple[Witness, Unit] | None:
        plan = self._plan()
        unit = plan.owner(AlertKey(lookup.rule, lookup.identity))
        if unit is None:
            return None
        source = plan.sources[unit.source]
        return (source, unit) if isinstance(source, Witness) else None


async def _look(source: Witness, unit: Unit, lookup: Lookup) -> Answer:
    """The lines, or why there are none: nobody may be waiting, so nothing is raised."""
    try:
        async with asyncio.timeout(LONGEST):
            return await source.evidence(unit, lookup.rule, lookup.identity, lookup.since, lookup.until)
    except TimeoutError:
        return SourceError(TroubleReason.TIMEOUT, f"not there within {LONGEST:g} s")
    except SourceError as error:
        return error
    except Exception as error:
        # A bug in what only decorates a page must cost neither the page nor the loop that sends others.
        log.exception("evidence.failed", rule=lookup.rule)
        return SourceError(TroubleReason.INTERNAL, f"{type(error).__name__} while it was looked for")
