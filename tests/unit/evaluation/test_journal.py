"""The evaluation log: what is written down when nobody is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.unit.evaluation.making import DB, MINUTE, START, level, recover, rule
from watchtower.clock import from_epoch
from watchtower.evaluation.findings import Entry, Finding
from watchtower.evaluation.journal import MOST_BREACHES, steps, unseen
from watchtower.evaluation.judge import judge
from watchtower.model import AlertKey, AlertState, Answer, Labels, Observation, Priority, State, Truth
from watchtower.rulebook.rule import Flapping, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.rulebook.rule import Rule

TWO_OF_TWO = rule(level("P3", "> 80", "2 of 2"))


class Night:
    """One series, tick by tick, and what its evaluations wrote down."""

    def __init__(self, judged: Rule = TWO_OF_TWO) -> None:
        self.rule = judged
        self.known: dict[AlertKey, AlertState] = {}
        self.points: list[tuple[int, float]] = []
        self.tick = START
        self.entries: dict[tuple[Finding, object], Entry] = {}

    def see(self, *values: float | None, late: float | None = None, **more: Any) -> list[Entry]:
        """Let these datapoints come, one a tick; what the last tick wrote. ``late`` fills the slot before them."""
        found: list[Entry] = []
        if late is not None:
            self.points.append((self.tick - MINUTE, late))
        for value in values:
            self.points += [(self.tick, value)] if value is not None else []
            self.tick += MINUTE
            found = list(self._judge(**more))
            self.entries.update({(entry.finding, entry.since): entry for entry in found})
        return found

    def _judge(self, truth: Truth | None = None, reason: str = "") -> Iterator[Entry]:
        seen = tuple(point for point in sorted(self.points) if point[0] >= self.tick - self.rule.slots * MINUTE)
        series = Observation(DB, seen, truth or (Truth.VALUE if seen else Truth.NO_DATA), reason=reason)
        answer, now = Answer(self.rule.name, (series,)), from_epoch(self.tick)
        known = self.known
        outcome = judge(self.rule, answer, known, tick=self.tick, period=MINUTE, now=now, environment="test")
        self.known = {**known, **{state.key: state for state in outcome.states}}
        yield from outcome.log
        yield from steps(self.rule, answer, known, outcome)
        yield from unseen(self.rule, answer, known, now)

    @property
    def findings(self) -> list[str]:
        """What was written, in order."""
        return [entry.finding.value for entry in self.entries.values()]


def test_a_breach_that_is_not_enough_says_how_many_there_were_and_how_many_it_needs() -> None:
    [entry] = Night(rule(level("P3", "> 80", "2 of 3"))).see(50, 50, 90)
    assert entry.finding is Finding.BREACH
    assert entry.reason == "1 of the last 3 datapoints was > 80 (newest 90 at 00:02 UTC); P3 needs 2"
    assert (entry.value, entry.datapoints[-1]) == (90, (START + 2 * MINUTE, 90))
    assert (entry.rule_file, entry.rule_line, entry.labels["alert"]) == ("rules/rds.yaml", 4, "RdsCpuHigh")


def test_a_breach_that_lasts_is_one_entry_that_tells_its_last_datapoint() -> None:
    night = Night(rule(level("P3", "> 80", "4 of 4")))
    night.see(50, 90, 90, 90)
    [entry] = night.entries.values()
    assert entry.since == from_epoch(START + MINUTE)
    assert entry.reason.startswith("3 of the last 4 datapoints were > 80")
    night.see(50, 50)
    assert list(night.entries.values()) == [entry]
    night.see(90)
    assert night.findings == ["breach", "breach"]


def test_an_alarm_is_not_a_breach_too() -> None:
    assert Night().see(50, 90, 90) == []


def test_a_series_that_is_well_writes_nothing() -> None:
    night = Night()
    night.see(50, 60, 70, 50)
    assert night.findings == []


def test_a_datapoint_that_comes_late_is_written_all_the_same() -> None:
    night = Night()
    night.see(50, 50, None)
    [entry] = night.see(None, late=90)
    assert entry.since == from_epoch(START + 2 * MINUTE)


def test_a_more_urgent_level_that_is_not_reached_is_written_though_the_alert_fires() -> None:
    night = Night(rule(level("P1", "> 95", "2 of 2"), level("P3", "> 80")))
    night.see(90)
    [entry] = night.see(99)
    assert entry.reason.endswith("P1 needs 2")
    assert night.see(90) == []


def test_a_level_that_was_told_already_is_not_written_while_the_alert_recovers() -> None:
    night = Night(rule(level("P3", "> 80", "2 of 2"), recovery=recover("3 of 3")))
    night.see(90, 90)
    assert [entry.finding for entry in night.see(50)] == [Finding.RECOVERING]
    assert night.see(90) == []
    assert [entry.finding for entry in night.see(90)] == [Finding.BREACH_AGAIN]


def test_the_most_urgent_breach_of_a_series_speaks() -> None:
    [entry] = Night(rule(level("P1", "> 95", "2 of 2"), level("P3", "> 80", "2 of 2"))).see(50, 99)
    assert entry.reason.endswith("P1 needs 2")


def test_where_missing_data_keeps_the_state_a_breach_is_written_too() -> None:
    for missing in (Missing.MISSING, Missing.IGNORE, Missing.NOT_BREACHING):
        night = Night(rule(level("P3", "> 80", "3 of 3"), missing=missing))
        assert night.see(90)[0].finding is Finding.BREACH, missing


def test_silence_that_is_not_long_enough_is_not_written_each_minute() -> None:
    assert Night(rule(level("P3", "no_data", "3 of 3"))).see(50, None) == []


def test_a_series_without_data_and_its_data_are_written_once_each() -> None:
    night = Night()
    night.see(None, None, None, 50, 50)
    assert night.findings == ["no data", "data again"]
    assert night.entries[Finding.NO_DATA, from_epoch(START + MINUTE)].reason.startswith("no datapoints in the last")


def test_what_flapping_withholds_is_written() -> None:
    night = Night(rule(level("P3", "> 80"), flapping=Flapping(10, 5)))
    night.see(90, 50, 90, 50, 90)
    assert night.findings.count("end withheld") >= 1
    assert night.findings.count("beginning withheld") >= 1


def test_an_alert_whose_series_was_not_seen_says_what_is_kept_and_why() -> None:
    night = Night()
    night.see(90, 90)
    [entry] = night.see(None, truth=Truth.NOT_FETCHED, reason="throttled")
    assert (entry.finding, entry.reason) == (Finding.NOT_SEEN, "not seen: throttled; ALARM is kept")


def test_a_series_that_is_too_young_or_was_well_is_not_unseen() -> None:
    night = Night()
    assert night.see(50, truth=Truth.FORBIDDEN) == []
    night.see(90, 90)
    assert night.see(None, truth=Truth.IMMATURE) == []


def test_a_change_that_is_told_is_not_written_again() -> None:
    night = Night()
    night.see(50, 90, 90, 50)
    assert night.findings == ["breach"]
    [state] = night.known.values()
    assert state.state is State.OK


def test_a_window_that_slides_writes_a_breach_once_a_period() -> None:
    sliding = replace(TWO_OF_TWO, period=5 * MINUTE, step=MINUTE)
    seen = set()
    for minute in range(5):
        tick = START + (10 + minute) * MINUTE
        series = Observation(DB, ((tick - 10 * MINUTE, 50.0), (tick - 5 * MINUTE, 90.0)))
        answer = Answer(sliding.name, (series,))
        outcome = judge(sliding, answer, {}, tick=tick, period=5 * MINUTE, now=from_epoch(tick), environment="test")
        seen |= {entry.since for entry in outcome.log}
    assert seen == {from_epoch(START + 5 * MINUTE)}


def test_a_storm_of_breaches_is_cut() -> None:
    names = [Labels({"DBInstanceIdentifier": f"db-{n}"}) for n in range(MOST_BREACHES + 50)]
    tick = START + 2 * MINUTE
    series = tuple(Observation(name, ((START, 50.0), (START + MINUTE, 90.0))) for name in names)
    outcome = judge(
        TWO_OF_TWO,
        Answer("RdsCpuHigh", series),
        {},
        tick=tick,
        period=MINUTE,
        now=from_epoch(tick),
        environment="test",
    )
    assert len(outcome.log) == MOST_BREACHES
    assert outcome.pending == MOST_BREACHES + 50
    assert {entry.value for entry in outcome.log} == {90.0}
    assert Priority.P3.name in outcome.log[0].reason
