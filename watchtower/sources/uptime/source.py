"""The burn of error budgets as a source like any; its world is the ledger that ticks of probes write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.model import Answer, Labels, Observation, PollResult, Sample, stable_hash
from watchtower.sources.base import Unit
from watchtower.sources.uptime.burn import WINDOWS, burn_of
from watchtower.sources.uptime.ledger import begin_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence

    from watchtower.model import AlertKey
    from watchtower.sources.base import Ask, Place, Poll
    from watchtower.sources.uptime.burn import Burn
    from watchtower.sources.uptime.ledger import Totals
    from watchtower.sources.uptime.query import BurnQuery

    #: By series and window.
    Booked = Mapping[AlertKey, Mapping[int, Totals]]
    #: Rules and the beginnings of windows by their length in, totals out.
    Read = Callable[[Collection[str], Mapping[int, int]], Awaitable[Booked]]

PERIOD = 60
#: A series that nobody booked for so many seconds is no target any more.
GONE_AFTER = 3_600

BURN_RATE, BUDGET_LEFT = "watchtower_burn_rate", "watchtower_error_budget_remaining_ratio"
_HELP = {
    BURN_RATE: "Times as fast as its objective allows that a target's error budget is spent, over a window.",
    BUDGET_LEFT: "The share of a target's error budget that is left; negative when it is overspent.",
}


class UptimeSource:
    """Answers burn rules; without a store, as in ``watchtower once``, nothing is known."""

    name = "uptime"

    def __init__(self, read: Read | None = None) -> None:
        self._read = read

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:  # noqa: ARG002 - time has no place
        """One unit for all; what it reads is in the store already."""
        fingerprint = stable_hash(*(f"{ask.rule} {ask.query.model_dump_json()}" for ask in asks))
        return [Unit("uptime/all", self.name, "", "", PERIOD, 0, 0, tuple(asks), fingerprint)]

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether the unit watches the objective of this series."""
        return any(ask.rule == rule and set(ask.query.identity) == set(identity) for ask in unit.asks)

    async def poll(self, poll: Poll) -> PollResult:
        """The newest datapoint of every series of every ask."""
        asks = poll.unit.asks
        if self._read is None:
            return PollResult(tuple(Answer(ask.rule, (), complete=False) for ask in asks))
        windows = {*WINDOWS, *(int(ask.query.slo.window) for ask in asks)}
        begins = {window: begin_of(window, poll.tick) for window in windows}
        found = await self._read({ask.query.rule for ask in asks}, begins)
        burns = [(ask, list(_burns(ask.query, found, poll.tick))) for ask in asks]
        answers = tuple(
            Answer(ask.rule, tuple(_observation(ask.query, key, burn, poll.tick) for key, burn in mine))
            for ask, mine in burns
        )
        samples = (_samples(key, burn, poll.tick) for _, mine in burns for key, burn in mine)
        return PollResult(answers, samples=tuple(sample for several in samples for sample in several))

    async def close(self) -> None:
        """Nothing is held open."""


def _burns(query: BurnQuery, found: Booked, now: int) -> Iterator[tuple[AlertKey, Burn]]:
    for key, totals in found.items():
        newest = max((one.until for one in totals.values()), default=0)
        if key.rule == query.rule and set(key.identity) == set(query.identity) and newest > now - GONE_AFTER:
            yield key, burn_of(query.slo, totals, now, query.interval)


def _observation(query: BurnQuery, key: AlertKey, burn: Burn, tick: int) -> Observation:
    context = Labels(dict(query.targets.get(key.identity.get("target", ""), {})))
    return Observation(key.identity, ((tick - PERIOD, burn.value),), context=context, reason=burn.reason)


def _samples(key: AlertKey, burn: Burn, tick: int) -> Iterator[Sample]:
    labels = {"alert": key.rule, **key.identity}
    yield Sample("watchtower", BUDGET_LEFT, Labels(labels), burn.left, tick - PERIOD, _HELP[BUDGET_LEFT])
    for window, rate in burn.rates.items():
        named = Labels({**labels, "window": format_duration(window)})
        yield Sample("watchtower", BURN_RATE, named, rate, tick - PERIOD, _HELP[BURN_RATE])
