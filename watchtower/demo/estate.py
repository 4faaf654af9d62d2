"""The simulated world: resources, series and sites as functions of virtual time, and the incidents laid over them.

Nothing here keeps state or reads a clock: whoever asks brings the time, so any past minute has a value and two
askers never disagree. Incidents are *overlays*: from one offset after the estate's start to another, a function
takes the place of what the selected series would have been.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from watchtower.demo.shapes import MINUTE, Generator

if TYPE_CHECKING:
    from watchtower.demo.announced import Announced
    from watchtower.demo.databases import Databases
    from watchtower.demo.images import PushedImage, Registry
    from watchtower.demo.logs import Chatter, LogGroup
    from watchtower.demo.names import Names

Dimensions = tuple[tuple[str, str], ...]


class Key(NamedTuple):
    """What names one series: CloudWatch knows no other identity. ``dimensions`` are sorted pairs."""

    account: str
    region: str
    namespace: str
    metric: str
    dimensions: Dimensions


def dimensions_of(pairs: Mapping[str, str]) -> Dimensions:
    """Dimensions in the order in which a :class:`Key` holds them."""
    return tuple(sorted(pairs.items()))


@dataclass(frozen=True, slots=True)
class Series:
    """One metric that the estate publishes; ``resolution`` is the seconds between its datapoints."""

    key: Key
    value: Generator
    resolution: int = MINUTE


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with an ARN and tags, as the Resource Groups Tagging API lists it."""

    arn: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account of the estate.

    Without ``role_arn`` it is the one whose own credentials the client holds; with it, the account is entered
    by AssumeRole, and ``external_id`` must be shown where it is set.
    """

    id: str
    name: str
    regions: tuple[str, ...]
    role_arn: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """Picks series by globs; each named dimension must be there and match."""

    namespace: str = "*"
    metric: str = "*"
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def matches(self, key: Key) -> bool:
        """Whether the series is one of those meant."""
        if not (fnmatchcase(key.namespace, self.namespace) and fnmatchcase(key.metric, self.metric)):
            return False
        has = dict(key.dimensions)
        return all(name in has and fnmatchcase(has[name], glob) for name, glob in self.dimensions.items())


#: (seconds since the overlay began, the ordinary value) → the value during the incident
Change = Callable[[float, float | None], float | None]


@dataclass(frozen=True, slots=True)
class Overlay:
    """From ``start`` to ``end`` (seconds after the estate's start) the selected series do something else."""

    name: str
    selector: Selector
    start: float
    end: float
    change: Change


class SiteState(StrEnum):
    """What a site does with a request."""

    OK = "ok"
    FAILING = "failing"
    HANGING = "hanging"
    REFUSING = "refusing"
    SLOW = "slow"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Outage:
    """From ``start`` to ``end`` (seconds after the estate's start) a site is not well.

    ``status`` is what a failing site answers, ``seconds`` how long a slow one takes (virtual).
    """

    site: str
    start: float
    end: float
    state: SiteState
    status: int = 503
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything there is, from ``start`` (epoch seconds, the virtual beginning of the story).

    ``publish_delay`` is how many seconds after the end of its period a datapoint becomes visible, by namespace;
    ``*`` is for all others. ``sites`` maps a site's name to the text its page shows.
    """

    start: float
    accounts: tuple[Account, ...]
    series: tuple[Series, ...] = ()
    resources: Mapping[tuple[str, str], tuple[Resource, ...]] = field(default_factory=dict)
    topics: frozenset[str] = frozenset()
    sites: Mapping[str, str] = field(default_factory=dict)
    overlays: tuple[Overlay, ...] = ()
    outages: tuple[Outage, ...] = ()
    publish_delay: Mapping[str, float] = field(default_factory=lambda: {"*": 60.0})
    log_groups: Mapping[tuple[str, str], tuple[LogGroup, ...]] = field(default_factory=dict)
    chatter: tuple[Chatter, ...] = ()
    databases: Mapping[tuple[str, str], Databases] = field(default_factory=dict)
    announced: Mapping[tuple[str, str], Announced] = field(default_factory=dict)
    registries: Mapping[tuple[str, str], Registry] = field(default_factory=dict)
    names: Mapping[str, Names] = field(default_factory=dict)

    def suffering(
        self,
        overlays: Iterable[Overlay],
        outages: Iterable[Outage] = (),
        chatter: Iterable[Chatter] = (),
        pushed: Sequence[PushedImage] = (),
    ) -> Estate:
        """The same estate with these incidents added."""
        return replace(
            self,
            overlays=(*self.overlays, *overlays),
            outages=(*self.outages, *outages),
            chatter=(*self.chatter, *chatter),
            registries={place: registry.pushed(pushed) for place, registry in self.registries.items()},
        )

    def delay(self, namespace: str) -> float:
        """Seconds from the end of a period until its datapoint can be read."""
        return self.publish_delay.get(namespace, self.publish_delay.get("*", 0.0))

    def account(self, account_id: str) -> Account | None:
        """The account with this id, if the estate has it."""
        return next((account for account in self.accounts if account.id == account_id), None)

    def by_place(self) -> dict[tuple[str, str], dict[Key, Series]]:
        """The series of each (account, region), with the incidents laid over them."""
        places: dict[tuple[str, str], dict[Key, Series]] = defaultdict(dict)
        for series in self.series:
            places[series.key.account, series.key.region][series.key] = self._overlaid(series)
        return dict(places)

    def outage(self, site: str, at: float) -> Outage | None:
        """What is wrong with a site at a moment; None when it is well. The latest to begin wins."""
        now = at - self.start
        current = [o for o in self.outages if o.site == site and o.start <= now < o.end]
        return max(current, key=lambda outage: outage.start, default=None)

    def turns(self, site: str) -> Sequence[float]:
        """The moments (epoch seconds) at which a site's behaviour may change, in order."""
        edges = {edge for o in self.outages if o.site == site for edge in (o.start, o.end)}
        return [self.start + edge for edge in sorted(edges)]

    def _overlaid(self, series: Series) -> Series:
        overlays = [overlay for overlay in self.overlays if overlay.selector.matches(series.key)]
        if not overlays:
            return series
        value = series.value
        for overlay in overlays:
            value = _during(overlay, self.start, value)
        return replace(series, value=value)


def _during(overlay: Overlay, start: float, ordinary: Generator) -> Generator:
    begin, end = start + overlay.start, start + overlay.end

    def value(at: float) -> float | None:
        if begin <= at < end:
            return overlay.change(at - begin, ordinary(at))
        return ordinary(at)

    return value
