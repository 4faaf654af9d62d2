"""What holds an alert back at one moment: a silence, a mute window, an inhibitor, or its route's hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.incidents.circles import first_of_circles
from watchtower.incidents.hold import Hold, until
from watchtower.incidents.inhibition import Sources
from watchtower.matchers import Matcher, matches_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.model import FlushInput
    from watchtower.incidents.policy import Policy
    from watchtower.incidents.quiet import Mute
    from watchtower.incidents.routing import Route
    from watchtower.incidents.silences import Silence

Matchers = tuple[Matcher, ...]

#: How soon a flapping alert that was well when its hold ended is looked at again.
LOOKS_AGAIN = timedelta(seconds=30)
_WELL = "flapping, and well at this moment"


@dataclass(frozen=True, slots=True)
class Holds:
    """Everything that may hold an alert back at ``now``, worked out once and asked for every alert.

    ``silences`` are those that hold now. ``active`` are silences and windows, ``coming`` when others begin; ``shut``
    are the routes outside of their hours, ``shutting`` when those of the others end. ``freed`` are alerts that inhibit
    each other in a circle and fired first, each with those that therefore do not hold it back. ``calm`` are
    alerts that flap and are well just now.
    """

    now: datetime
    silences: tuple[Silence, ...]
    active: tuple[tuple[Matchers, Hold], ...]
    coming: tuple[tuple[Matchers, datetime], ...]
    sources: tuple[Sources, ...]
    freed: Mapping[str, frozenset[str]]
    calm: frozenset[str]
    shut: Mapping[str, Hold]
    shutting: Mapping[str, datetime]

    @classmethod
    def of(cls, seen: FlushInput, policy: Policy, now: datetime) -> Holds:
        """What the configuration and the store say at this moment."""
        silences = tuple(silence for silence in seen.silences if silence.active(now))
        mutes = policy.quiet.mutes
        later = [(silence.matchers, silence.starts_at) for silence in seen.silences if silence.starts_at > now]
        return cls(
            now,
            silences,
            (*((silence.matchers, _silenced(silence)) for silence in silences), *_muted(mutes, now)),
            (*later, *_beginnings(mutes, now)),
            tuple(Sources.of(rule, seen.firing, now) for rule in policy.quiet.inhibitions),
            first_of_circles(policy.quiet.inhibitions, seen.firing),
            seen.calm,
            dict(_shut(policy.routes, now)),
            dict(_shutting(policy.routes, now)),
        )

    def on(self, alert_id: str, labels: Mapping[str, str], route: str, since: datetime) -> Hold | None:
        """What holds back an alert that fires since ``since``, on this route; the first of several reasons."""
        return next(self._all(alert_id, labels, route, since), None)

    def still(self, alert_id: str) -> Hold | None:
        """What goes on holding back an alert whose hold ended: it is well, and nobody is woken for that.

        Nothing tells the flush when it breaches again, so it looks again soon.
        """
        return Hold(_WELL, self.now + LOOKS_AGAIN) if alert_id in self.calm else None

    def _all(self, alert_id: str, labels: Mapping[str, str], route: str, since: datetime) -> Iterator[Hold]:
        yield from (hold for matchers, hold in self.active if matches_all(matchers, labels))
        besides = self.freed.get(alert_id, frozenset())
        found = (source.holding(labels, since, self.now, besides) for source in self.sources)
        yield from (hold for hold in found if hold is not None)
        if route in self.shut:
            yield self.shut[route]

    def next_start(self, labels: Mapping[str, str], route: str) -> datetime | None:
        """When a silence, window or the end of the route's hours may next hold back an alert that is free now."""
        starts = [moment for matchers, moment in self.coming if matches_all(matchers, labels)]
        if route in self.shutting:
            starts.append(self.shutting[route])
        return min(starts, default=None)


def _silenced(silence: Silence) -> Hold:
    about = f"{silence.id}: {silence.comment}" if silence.comment else silence.id
    return Hold(f"silenced by {silence.created_by}{until(silence.ends_at)} (silence {about})", silence.ends_at)


def _muted(mutes: Sequence[Mute], now: datetime) -> Iterator[tuple[Matchers, Hold]]:
    for mute in mutes:
        if mute.window.active(now):
            end = mute.window.next_change(now)
            yield mute.matchers, Hold(f"mute window {mute.name}{until(end)}", end)


def _beginnings(mutes: Sequence[Mute], now: datetime) -> Iterator[tuple[Matchers, datetime]]:
    for mute in mutes:
        begin = mute.window.next_change(now)
        if begin is not None and not mute.window.active(now):
            yield mute.matchers, begin


def _shut(routes: Sequence[Route], now: datetime) -> Iterator[tuple[str, Hold]]:
    for route in routes:
        if route.hours is not None and not route.hours.active(now):
            begin = route.hours.next_change(now)
            yield route.name, Hold(f"outside route hours of {route.name}{until(begin)}", begin)


def _shutting(routes: Sequence[Route], now: datetime) -> Iterator[tuple[str, datetime]]:
    for route in routes:
        end = route.hours.next_change(now) if route.hours is not None and route.hours.active(now) else None
        if end is not None:
            yield route.name, end
