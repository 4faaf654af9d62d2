"""For every sequence of alerts, silences, windows, inhibitors and restarts: quiet when asked, told when free."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.clock import START
from tests.unit.incidents.memory import CHAT, PAGER, Memory, alert, dark, ok, policy, silence
from watchtower.incidents.acknowledgement import acknowledged, closed_by_hand
from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.flush import decide
from watchtower.incidents.lifecycle import first_told_at
from watchtower.model import Delivery, DeliveryState, Event, NoticeMember, Priority, Transition
from watchtower.store import codec

if TYPE_CHECKING:
    from watchtower.incidents.model import Incident

#: 00:10 to 00:20 and 00:50 to 01:10 of every day.
WINDOW: dict[str, object] = {"name": "backups", "match": ["alert=A"], "weekly": "00:10-00:20,00:50-01:10"}
URGENT: dict[str, object] = {"name": "urgent", "match": ['priority=~"P1|P2"'], "channels": ["oncall", "ops"]}
REST: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops"], "group_wait": "30s"}
PLAIN: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops"]}
HOURS: dict[str, object] = {**PLAIN, "during": {"weekly": "00:05-23:00"}}
LEAD = replace(PAGER, name="lead", destination="key-lead")
CALLING: dict[str, object] = {
    **PLAIN,
    "repeat": "10m",
    "acknowledge_for": "20m",
    "escalate": {"after": "5m", "channels": ["lead"]},
}
INHIBIT: dict[str, object] = {
    "source": ["alert=B"],
    "target": ["alert=A"],
    "equal": ["db"],
    "wait": "1m",
    "extension": "2m",
}

POLICIES = [
    policy(PLAIN),
    policy(PLAIN, mute=[WINDOW]),
    policy(URGENT, REST, mute=[WINDOW], inhibit=[INHIBIT]),
    policy({**URGENT, "continue": True}, REST, inhibit=[INHIBIT]),
    policy(HOURS, mute=[WINDOW]),
    policy(CALLING, mute=[WINDOW], channels=(PAGER, CHAT, LEAD)),
    policy({**URGENT, **CALLING, "name": "urgent"}, REST, inhibit=[INHIBIT], channels=(PAGER, CHAT, LEAD)),
]
NAMES = st.sampled_from(["A", "B"])
SERIES = st.sampled_from(["1", "2"])
OUTCOMES = st.sampled_from([DeliveryState.ACCEPTED] * 3 + [DeliveryState.AMBIGUOUS, DeliveryState.PENDING])
SECONDS = st.sampled_from([0, 1, 20, 60, 130, 700, 3000])


class Quiet(RuleBasedStateMachine):
    """Drives the flush as the engine does: on transitions, on silences, and when an incident is due."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(POLICIES[0])
        self.firing: dict[tuple[str, str], Priority] = {}
        self.ever: set[tuple[str, str]] = set()

    # --- what may happen

    @rule(name=NAMES, series=SERIES, priority=st.sampled_from(Priority), flushed=st.booleans())
    def fires_or_rises(self, name: str, series: str, priority: Priority, flushed: bool) -> None:
        priority = min(priority, self.firing.get((name, series), priority))
        self.firing[name, series] = priority
        self.ever.add((name, series))
        self._happen(alert(name, priority=priority, labels={"db": series}), flushed)

    @rule(name=NAMES, series=SERIES, flushed=st.booleans())
    def resolves(self, name: str, series: str, flushed: bool) -> None:
        if priority := self.firing.pop((name, series), None):
            self._happen(ok(name, priority, labels={"db": series}), flushed)

    @rule(name=NAMES, series=SERIES)
    def loses_its_data(self, name: str, series: str) -> None:
        if priority := self.firing.get((name, series)):
            self._happen(dark(name, priority, labels={"db": series}), flushed=True)

    def _happen(self, transition: Transition, flushed: bool) -> None:
        self.memory.happen(transition)
        if flushed:
            self.flush()

    @rule(
        name=st.sampled_from(["s1", "s2"]),
        matcher=st.sampled_from(["alert=A", "db=1", "priority=P1", "alert=~.*"]),
        wait=st.sampled_from([0, 0, 300]),
        lasts=st.sampled_from([1, 60, 900, 5000]),
        brief=st.booleans(),
    )
    def somebody_silences(self, name: str, matcher: str, wait: int, lasts: int, brief: bool) -> None:
        passed = (self.memory.now - START).total_seconds()
        self.memory.hush(silence(name, matcher, since=passed + wait, until=passed + wait + lasts, brief=brief))

    @precondition(lambda self: self.memory.silences)
    @rule(data=st.data())
    def somebody_thinks_better_of_it(self, data: st.DataObject) -> None:
        self.memory.expire(data.draw(st.sampled_from(sorted(self.memory.silences))))

    @rule(number=st.integers(0, len(POLICIES) - 1))
    def the_configuration_changes(self, number: int) -> None:
        self.memory.policy = POLICIES[number]
        self.flush()

    @rule()
    def it_restarts(self) -> None:
        """Nothing is remembered but what the store keeps, as the store writes it."""
        self.memory.incidents = {name: _stored(each) for name, each in self.memory.incidents.items()}
        self.flush()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        """Only what is due is looked at, when it is due."""
        until = self.memory.now + timedelta(seconds=seconds)
        self.flush()
        for _ in range(100):
            due = self.memory.due()
            if due is None or due > until:
                break
            self.memory.now = max(due, self.memory.now)
            self.flush()
        else:
            raise AssertionError("it never comes to rest")
        self.memory.now = until
        self._judge_all()

    @rule(seconds=SECONDS)
    def nobody_looks_for_a_while(self, seconds: int) -> None:
        self.memory.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.memory.claimable())
    @rule(data=st.data(), outcome=OUTCOMES)
    def send(self, data: st.DataObject, outcome: DeliveryState) -> None:
        row = data.draw(st.sampled_from(self.memory.claimable()))
        self.memory.settle(row, outcome)

    @precondition(lambda self: self._told())
    @rule(data=st.data(), lasts=st.sampled_from([None, 30, 700]), by_hand=st.booleans())
    def somebody_acknowledges(self, data: st.DataObject, lasts: int | None, by_hand: bool) -> None:
        found, now = data.draw(st.sampled_from(self._told())), self.memory.now
        until = None if lasts is None else now + timedelta(seconds=lasts)
        ana = acknowledged(found, "ana", "ops", until, now)
        self.memory.incidents[found.id] = closed_by_hand(found, "ana", "oncall", now) if by_hand else ana
        self.flush()

    def _told(self) -> list[Incident]:
        found = (each for each in self.memory.incidents.values() if each.ended_at is None)
        return [each for each in found if each.told_tier is not None]

    @rule()
    def every_vendor_answers(self) -> None:
        self.memory.send_all()

    # --- what must hold

    def flush(self) -> None:
        plan = self.memory.flush()
        for page in plan.deliveries:
            if page.event in PAGES:
                self._told_what_may_be_told(page)
        assert all(decision.reason for decision in plan.decisions)
        said = Counter((each.event, _key(each), self._second(each)) for each in plan.deliveries)
        assert all(number == 1 for number in said.values()), said
        assert decide(self.memory.seen(), self.memory.policy, self.memory.now, lambda: "again").empty
        assert (self.memory.due() or self.memory.now + timedelta(1)) > self.memory.now
        self._judge_all()

    def _told_what_may_be_told(self, page: Delivery) -> None:
        shown = [each for each in page.notice.members if each.firing and not each.muted_by]
        assert shown or (page.tier.urgent and self.memory.incidents[page.incident_id].ended_at), "nothing is wrong"
        for member in page.notice.members:
            assert (member.name, member.labels["db"]) in self.ever, "told without a breach"
        for member in shown:
            assert not self._held(member, page.notice.route), "told while it is held back"

    def _judge_all(self) -> None:
        open_ones = [each for each in self.memory.incidents.values() if each.ended_at is None]
        in_an_incident = {_name(member) for each in open_ones for member in each.members if member.firing}
        assert set(self.firing) == in_an_incident
        for incident in open_ones:
            firing = [each for each in incident.members if each.firing]
            free = [each for each in firing if not self._held(each, incident.route)]
            assert {_name(each) for each in free} == {_name(each) for each in firing if not each.muted_by}
            if free:
                self._heard_or_waiting(incident, free)
            else:
                self._silent(incident)

    def _heard_or_waiting(self, incident: Incident, free: list[NoticeMember]) -> None:
        if incident.told_tier is None:
            assert self.memory.now < first_told_at(incident), "it is free, and nobody is told"
            assert not incident.tier.urgent
            return
        assert incident.told_tier <= min(each.priority for each in free), "a rise is not told"
        for channel in incident.channels:
            newest = [row for row in self._rows(Event.TRIGGER, incident) if row.channel == channel][-1]
            assert newest.state is not DeliveryState.WITHDRAWN, "a page was taken back for good"

    def _silent(self, incident: Incident) -> None:
        pages = [row for event in PAGES for row in self._rows(event, incident)]
        waiting = [row for row in pages if row.state is DeliveryState.PENDING]
        assert not [row for row in waiting if row.attempts == 0], "a page is on its way although all is held back"

    def _held(self, member: NoticeMember, route: str) -> bool:
        """Whether anything holds the alert back, worked out by other means than the product's."""
        now, name, db = self.memory.now, member.name, member.labels["db"]
        quiet = self.memory.policy.quiet
        minute = now.hour * 60 + now.minute
        silences = [each for each in self.memory.silences.values() if each.starts_at <= now < each.ends_at]
        if any(all(matcher.matches(member.labels) for matcher in each.matchers) for each in silences):
            return True
        if quiet.mutes and name == "A" and (10 <= minute < 20 or 50 <= minute < 70):
            return True
        if self.memory.policy is POLICIES[4] and route == "rest" and not 5 <= minute < 23 * 60:
            return True
        return bool(quiet.inhibitions) and name == "A" and self._inhibited(db, member)

    def _inhibited(self, db: str, member: NoticeMember) -> bool:
        source = next(
            (each for each in self.memory.alerts.values() if (each.name, each.labels["db"]) == ("B", db)), None
        )
        if source is not None and source.ended_at is None:
            return True
        if source is not None and source.ended_at is not None and self.memory.now < source.ended_at + timedelta(0, 120):
            return True
        return self.memory.now < member.since + timedelta(seconds=60)

    @invariant()
    def a_resolve_is_written_only_when_its_key_is_over(self) -> None:
        for row in self._rows(Event.RESOLVE):
            incident = self.memory.incidents[row.incident_id]
            key = f"wt:store:{incident.id}"
            now = {key, f"{key}:{incident.tier}{f':{incident.rounds + 1}' if incident.rounds else ''}"}
            gone = row.state is DeliveryState.WITHDRAWN
            assert gone or incident.ended_at or row.dedup_key not in now, "resolved while it fires"

    @invariant()
    def a_key_is_resolved_once_and_only_after_a_trigger(self) -> None:
        living = [row for row in self._rows(Event.RESOLVE) if row.state is not DeliveryState.WITHDRAWN]
        keys = Counter(_key(row) for row in living if not self._second(row))
        assert all(number == 1 for number in keys.values()), keys
        assert set(keys) <= {_key(row) for event in PAGES for row in self._rows(event)}

    def _second(self, row: Delivery) -> bool:
        """Whether it follows the resolve of a page that was not answered."""
        return row.after is not None and self.memory.rows[row.after].event is Event.RESOLVE

    def _rows(self, event: Event, incident: Incident | None = None) -> list[Delivery]:
        rows = (row for row in self.memory.rows.values() if row.event is event)
        return [row for row in rows if incident is None or row.incident_id == incident.id]

    def teardown(self) -> None:
        """When every alert ends and every vendor answers, each trigger that was delivered was resolved once."""
        for (name, series), priority in list(self.firing.items()):
            del self.firing[name, series]
            self.memory.happen(ok(name, priority, labels={"db": series}))
        self.flush()
        assert all(each.ended_at for each in self.memory.incidents.values())
        self.memory.send_all()
        assert not self.memory.debts
        resolved = Counter(
            _key(row) for row in self.memory.accepted if row.event is Event.RESOLVE and not self._second(row)
        )
        delivered = {_key(row) for row in self.memory.accepted if row.event in PAGES}
        assert all(resolved[key] == 1 for key in delivered)


def _stored(incident: Incident) -> Incident:
    return replace(incident, members=codec.loads(tuple[NoticeMember, ...], codec.dumps(incident.members)))


def _name(member: NoticeMember) -> tuple[str, str]:
    return member.name, member.labels["db"]


def _key(row: Delivery) -> tuple[str, str, str]:
    return (row.channel, row.destination, row.dedup_key)


Quiet.TestCase.settings = settings(stateful_step_count=40)
TestQuiet = Quiet.TestCase
