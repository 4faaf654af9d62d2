"""What the terminal shows while the demo runs: what happens to the estate, and which message went where."""

from __future__ import annotations

import sys
from html import unescape
from typing import TYPE_CHECKING, TypeVar

from watchtower.clock import epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.clock import Clock
    from watchtower.demo.aws.server import EstateServer
    from watchtower.demo.pagerduty import PagerDutyServer
    from watchtower.demo.scenario import Scenario
    from watchtower.demo.slack import SlackServer

_T = TypeVar("_T")

#: Virtual seconds between two looks.
LOOK = 10.0
#: Characters of a message that fit beside its time and channel.
WIDTH = 100


class Narrator:
    """Reads the simulators, never the daemon: what it tells is what people would have seen."""

    def __init__(
        self,
        scenario: Scenario,
        start: float,
        clock: Clock,
        aws: EstateServer,
        pagerduty: PagerDutyServer,
        slack: SlackServer,
    ) -> None:
        self._start = start
        self._clock = clock
        self._aws = aws
        self._pagerduty = pagerduty
        self._slack = slack
        turns = [(one.start, f"estate     {one.title}") for one in scenario.incidents]
        turns += [(one.end, f"estate     over: {one.title}") for one in scenario.incidents]
        self._turns = sorted(turns)
        self._heard = {"pagerduty": 0, "slack": 0, "sns": 0}

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self.tell_news()
            await self._clock.sleep(LOOK)

    def tell_news(self) -> None:
        """Everything that has come to pass since the last look, in its order."""
        for at, line in sorted([*self._estate_news(), *self._vendor_news()]):
            self.say(f"+{int(at // 60):3d}:{int(at % 60):02d}  {line}")

    def say(self, text: str) -> None:
        """One line to the terminal."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def _estate_news(self) -> Iterator[tuple[float, str]]:
        now = epoch(self._clock.now()) - self._start
        while self._turns and self._turns[0][0] <= now:
            yield self._turns.pop(0)

    def _vendor_news(self) -> Iterator[tuple[float, str]]:
        for one in self._unheard("pagerduty", self._pagerduty.requests):
            summary = one.payload.get("payload", {}).get("summary", one.payload.get("dedup_key", ""))
            yield (
                epoch(one.at) - self._start,
                f"PagerDuty  {one.payload.get('event_action')}: {summary} [{one.outcome}]",
            )
        for one in self._unheard("slack", self._slack.requests):
            text = unescape(one.payload.get("text", "")) if isinstance(one.payload, dict) else ""
            method = one.operation.rpartition("/")[2]
            yield epoch(one.at) - self._start, f"Slack      {method}: {_short(text)} [{one.outcome}]"
        for message in self._unheard("sns", self._aws.published):
            event = message.attributes.get("event", "")
            yield message.at - self._start, f"SNS        {event}: {_short(message.subject or '')}"

    def _unheard(self, vendor: str, all_of_it: list[_T]) -> list[_T]:
        news = all_of_it[self._heard[vendor] :]
        self._heard[vendor] = len(all_of_it)
        return news


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
