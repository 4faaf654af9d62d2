"""The heartbeat source: judges by the pings that came, and by when we could not have heard any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.clock import epoch
from watchtower.model import Answer, Labels, Observation, PollResult, Sample, Truth, stable_hash
from watchtower.sources.base import Unit
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.heartbeat.memory import GAPS, Memory, Points, decode, encode
from watchtower.sources.heartbeat.query import PERIOD
from watchtower.sources.heartbeat.schedule import History, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchtower.sources.base import Ask, Place, Poll
    from watchtower.sources.heartbeat.schedule import Gap, Verdict

#: The one unit of all heartbeats.
UNIT = "heartbeat/all"
#: Seconds without a look after which we count as having been away.
_AWAY = 2.5 * PERIOD

SUCCESS, FAIL, START, LOG = "success", "fail", "start", "log"
#: What a ping can say.
KINDS = (SUCCESS, FAIL, START, LOG)


class HeartbeatSource:
    """Asks nobody: pings come by themselves; it remembers only that it has looked before in this process."""

    name = "heartbeat"

    def __init__(self) -> None:
        self._looked = False

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:  # noqa: ARG002 - pings have no place
        """One unit."""
        known = (f"{ask.rule} {ask.slots} {ask.query.model_dump_json()}" for ask in asks)
        return [Unit(UNIT, self.name, "", "", PERIOD, 0, 0, tuple(asks), stable_hash(*known))]

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether the rule waits for this target."""
        return any(ask.rule == rule and identity == _identity(ask) for ask in unit.asks)

    def hears(self, unit: Unit) -> bool:  # noqa: ARG002
        """Pings."""
        return True

    async def poll(self, poll: Poll) -> PollResult:
        """What the pings that were received say about every target."""
        now = epoch(poll.now)
        before = decode(poll.memory)
        gaps = self._gaps(before, now)
        self._looked = True
        names = {ask.query.name for ask in poll.unit.asks}
        since = {name: min(before.since.get(name, now), now) for name in sorted(names)}
        verdicts = {
            ask.rule: judge(ask.query.schedule, _history(poll, ask, since, gaps, now), now) for ask in poll.unit.asks
        }
        points = {ask.rule: _points(before, ask, poll.tick, verdicts[ask.rule].value) for ask in poll.unit.asks}
        return PollResult(
            tuple(_answer(ask, poll, verdicts[ask.rule], points[ask.rule]) for ask in poll.unit.asks),
            encode(Memory(now, gaps, since, points)),
            samples=tuple(_samples(poll, points)),
        )

    async def close(self) -> None:
        """Nothing is open."""

    def _gaps(self, before: Memory, now: float) -> tuple[Gap, ...]:
        """When we could not be reached: between two processes, and when no look was committed for long."""
        heard = before.heard
        if heard is None or heard >= now or (self._looked and now - heard <= _AWAY):
            return before.gaps
        return (*before.gaps, (heard, now))[-GAPS:]


def _identity(ask: Ask) -> Labels:
    return Labels({"target": ask.query.name})


def _history(poll: Poll, ask: Ask, since: Mapping[str, float], gaps: Sequence[Gap], now: float) -> History:
    """What came from a target; a ping from before the clock was set back came now at the latest."""
    target = ask.query.name
    mine = {one.kind: one for one in poll.received if one.target == target}
    at = {kind: min(epoch(one.at), now) for kind, one in mine.items()}
    last = at.get(SUCCESS, since[target])
    return History(
        since=since[target],
        success=at.get(SUCCESS),
        failed=at.get(FAIL),
        started=at.get(START),
        said=mine[FAIL].text if FAIL in mine else "",
        gaps=tuple(gap for gap in gaps if gap[1] > last),
    )


def _points(before: Memory, ask: Ask, tick: int, value: float | None) -> Points:
    """The values of the slots that the rule looks at; what is known now is said of the newest."""
    newest, first = tick - PERIOD, tick - ask.slots * PERIOD
    kept = tuple(point for point in before.points.get(ask.rule, ()) if first <= point[0] < newest)
    return kept if value is None else (*kept, (newest, value))


def _answer(ask: Ask, poll: Poll, verdict: Verdict, points: Points) -> Answer:
    said = tuple(
        f"{one.kind} {one.at:%Y-%m-%d %H:%M:%S} UTC: {one.text}"
        for one in sorted(poll.received, key=lambda one: one.at)
        if one.target == ask.query.name and one.text
    )
    truth = Truth.VALUE if points else Truth.NO_DATA
    return Answer(ask.rule, (Observation(_identity(ask), points, truth, reason=verdict.reason, evidence=said),))


def _samples(poll: Poll, points: Mapping[str, Points]) -> Iterator[Sample]:
    newest = poll.tick - PERIOD
    for ask in poll.unit.asks:
        if points[ask.rule] and points[ask.rule][-1][0] == newest:
            labels = rule_labels(ask.rule, _identity(ask))
            yield Sample("watchtower", RULE_VALUE, labels, points[ask.rule][-1][1], newest, RULE_HELP)
