"""Fetched calls turned into what the engine wants: observations, troubles, samples and the bill."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.errors import SourceError
from watchtower.model import Answer, Observation, Sample, Trouble, TroubleReason
from watchtower.sources.cloudwatch.facts import Facts, trouble
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels
from watchtower.sources.cloudwatch.truth import Seen, expected, seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watchtower.sources.base import Poll
    from watchtower.sources.cloudwatch.fetch import CallAnswer
    from watchtower.sources.cloudwatch.series import Expansion, Series, Wanted

#: Periods without a datapoint after which a polled value is gone from the scrape (design section 8).
STALE_PERIODS = 2


@dataclass(frozen=True, slots=True)
class Polled:
    """One poll with all its calls done."""

    poll: Poll
    facts: Facts
    expansions: Sequence[Expansion]
    calls: Sequence[CallAnswer]

    def fail_if_nothing_succeeded(self) -> None:
        """Raise SourceError when no call brought a page, or nothing could be listed at all."""
        if self.calls:
            errors = [call.error for call in self.calls if call.error is not None and call.pages == 0]
            if len(errors) == len(self.calls):
                raise errors[0]
        elif self.facts.troubles and not any(expansion.complete for expansion in self.expansions):
            first = self.facts.troubles[0]
            raise SourceError(first.reason, first.detail)

    def seen(self) -> dict[Wanted, Seen]:
        """What is known of every result that was wanted."""
        return {wanted: seen(call, query_id) for call in self.calls for query_id, wanted in call.call.returned.items()}

    def answers(self, results: Mapping[Wanted, Seen]) -> tuple[Answer, ...]:
        """The observations of every rule."""
        return tuple(
            Answer(
                expansion.ask.rule,
                tuple(self._observation(expansion, series, results) for series in expansion.series),
                expansion.complete,
                expansion.gone,
            )
            for expansion in self.expansions
        )

    def _observation(self, expansion: Expansion, series: Series, results: Mapping[Wanted, Seen]) -> Observation:
        result, band = results[series.wanted], results[series.band] if series.band else None
        first = self.poll.tick - expansion.ask.slots * expansion.ask.period
        points = result.points
        if points and points[0][0] < first:
            points = tuple(point for point in points if point[0] >= first)
        if band is None:
            return Observation(series.identity, points, result.truth, series.context, result.reason)
        if band.truth.holds and not result.truth.holds:
            result = band
        reason = result.reason or expected(band.band)
        return Observation(series.identity, points, result.truth, series.context, reason, band=band.band)

    def troubles(self, results: Iterable[Seen]) -> tuple[Trouble, ...]:
        """What went wrong, once per cause."""
        errors = {(result.error.reason, result.error.detail) for result in results if result.error}
        found = [trouble(self.facts.place, TroubleReason(reason), detail) for reason, detail in sorted(errors)]
        return tuple(dict.fromkeys([*self.facts.troubles, *found]))

    def samples(self, results: Mapping[Wanted, Seen]) -> Iterator[Sample]:
        """The newest value of every statistic that has a recent one, once."""
        oldest = self.poll.tick - STALE_PERIODS * self.poll.unit.period
        shown = {
            series.wanted: series.sample
            for expansion in self.expansions
            for series in expansion.series
            if series.sample is not None
        }
        for wanted, (name, labels) in shown.items():
            points = results[wanted].points
            if points and points[-1][0] >= oldest:
                at, value = points[-1]
                yield Sample("aws", name, labels, value, at, help=_help(wanted))
        yield from self._computed(results, oldest)

    def _computed(self, results: Mapping[Wanted, Seen], oldest: int) -> Iterator[Sample]:
        """What metric math gave: no metric of AWS's, so it is shown under the rule's name."""
        for expansion in self.expansions:
            for series in expansion.series:
                points = results[series.wanted].points
                if series.sample is None and points and points[-1][0] >= oldest:
                    at, value = points[-1]
                    yield Sample(
                        "watchtower", RULE_VALUE, rule_labels(expansion.ask.rule, series.identity), value, at, RULE_HELP
                    )

    def billed(self) -> Counter[str]:
        """Metrics billed to each rule; a call that brought nothing costs nothing."""
        return sum((call.call.billed() for call in self.calls if call.pages), Counter[str]())


def _help(wanted: Wanted) -> str:
    [(_, stat)] = wanted.stats
    return f"CloudWatch {stat.namespace} {stat.metric}, {stat.statistic}"
