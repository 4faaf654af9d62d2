"""Uptime for the scrape: read off the ledger now and then, because a scrape must not add up a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.durations import format_duration
from watchtower.model import Labels, Sample
from watchtower.sources.uptime.ledger import DAY, begin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.clock import Clock
    from watchtower.live import Live
    from watchtower.model import AlertKey
    from watchtower.sources.uptime.ledger import Totals
    from watchtower.store.store import Store

#: Seconds between two looks.
EVERY = 60
#: The windows that are scraped, in seconds; the API answers any.
SCRAPED = (DAY, 30 * DAY)

RATIO, SECONDS = "watchtower_uptime_ratio", "watchtower_uptime_seconds"
_HELP = {
    RATIO: "The share of a target's judged time in which it was up, over a window.",
    SECONDS: "Seconds of a target's time by what they were, over a window.",
}
#: Under which the samples stand beside those of work units.
_UNIT = "uptime"


class UptimeFigures:
    """A loop's step that keeps the figures fresh."""

    def __init__(self, store: Store, live: Live, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._looked: float | None = None

    async def step(self) -> float:
        """Look when it is time; seconds until it is."""
        elapsed = self._clock.monotonic()
        if self._looked is not None and elapsed - self._looked < EVERY:
            return EVERY - (elapsed - self._looked)
        now = int(epoch(self._clock.now()))
        begins = {window: begin_of(window, now) for window in SCRAPED}
        found = await self._store.uptime(None, begins)
        samples = tuple(sample for key, totals in found.items() for sample in samples_of(key, totals, begins, now))
        self._live.samples.put(_UNIT, samples, period=EVERY, grace=0)
        self._looked = elapsed
        return float(EVERY)


def samples_of(key: AlertKey, totals: Mapping[int, Totals], begins: Mapping[int, int], now: int) -> Iterator[Sample]:
    """What the scrape says of one series."""
    for window, one in totals.items():
        labels = {"alert": key.rule, **key.identity, "window": format_duration(window)}
        if one.ratio is not None:
            yield Sample("watchtower", RATIO, Labels(labels), one.ratio, now, _HELP[RATIO])
        if window == SCRAPED[-1]:
            for state, seconds in one.seconds(begins[window]).items():
                named = Labels({**labels, "state": state.value})
                yield Sample("watchtower", SECONDS, named, seconds, now, _HELP[SECONDS])
