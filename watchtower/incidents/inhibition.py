"""Inhibition: while one alert fires, others with the same values of some labels are held back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.hold import Hold, at, until
from watchtower.matchers import Matcher, matches_all, parse_matchers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.config import InhibitConfig
    from watchtower.incidents.model import FiringAlert

Values = tuple[str, ...]

#: How far the clocks of two workers may be apart.
_CLOCKS_APART = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Inhibition:
    """One rule of inhibition; ``wait`` and ``extension`` are seconds.

    A target is not told before it fired for ``wait``, so that its source can fire first, and is held for
    ``extension`` after its source ended.
    """

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]
    wait: float = 0.0
    extension: float = 0.0

    def values(self, labels: Mapping[str, str]) -> Values:
        """What must be equal on both sides; a missing label equals an empty one."""
        return tuple(labels.get(name, "") for name in self.equal)

    def lasts(self, source: FiringAlert, now: datetime) -> bool:
        """Whether a source that fires, or fired, still holds its targets."""
        return source.ended_at is None or (not _ahead(source.ended_at, now) and now < self.freed_at(source.ended_at))

    def freed_at(self, ended: datetime) -> datetime:
        """When the targets of a source that ended are free."""
        return ended + timedelta(seconds=self.extension)


def compile_inhibitions(configs: Sequence[InhibitConfig]) -> tuple[Inhibition, ...]:
    """The inhibitions in the order of the file; ``alertname`` reads the label ``alert``."""
    return tuple(
        Inhibition(
            source=parse_matchers(config.source),
            target=parse_matchers(config.target),
            equal=tuple("alert" if name == "alertname" else name for name in config.equal),
            wait=config.wait,
            extension=config.extension,
        )
        for config in configs
    )


@dataclass(slots=True)
class Sources:
    """The sources of one inhibition, by the values that must be equal.

    ``plain`` are those that it does not also target: alerts that match both sides never hold each other back. Of
    several with equal values the one that lasts longest stands last.
    """

    rule: Inhibition
    every: dict[Values, list[FiringAlert]] = field(default_factory=lambda: defaultdict(list))
    plain: dict[Values, list[FiringAlert]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, rule: Inhibition, firing: Iterable[FiringAlert], now: datetime) -> Sources:
        """The sources that hold targets now."""
        found = cls(rule)
        for source in _longest_last(firing, now):
            if matches_all(rule.source, source.labels) and rule.lasts(source, now):
                values = rule.values(source.labels)
                found.every[values].append(source)
                if not matches_all(rule.target, source.labels):
                    found.plain[values].append(source)
        return found

    def holding(
        self, labels: Mapping[str, str], since: datetime, now: datetime, besides: Collection[str] = ()
    ) -> Hold | None:
        """What holds back a target that fires since ``since``, if anything does; the alerts ``besides`` do not."""
        if not matches_all(self.rule.target, labels):
            return None
        both = matches_all(self.rule.source, labels)
        sources = (self.plain if both else self.every).get(self.rule.values(labels), ())
        source = next((each for each in reversed(sources) if each.alert_id not in besides), None)
        return self._waiting(since, now) if source is None else self._inhibited(source)

    def _inhibited(self, source: FiringAlert) -> Hold:
        if source.ended_at is None:
            return Hold(f"inhibited by {source.name}")
        freed = self.rule.freed_at(source.ended_at)
        return Hold(f"inhibited by {source.name}, which ended at {at(source.ended_at)}{until(freed)}", freed)

    def _waiting(self, since: datetime, now: datetime) -> Hold | None:
        told = since + timedelta(seconds=self.rule.wait)
        if now >= told or _ahead(since, now):
            return None
        sources = ", ".join(str(matcher) for matcher in self.rule.source)
        return Hold(f"waiting {format_duration(self.rule.wait)} for {sources} to inhibit it", told)


def _ahead(stamp: datetime, now: datetime) -> bool:
    """It lies ahead, so the clock was set back since: how long ago it was nobody knows, and who knows not, tells."""
    return stamp > now + _CLOCKS_APART


def _longest_last(firing: Iterable[FiringAlert], now: datetime) -> list[FiringAlert]:
    """Those that ended before those that fire; of these the oldest last, so that the one that is named stays."""
    newest_first = sorted(firing, key=lambda source: (source.since, source.alert_id), reverse=True)
    return sorted(newest_first, key=lambda source: (source.ended_at is None, source.ended_at or now))
