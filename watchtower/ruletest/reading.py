"""One entry under ``tests:`` held against the rules and the configuration it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from watchtower.clock import from_epoch
from watchtower.durations import format_duration
from watchtower.incidents.silences import Silence
from watchtower.matchers import parse_matchers
from watchtower.model import Labels, Priority
from watchtower.ruletest.joined import taking_part
from watchtower.ruletest.labels import series_labels
from watchtower.ruletest.run import evaluations
from watchtower.ruletest.schema import RuleTestModel
from watchtower.ruletest.suite import Expected, RuleTest, Told, Track
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.composite import CompositeQuery
from watchtower.sources.heartbeat.query import HeartbeatQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.yamlfile import did_you_mean, validation_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from watchtower.faults import Fault
    from watchtower.rulebook.rule import Rule
    from watchtower.ruletest.schema import SeriesModel
    from watchtower.yamlfile import Document, Location

#: Evaluations that one test may run: seventy days of minutes.
MAX_EVALUATIONS = 100_000

_SILENCED_BY = "rule test"


@dataclass(frozen=True, slots=True)
class Around:
    """What the tests of a file may speak of.

    ``named`` are all alerts that the rule files name, those with a fault of their own too. ``channels`` None: there is
    no configuration. ``start`` is in epoch seconds.
    """

    document: Document
    rules: Mapping[str, Rule]
    named: Collection[str]
    channels: Collection[str] | None
    start: int
    account: str
    region: str


def read_test(around: Around, number: int) -> tuple[RuleTest | None, list[Fault]]:
    """The test, None when something is wrong with it, and everything that is."""
    loc: Location = ("tests", number)
    raw = around.document.get(loc)
    if not isinstance(raw, dict):
        return None, [around.document.fault(loc, "a test is a mapping that begins with `- name: what it shows`")]
    try:
        model = RuleTestModel.model_validate(raw)
    except ValidationError as error:
        return None, validation_faults(error, around.document, model=RuleTestModel, at=loc)
    reader = _Reader(around, loc, model)
    test = reader.read()
    return (None if reader.faults else test), list(dict.fromkeys(reader.faults))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one test; what is wrong is collected on the way."""

    around: Around
    loc: Location
    model: RuleTestModel
    faults: list[Fault] = field(default_factory=list)

    def read(self) -> RuleTest | None:
        if self.model.rule is not None:
            self._rule(self.model.rule, ("rule",))
        tracks = tuple(self._tracks())
        composites = taking_part(self.around.rules, {track.rule.name for track in tracks}, self._named())
        self._check_period(tracks)
        test = RuleTest(
            name=self.model.name,
            line=self.around.document.position(self.loc)[0],
            tracks=tracks,
            silences=tuple(self._silences()),
            expected=tuple(self._expected(tracks, composites)),
            told=self._told(),
            composites=composites,
        )
        self._check_length(test)
        return test

    def _fault(self, loc: Location, message: str, *, key: bool = False) -> None:
        self.faults.append(self.around.document.fault((*self.loc, *loc), message, key=key))

    def _rule(self, name: str, loc: Location) -> Rule | None:
        """The rule of this name; one that has a fault of its own is passed over, because that is told already."""
        if name not in self.around.named:
            self._fault(loc, f"no rule is called `{name}`{did_you_mean(name, self.around.named)}")
        return self.around.rules.get(name)

    def _tracks(self) -> Iterator[Track]:
        seen: set[tuple[str, Labels]] = set()
        for number, series in enumerate(self.model.series):
            track = self._track(series, ("series", number))
            if track is None:
                continue
            key = (track.rule.name, track.identity)
            if key in seen:
                self._fault(("series", number), f"{track.rule.name}{track.identity} is given twice")
            seen.add(key)
            yield track

    def _track(self, series: SeriesModel, loc: Location) -> Track | None:
        name = series.rule or self.model.rule
        if name is None:
            self._fault(loc, "whose series is this? give `rule`, here or for the whole test")
            return None
        rule = self._rule(name, (*loc, "rule") if series.rule else ("rule",))
        if rule is None:
            return None
        if isinstance(rule.query, CompositeQuery):
            self._fault(loc, f"{name} is a composite: give series of the rules it names")
            return None
        if series.values.words and not _asks_success(rule):
            self._fault((*loc, "values"), f"`up` and `down` are said of success; {rule.name} asks for a number")
        self._check_band(rule, series, loc)
        try:
            identity, context = series_labels(rule, series.labels, self.around.account, self.around.region)
        except ValueError as error:
            self._fault((*loc, "labels"), str(error))
            return None
        return Track(rule, identity, context, series.values, series.initial_state, series.band)

    def _check_band(self, rule: Rule, series: SeriesModel, loc: Location) -> None:
        asked = isinstance(rule.query, CloudWatchQuery) and rule.query.band is not None
        if series.band is not None and not asked:
            self._fault((*loc, "band"), f"{rule.name} asks for no band; leave it out", key=True)
        elif asked and series.band is None:
            message = f"{rule.name} asks for a band: say what is expected, as `band: 80..120`, or `band: _` for none"
            self._fault(loc, message)

    def _check_period(self, tracks: Collection[Track]) -> None:
        period = self.model.period
        asked = {track.rule.name: track.rule for track in tracks if self.model.rule in (None, track.rule.name)}
        for rule in asked.values() if period is not None else ():
            if rule.period != period:
                own = format_duration(rule.period)
                self._fault(("period",), f"the period is the rule's own, and {rule.name} has {own}; leave it out")

    def _silences(self) -> Iterator[Silence]:
        for number, silence in enumerate(self.model.silences, 1):
            begins = from_epoch(self.around.start + silence.at)
            yield Silence(
                id=f"silence-{number}",
                matchers=parse_matchers(silence.matchers),
                starts_at=begins,
                ends_at=from_epoch(self.around.start + silence.until),
                updated_at=begins,
                created_by=_SILENCED_BY,
                comment=self.model.name,
            )

    def _named(self) -> Iterator[str]:
        """The rules that the test or one of its expectations names."""
        yield from (name for name in (self.model.rule, *(each.rule for each in self.model.expect)) if name is not None)

    def _expected(self, tracks: Collection[Track], composites: Collection[Rule]) -> Iterator[Expected]:
        with_alerts = {track.rule.name for track in tracks} | {rule.name for rule in composites}
        for number, each in enumerate(self.model.expect):
            loc = ("expect", number)
            name = each.rule or self.model.rule
            if name is not None:
                rule = self._rule(name, (*loc, "rule") if each.rule else ("rule",))
                if rule is not None and name not in with_alerts:
                    self._fault(loc, f"no series of the test belongs to {name}, so it has no alert")
            line = self.around.document.position((*self.loc, *loc))[0]
            priority = Priority[each.priority] if each.priority else None
            yield Expected(each.at, name, Labels(each.labels), each.state, priority, line)

    def _told(self) -> tuple[Told, ...] | None:
        if self.model.notifications is None:
            return None
        if self.around.channels is None:
            self._fault(("notifications",), "who is told stands in a configuration: name it with `config:`", key=True)
        for number, each in enumerate(self.model.notifications):
            if self.around.channels is not None and each.channel not in self.around.channels:
                hint = did_you_mean(each.channel, self.around.channels)
                self._fault(("notifications", number, "channel"), f"there is no channel `{each.channel}`{hint}")
        return tuple(Told(each.at, each.channel, each.event) for each in self.model.notifications)

    def _check_length(self, test: RuleTest) -> None:
        if not self.model.series:
            self._fault(("series",), "`series` is empty: without a series there is no alert", key=True)
        elif (found := evaluations(test)) > MAX_EVALUATIONS:
            self._fault((), f"the test runs {found} evaluations; {MAX_EVALUATIONS} is the most")


def _asks_success(rule: Rule) -> bool:
    if isinstance(rule.query, HeartbeatQuery):
        return True
    return isinstance(rule.query, ProbeQuery) and rule.query.value == "success"
