"""What holds an alert back at one moment: a silence, a mute window, an inhibitor, or its route's hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.incidents.hold import Hold, until
from watchtower.incidents.inhibition import Sources
from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from watchtower.incidents.model import FlushInput
    from watchtower.incidents.policy import Policy
    from watchtower.incidents.quiet import Mute
    from watchtower.incidents.silences import Silence
    from watchtower.incidents.windows import Window


@dataclass(frozen=True, slots=True)
class Holds:
    """Everything that may hold an alert back at ``now``; ``hours`` are those of the routes that have some."""

    now: datetime
    silences: tuple[Silence, ...]
    mutes: tuple[Mute, ...]
    sources: tuple[Sources, ...]
    hours: Mapping[str, Window]

    @classmethod
    def of(cls, seen: FlushInput, policy: Policy, now: datetime) -> Holds:
        """What the configuration and the store say at this moment."""
        return cls(
            now,
            tuple(silence for silence in seen.silences if silence.ends_at > now),
            policy.quiet.mutes,
            tuple(Sources.of(rule, seen.firing, now) for rule in policy.quiet.inhibitions),
            {route.name: route.hours for route in policy.routes if route.hours is not None},
        )

    def on(self, labels: Mapping[str, str], route: str, since: datetime) -> Hold | None:
        """What holds back an alert that fires since ``since``, on this route; the first of several reasons."""
        return next(self._all(labels, route, since), None)

    def _all(self, labels: Mapping[str, str], route: str, since: datetime) -> Iterator[Hold]:
        yield from (_silenced(each) for each in self.silences if each.covers(labels, self.now))
        for mute in self.mutes:
            if mute.window.active(self.now) and mute.covers(labels):
                end = mute.window.next_change(self.now)
                yield Hold(f"mute window {mute.name}{until(end)}", end)
        found = (source.holding(labels, since, self.now) for source in self.sources)
        yield from (hold for hold in found if hold is not None)
        hours = self.hours.get(route)
        if hours is not None and not hours.active(self.now):
            begin = hours.next_change(self.now)
            yield Hold(f"outside route hours of {route}{until(begin)}", begin)

    def next_start(self, labels: Mapping[str, str], route: str) -> datetime | None:
        """When a silence, window or the end of the route's hours may next hold back an alert that is free now."""
        return min((moment for moment in self._starts(labels, route) if moment is not None), default=None)

    def _starts(self, labels: Mapping[str, str], route: str) -> Iterator[datetime | None]:
        for silence in self.silences:
            if silence.starts_at > self.now and matches_all(silence.matchers, labels):
                yield silence.starts_at
        for mute in self.mutes:
            if not mute.window.active(self.now) and mute.covers(labels):
                yield mute.window.next_change(self.now)
        hours = self.hours.get(route)
        if hours is not None and hours.active(self.now):
            yield hours.next_change(self.now)


def _silenced(silence: Silence) -> Hold:
    about = f"{silence.id}: {silence.comment}" if silence.comment else silence.id
    return Hold(f"silenced by {silence.created_by}{until(silence.ends_at)} (silence {about})", silence.ends_at)
