"""For every sequence of alerts, flushes, vendor outcomes and reloads: nothing lost, nothing resolved too early."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.incidents.memory import AUDIT, CHAT, PAGER, Memory, alert, dark, ok, policy
from watchtower.incidents.acknowledgement import acknowledged, closed_by_hand
from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.flush import Policy, decide
from watchtower.model import Delivery, DeliveryState, Event, Priority, Transition

if TYPE_CHECKING:
    from watchtower.incidents.model import Incident

URGENT: dict[str, object] = {"name": "urgent", "match": ['priority=~"P1|P2"'], "channels": ["oncall", "ops"]}
BOTH: dict[str, object] = {**URGENT, "continue": True}
REST: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops", "audit"], "group_wait": "30s"}
PLAIN: dict[str, object] = {"name": "rest", "channels": ["oncall", "ops"]}
LEAD = replace(PAGER, name="lead", destination="key-lead")
CALLING: dict[str, object] = {
    **PLAIN,
    "repeat": "10m",
    "acknowledge_for": "20m",
    "escalate": {"after": "5m", "channels": ["lead"]},
}

POLICIES = [
    policy(PLAIN),
    policy(REST),
    policy(URGENT, REST),
    policy(BOTH, REST),
    policy(URGENT, REST, channels=(replace(PAGER, destination="key-2"), CHAT, AUDIT)),
    policy(URGENT, PLAIN, channels=(CHAT,)),
    policy(CALLING, channels=(PAGER, CHAT, LEAD)),
    policy({**CALLING, "name": "urgent", "match": ["priority=~P1|P2"]}, REST, channels=(PAGER, CHAT, AUDIT, LEAD)),
    policy({"name": "rest", "channels": ["oncall"]}, fallback={"oncall": "ops", "ops": "audit"}),
    policy(CALLING, channels=(PAGER, CHAT, LEAD, AUDIT), fallback={"ops": "oncall", "oncall": "audit", "lead": "ops"}),
]
NAMES = st.sampled_from(["A", "B"])
SERIES = st.sampled_from(["1", "2"])
OUTCOMES = st.sampled_from(
    [
        DeliveryState.ACCEPTED,
        DeliveryState.ACCEPTED,
        DeliveryState.AMBIGUOUS,
        DeliveryState.PENDING,
        DeliveryState.DEAD,
    ]
)

Alert = tuple[str, str]


class Flushes(RuleBasedStateMachine):
    """Drives the flush as the engine does, with a lifecycle that emits only what an evaluation may."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(POLICIES[0])
        self.firing: dict[Alert, Priority] = {}

    # --- what may happen

    @rule(name=NAMES, series=SERIES, priority=st.sampled_from(Priority), flushed=st.booleans())
    def fires_or_rises(self, name: str, series: str, priority: Priority, flushed: bool) -> None:
        priority = min(priority, self.firing.get((name, series), priority))
        self.firing[name, series] = priority
        self._happen(alert(name, priority=priority, labels={"db": series}))
        if flushed:
            self.flush(1)

    @rule(name=NAMES, series=SERIES)
    def resolves(self, name: str, series: str) -> None:
        if priority := self.firing.pop((name, series), None):
            self._happen(ok(name, priority, labels={"db": series}))

    @rule(name=NAMES, series=SERIES)
    def loses_its_data(self, name: str, series: str) -> None:
        if priority := self.firing.get((name, series)):
            self._happen(dark(name, priority, labels={"db": series}))

    def _happen(self, transition: Transition) -> None:
        self.memory.happen(transition)

    @rule(seconds=st.sampled_from([0, 1, 20, 60, 700]))
    def flush(self, seconds: int) -> None:
        told_before = {each.id: each.told_tier for each in self.memory.incidents.values()}
        plan = self.memory.flush(after=seconds)
        for page in plan.deliveries:
            if page.event is Event.TRIGGER and not page.fallback_of:
                before = told_before.get(page.incident_id)
                anew = page.reason.startswith("still firing: the acknowledgement")
                assert anew or before is None or page.tier < before, "paged again at a tier it was told"
        assert all(each.told_tier is each.tier for each in plan.incidents if each.tier.urgent)
        assert all(delivery.reason for delivery in plan.deliveries)
        assert all(decision.reason for decision in plan.decisions)
        said = Counter((each.event, each.fallback_of, _key(each), self._second(each)) for each in plan.deliveries)
        assert all(number == 1 for number in said.values()), said
        again = decide(self.memory.seen(), self.memory.policy, self.memory.now, lambda: "again")
        assert again.empty
        self._every_alert_is_told()

    @precondition(lambda self: self.memory.claimable())
    @rule(data=st.data(), outcome=OUTCOMES)
    def send(self, data: st.DataObject, outcome: DeliveryState) -> None:
        row = data.draw(st.sampled_from(self.memory.claimable()))
        if row.event is Event.RESOLVE and outcome is DeliveryState.DEAD:
            outcome = DeliveryState.PENDING
        self.memory.settle(row, outcome)

    @precondition(lambda self: self._told())
    @rule(data=st.data(), by_hand=st.booleans(), lasts=st.sampled_from([None, 30, 600]))
    def acknowledges(self, data: st.DataObject, by_hand: bool, lasts: int | None) -> None:
        found, now = data.draw(st.sampled_from(self._told())), self.memory.now
        until = None if lasts is None else now + timedelta(seconds=lasts)
        ana = acknowledged(found, "ana", "ops", until, now)
        self.memory.incidents[found.id] = closed_by_hand(found, "ana", "oncall", now) if by_hand else ana
        self.flush(0)
        called = [each for each in self.memory.plan.deliveries if each.event in (Event.REPEAT, Event.ESCALATION)]
        assert found.id not in {each.incident_id for each in called}

    def _told(self) -> list[Incident]:
        found = (each for each in self.memory.incidents.values() if each.ended_at is None)
        return [each for each in found if each.told_tier is not None]

    @rule(policy=st.sampled_from(POLICIES))
    def reload(self, policy: Policy) -> None:
        self.memory.policy = policy

    # --- what must hold

    def _every_alert_is_told(self) -> None:
        """An alert that fires is a firing member at its priority; an incident past its wait was told its tier."""
        open_ones = [each for each in self.memory.incidents.values() if each.ended_at is None]
        for (name, series), priority in self.firing.items():
            held = [
                (incident, member)
                for incident in open_ones
                for member in incident.members
                if (member.name, member.labels["db"]) == (name, series) and member.firing
            ]
            assert min(member.priority for _, member in held) == priority, "a rise was not told"
        for incident in open_ones:
            waits = incident.told_tier is None and not incident.tier.urgent
            assert waits or incident.told_tier is incident.tier
            assert incident.due_at is None or incident.due_at > self.memory.now

    @invariant()
    def a_resolve_is_written_only_when_its_key_is_over(self) -> None:
        for row in self._rows(Event.RESOLVE):
            incident = self.memory.incidents[row.incident_id]
            assert incident.ended_at or row.dedup_key not in _keys_now(incident), "resolved while it fires"

    @invariant()
    def a_key_is_resolved_once_and_only_after_a_trigger(self) -> None:
        firsts = [row for row in self._rows(Event.RESOLVE) if not self._second(row)]
        keys = Counter(map(_key, firsts))
        assert all(number == 1 for number in keys.values()), keys
        assert set(keys) <= {_key(row) for event in PAGES for row in self._rows(event)}

    @invariant()
    def a_second_resolve_follows_only_where_a_page_was_left_unanswered(self) -> None:
        left = {_key(row) for event in PAGES for row in self._rows(event) if row.attempts}
        assert {_key(row) for row in self._rows(Event.RESOLVE) if self._second(row)} <= left

    def _second(self, row: Delivery) -> bool:
        return row.after is not None and self.memory.rows[row.after].event is Event.RESOLVE

    @invariant()
    def every_debt_of_an_ended_incident_has_its_resolve(self) -> None:
        resolves = {_key(row) for row in self._rows(Event.RESOLVE)}
        for debt in self.memory.debts.values():
            if self.memory.incidents[debt.incident_id].ended_at:
                assert (debt.channel, debt.destination, debt.dedup_key) in resolves

    @invariant()
    def urgent_triggers_are_never_withdrawn(self) -> None:
        gone = [row for row in self._rows(Event.TRIGGER) if row.state is DeliveryState.WITHDRAWN]
        assert not any(row.tier.urgent for row in gone)

    def _rows(self, event: Event) -> list[Delivery]:
        return [row for row in self.memory.rows.values() if row.event is event]

    def teardown(self) -> None:
        """When every alert ends and every vendor answers, nothing is owed."""
        for (name, series), priority in self.firing.items():
            self._happen(ok(name, priority, labels={"db": series}))
        self.memory.flush(after=1)
        assert all(each.ended_at for each in self.memory.incidents.values())
        self.memory.send_all()
        assert not self.memory.debts
        assert not [row for row in self.memory.rows.values() if row.state.open]
        triggered = {_key(row) for row in self.memory.accepted if row.event in PAGES}
        resolved = Counter(
            _key(row) for row in self.memory.accepted if row.event is Event.RESOLVE and not self._second(row)
        )
        assert all(resolved[key] == 1 for key in triggered)


def _key(row: Delivery) -> tuple[str, str, str]:
    return (row.channel, row.destination, row.dedup_key)


def _keys_now(incident: Incident) -> set[str]:
    """What vendors know the incident by, as it is."""
    key = f"wt:store:{incident.id}"
    return {key, f"{key}:{incident.tier}{f':{incident.rounds + 1}' if incident.rounds else ''}"}


TestFlushes = Flushes.TestCase
TestFlushes.settings = settings(stateful_step_count=30)
