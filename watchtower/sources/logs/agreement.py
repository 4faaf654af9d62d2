"""Whether CloudWatch reads a pattern as we do: TestMetricFilter on a few lines, once a pattern.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import SourceError
from watchtower.logpattern import compile_pattern
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.aws.clients import AwsClients
    from watchtower.sources.base import Place

log = structlog.get_logger("watchtower.logs")

#: Messages that TestMetricFilter takes.
MAX_SAMPLES = 50
#: Patterns that one poll compares: TestMetricFilter may be called 5 times a second.
AT_ONCE = 5
#: Seconds for all patterns of one poll: the check must not hold up what it is about.
PATIENCE = 5.0
#: Tries before a pattern stays unchecked, where AWS fails and does not forbid.
_TRIES = 3

_WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_]{2,})')
_COMMON = (
    "",
    "ERROR",
    "ERROR message",
    "2026-01-05 12:00:00 INFO all is well",
    '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
    '{"level": "error", "status": 500, "list": [1, 2], "nothing": null, "ok": true}',
)


def samples(pattern: str) -> list[str]:
    """Lines on which two readings of a pattern would differ: with each of its words, with several, with none."""
    words = [(quoted or bare).strip("*") for quoted, bare in _WORDS.findall(pattern)]
    words = list(dict.fromkeys(word for word in words if word))[:12]
    lines = [f"2026-01-05 12:00:00 {word} and more" for word in words]
    lines += [f"{word} first" for word in words] + [" ".join(words), f"2026-01-05 {' '.join(reversed(words))} last"]
    return list(dict.fromkeys([*(line for line in _COMMON if line), *lines]))[:MAX_SAMPLES]


class Agreement:
    """Asks CloudWatch about each pattern until it answers, and warns of every line on which the two differ."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._tries: Counter[str] = Counter()
        self._forbidden: set[Place] = set()

    async def check(self, place: Place, patterns: Iterable[str]) -> None:
        """Compare the patterns that were not compared yet; never raises, and forbidden is no news."""
        open_ones = [pattern for pattern in patterns if self._tries[pattern] < _TRIES]
        if place in self._forbidden:
            return
        try:
            async with asyncio.timeout(PATIENCE):
                for pattern in open_ones[:AT_ONCE]:
                    self._tries[pattern] += 1
                    await self._compare(place, pattern)
                    self._tries[pattern] = _TRIES
        except TimeoutError:
            return
        except SourceError as error:
            if error.reason == TroubleReason.FORBIDDEN:
                self._forbidden.add(place)

    async def _compare(self, place: Place, pattern: str) -> None:
        lines = samples(pattern)
        try:
            answer = await self._clients.call(
                place.account,
                place.region,
                "logs",
                "test_metric_filter",
                filterPattern=pattern,
                logEventMessages=lines,
            )
        except SourceError as error:
            if error.reason != TroubleReason.INVALID:
                raise
            log.warning("logs.pattern_disagrees", pattern=pattern, cloudwatch=error.detail)
            return
        theirs = {match["eventMessage"] for match in answer["matches"]}
        ours = compile_pattern(pattern)
        for line in lines:
            if ours.matches(line) != (line in theirs):
                said = "matches" if line in theirs else "does not match"
                log.warning("logs.pattern_disagrees", pattern=pattern, line=line, cloudwatch=said)
                return
