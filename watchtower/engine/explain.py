"""`watchtower why`: the store's record of an alert, a rule or an incident, told newest first to somebody in a hurry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.clock import from_epoch
from watchtower.durations import format_duration
from watchtower.engine.standing import standing_lines
from watchtower.evaluation.findings import Finding
from watchtower.model import DeliveryState, State, SuppressedBy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from watchtower.evaluation.findings import Entry
    from watchtower.incidents.model import Decision, Incident
    from watchtower.model import AlertState, Delivery, NoticeMember, Suppression, Transition
    from watchtower.store.values import Explanation, Outage, UnitHealth, Watch

#: Things that happened, of one alert.
_TOLD = 20
#: A unit this many seconds beyond its due time and two periods is late enough to ask whether anything runs.
_LATE = 120

_FOUND = {
    Finding.BREACH: "breach, but no alarm",
    Finding.RECOVERING: "begins to recover, not told",
    Finding.BREACH_AGAIN: "breaches again before it recovered, not told: it is the same episode",
    Finding.END_WITHHELD: "its end is withheld: it flaps",
    Finding.BEGINNING_WITHHELD: "its new beginning is withheld: it flaps",
    Finding.NO_DATA: "no data, or too little to decide",
    Finding.DATA_AGAIN: "data again",
    Finding.NOT_SEEN: "not evaluated",
}


def explain_lines(found: Explanation, asked: str, now: datetime) -> Iterator[str]:
    """One explanation as people read it; ``asked`` is what they typed."""
    told = Told(found, now, narrowed="{" in asked)
    if found.key is not None:
        yield str(found.key)
        yield from told.state()
    elif found.watches:
        yield f"{asked} never fired: there is no change of such an alert in the store"
    yield from told.watches()
    if found.key is not None or found.transitions or found.outages:
        yield from told.events()
    yield from told.incidents()


@dataclass(frozen=True, slots=True)
class Told:
    """An explanation, told at ``now``; ``narrowed``: one series was asked for, or some."""

    found: Explanation
    now: datetime
    narrowed: bool = False

    def state(self) -> Iterator[str]:
        """Where the alert stands, and whether it was told."""
        state = self.found.state
        if state is None:
            yield "  OK, and nothing is remembered of it"
            return
        yield f"  {_named(state.state, state.priority)} since {self._when(state.since)}: {state.reason}"
        yield from (f"  {line}" for line in self._conditions(state))
        yield from (f"  {line}" for line in standing_lines(self.found, self._when))
        yield f"  last changed {self._when(state.updated_at)}"

    def _conditions(self, state: AlertState) -> Iterator[str]:
        if state.recovering:
            yield "recovering: the alert's condition no longer holds, its recovery condition does not yet"
        if state.no_data_since:
            yield f"firing without data since {self._when(state.no_data_since)}: neither told again nor resolved"
        if state.memory.flapping:
            yield "flapping: no end and no new beginning is told before it calms down"
        if state.memory.suppressed is not None:
            yield self._suppressed(state.memory.suppressed)
        elif state.memory.untold:
            yield "its datapoints were too old to page when they came"

    def _suppressed(self, held: Suppression) -> str:
        if held.until is None:
            return f"suppressed by {held.alert}, which is in ALARM"
        until = f"held back until {self._when(held.until)}: {held.alert}"
        if held.by is SuppressedBy.WAIT:
            return f"{until} may go into ALARM before"
        return f"{until} left ALARM, its extension runs"

    # -- who looks at it ----------------------------------------------------------------------------------------------

    def watches(self) -> Iterator[str]:
        """The units that evaluate it, and how they fare."""
        for watch in self.found.watches:
            yield f"  evaluated by {watch.unit.id}: {self._tick(watch.unit)}, {self._series(watch)}"
            if watch.unit.failing_since is not None:
                tries = format_count(watch.unit.failures, "try", "tries")
                since = self._when(watch.unit.failing_since)
                yield f"    its polls fail since {since} ({tries}), states are kept: {watch.unit.failure}"

    def _tick(self, unit: UnitHealth) -> str:
        due = unit.due_at
        if unit.last_tick is None:
            return f"never yet, due {self._when(due)}"
        told = f"last for {self._when(from_epoch(unit.last_tick))}"
        late = (self.now - due).total_seconds() > max(_LATE, 2 * unit.period)
        return f"{told}; LATE, due {self._when(due)}: does the daemon run?" if late else told

    def _series(self, watch: Watch) -> str:
        if watch.series is None:
            return "number of series not known yet"
        count = format_count(watch.series, "series", "series")
        if self.found.key is not None or not self.narrowed:
            return count
        if watch.watched:
            return f"{count}, the one with these labels among them: it was OK whenever it was evaluated"
        return f"{count}, none whose identity is exactly these labels with account and region"

    # -- what happened ------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[str]:
        """Changes, findings, later decisions and times without sight, newest first."""
        found = [*self._changes(), *self._entries(), *self._later(), *self._outages()]
        newest = sorted(found, key=lambda event: event[0], reverse=True)
        yield "what happened, newest first:" if newest else "nothing is known to have happened"
        for at, lines in newest[:_TOLD]:
            first, *rest = lines
            yield f"  {self._when(at)}  {first}"
            yield from (f"    {line}" for line in rest)

    def _changes(self) -> Iterator[tuple[datetime, list[str]]]:
        for change in self.found.transitions:
            yield change.at, list(self._change(change))

    def _change(self, change: Transition) -> Iterator[str]:
        name = f"{change.key}: " if self.found.key is None else ""
        moved = f"{_named(change.from_state, change.from_priority)} -> {_named(change.to_state, change.priority)}"
        yield f"{name}{moved}: {change.reason}"
        yield from _evidence(change)
        yield from (f"evidence: {line}" for line in change.evidence)
        decisions = [made for made in reversed(self.found.decisions) if made.transition_seq == change.seq]
        yield from (_decision(made, change.reason) for made in decisions)
        if not decisions:
            yield "not decided yet: the next flush looks at it"

    def _entries(self) -> Iterator[tuple[datetime, list[str]]]:
        for entry in self.found.log:
            yield entry.at, [f"{_FOUND[entry.finding]}: {entry.reason}", *_evidence(entry)]

    def _later(self) -> Iterator[tuple[datetime, list[str]]]:
        """What time, a silence or another alert decided, and decisions whose change is not shown."""
        shown = {change.seq for change in self.found.transitions}
        for made in self.found.decisions:
            if made.transition_seq not in shown and made.at is not None:
                yield made.at, [_decision(made)]

    def _outages(self) -> Iterator[tuple[datetime, list[str]]]:
        for outage in self.found.outages:
            end = f"until {self._when(outage.until)}" if outage.until is not None else "and still"
            yield outage.since, [f"{_blind(outage)} {end}: {outage.detail} ({outage.unit})"]

    # -- incidents ----------------------------------------------------------------------------------------------------

    def incidents(self) -> Iterator[str]:
        """The incidents it was in, what their channels were told, and what is owed."""
        for incident in self.found.incidents:
            yield self._incident(incident)
            if self.found.key is None:
                yield from (f"  {self._member(each)}" for each in incident.members)
            rows = [row for row in self.found.deliveries if row.incident_id == incident.id]
            yield from (f"  {self._delivery(row)}" for row in rows)
            for debt in self.found.debts:
                if debt.incident_id == incident.id:
                    yield f"  {debt.channel} is owed a resolve of {debt.dedup_key} since {self._when(debt.since)}"

    def _incident(self, incident: Incident) -> str:
        ended = f"ended {self._when(incident.ended_at)}" if incident.ended_at else "open"
        opened = self._when(incident.opened_at)
        told = f"incident {incident.id}: route {incident.route}, {incident.tier}, opened {opened}, {ended}"
        if incident.acknowledged_at is not None:
            since = self._when(incident.acknowledged_at)
            told += f", acknowledged by {incident.acknowledged_by} via {incident.acknowledged_via} {since}"
        return told

    def _member(self, member: NoticeMember) -> str:
        muted = f", {member.muted_by}" if member.muted_by else ""
        named = _named(member.state, member.priority)
        return f"member {member.name}: {named} since {self._when(member.since)}{muted}; {member.summary}"

    def _delivery(self, row: Delivery) -> str:
        tries = f", {row.attempts} attempts" if row.attempts > 1 else ""
        told = f"{row.event} to {row.channel}: {row.state} {self._settled(row)}{tries}; {row.reason}"
        return f"{told} [{row.last_error}]" if row.last_error and row.state is not DeliveryState.ACCEPTED else told

    def _settled(self, row: Delivery) -> str:
        if row.finished_at is not None:
            return self._when(row.finished_at)
        return f"next try {self._when(row.next_at)}"

    def _when(self, moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({relative(moment, self.now)})"


def present(found: Iterable[Explanation], now: datetime) -> datetime:
    """The moment that ages are told from: ``now``, or the newest that happened, where a clock ran ahead of ours."""
    return max([now, *(moment for one in found for moment in _happened(one))])


def _happened(found: Explanation) -> Iterator[datetime]:
    yield from (change.at for change in found.transitions)
    yield from (entry.at for entry in found.log)
    yield from (made.at for made in found.decisions if made.at is not None)
    yield from (row.finished_at for row in found.deliveries if row.finished_at is not None)
    ticks = (watch.unit.last_tick for watch in found.watches)
    yield from (from_epoch(tick) for tick in ticks if tick is not None)
    if found.state is not None:
        yield found.state.updated_at


def relative(moment: datetime, now: datetime) -> str:
    """``12m ago`` or ``in 30s``: two units at most, because nobody needs the seconds of a day."""
    seconds = abs((now - moment).total_seconds())
    unit = 1 if seconds < 60 else 60 if seconds < 86_400 else 3_600
    span = format_duration(seconds // unit * unit)
    return f"in {span}" if moment > now else f"{span} ago"


def format_count(number: int, one: str, many: str) -> str:
    """``1 try``, ``2 tries``."""
    return f"{number} {one if number == 1 else many}"


def _named(state: State, priority: object) -> str:
    return f"{state} {priority}" if state is State.ALARM and priority else str(state)


def _evidence(seen: Transition | Entry) -> Iterator[str]:
    if seen.datapoints:
        yield f"datapoints, newest last: {_points(value for _, value in seen.datapoints)}"
    if seen.rule_file:
        yield f"rule at {seen.rule_file}:{seen.rule_line}"


def _points(values: Iterable[float | None]) -> str:
    return " ".join("-" if value is None else f"{value:g}" for value in values)


def _decision(made: Decision, said: str = "") -> str:
    """A decision; its reason is left out where it stands in the line above. Eight digits name an incident."""
    reason = f": {made.reason}" if made.reason != said else ""
    incident = f" (incident {made.incident_id[:8]})" if made.incident_id else ""
    return f"{made.outcome}{reason}{incident}"


def _blind(outage: Outage) -> str:
    return f"polls failed ({format_count(outage.failures, 'try', 'tries')})" if outage.failures else "nothing looked"
