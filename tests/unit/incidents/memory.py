"""A store and vendors in memory: applies flush plans as the real ones must, and refuses what they would refuse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from tests.support.clock import START
from watchtower.incidents.config import InhibitConfig, MuteConfig, RouteConfig
from watchtower.incidents.deliveries import PAGES
from watchtower.incidents.flush import Policy, decide
from watchtower.incidents.model import (
    ChannelTraits,
    Debt,
    DeliveryBrief,
    FiringAlert,
    FlushInput,
    FlushPlan,
    Incident,
)
from watchtower.incidents.quiet import compile_quiet
from watchtower.incidents.routing import compile_routes
from watchtower.incidents.silences import Silence
from watchtower.matchers import parse_matchers
from watchtower.model import (
    AlertKey,
    Delivery,
    DeliveryState,
    Event,
    Labels,
    Priority,
    State,
    Transition,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PAGER = ChannelTraits(
    "oncall", "pagerduty", "key-1", keyed_by_tier=True, takes_updates=False, takes_acknowledgements=True
)
CHAT = ChannelTraits("ops", "slack", "#ops", repeats=True, takes_acknowledgements=True)
AUDIT = ChannelTraits("audit", "sns", "topic", takes_updates=False)


def policy(
    *routes: dict[str, object],
    channels: tuple[ChannelTraits, ...] = (PAGER, CHAT, AUDIT),
    mute: Sequence[dict[str, object]] = (),
    inhibit: Sequence[dict[str, object]] = (),
    fallback: Mapping[str, str] | None = None,
) -> Policy:
    """A policy of routes as the configuration writes them; without any, one that tells pager and chat."""
    configs = [RouteConfig.model_validate(route) for route in routes or ({"channels": ["oncall", "ops"]},)]
    quiet = compile_quiet(
        [MuteConfig.model_validate(each) for each in mute], [InhibitConfig.model_validate(each) for each in inhibit]
    )
    named = {channel.name: channel for channel in channels}
    return Policy("test", compile_routes(configs), named, quiet, fallback or {})


def silence(name: str = "s1", *matchers: str, until: float = 3600, since: float = 0, brief: bool = False) -> Silence:
    """A silence from so many seconds after the start until so many; without matchers, of ``RdsCpuHigh``."""
    return Silence(
        id=name,
        matchers=parse_matchers(matchers or ["alert=RdsCpuHigh"]),
        starts_at=START + timedelta(seconds=since),
        ends_at=START + timedelta(seconds=until),
        updated_at=START,
        created_by="ana",
        comment="moving",
        expire_on_resolve=brief,
    )


def alert(
    name: str = "RdsCpuHigh",
    to: State = State.ALARM,
    priority: Priority | None = Priority.P3,
    *,
    labels: dict[str, str] | None = None,
    notify: bool = True,
    summary: str = "",
    reason: str = "",
) -> Transition:
    """One transition of an alert; ``labels`` beyond account and region are its identity too."""
    identity = Labels({"account": "prod", "region": "eu-west-1", **(labels or {})})
    shown = identity.merged({"alert": name}, {"priority": str(priority)} if priority else {})
    return Transition(
        key=AlertKey(name, identity),
        labels=shown,
        from_state=State.OK if to is State.ALARM else State.ALARM,
        to_state=to,
        from_priority=None if to is State.ALARM else priority,
        priority=priority if to is State.ALARM else None,
        value=90.0 if to is State.ALARM else 10.0,
        reason=reason or f"it is {to}",
        at=START,
        summary=summary,
        notify=notify,
        firing=to is not State.OK,
    )


def ok(name: str = "RdsCpuHigh", priority: Priority = Priority.P3, **more: object) -> Transition:
    """The end of an alert."""
    return alert(name, State.OK, priority, **more)  # type: ignore[arg-type]


def dark(name: str = "RdsCpuHigh", priority: Priority = Priority.P3, **more: object) -> Transition:
    """An alert that lost its data."""
    return alert(name, State.INSUFFICIENT_DATA, priority, **more)  # type: ignore[arg-type]


@dataclass
class Memory:
    """Everything between a transition and a vendor, driven by hand."""

    policy: Policy = field(default_factory=policy)
    now: datetime = START
    incidents: dict[str, Incident] = field(default_factory=dict)
    rows: dict[str, Delivery] = field(default_factory=dict)
    debts: dict[tuple[str, str, str, str, Priority], Debt] = field(default_factory=dict)
    waiting: list[Transition] = field(default_factory=list)
    accepted: list[Delivery] = field(default_factory=list)
    silences: dict[str, Silence] = field(default_factory=dict)
    alerts: dict[str, FiringAlert] = field(default_factory=dict)
    calm: frozenset[str] = frozenset()
    plan: FlushPlan = field(default_factory=FlushPlan)

    def __post_init__(self) -> None:
        self._ids = count(1)
        self._seqs = count(1)

    def happen(self, *transitions: Transition) -> None:
        """Let the tick hand over transitions."""
        for each in transitions:
            self.waiting.append(replace(each, seq=next(self._seqs), at=self.now))
            self._follow(self.waiting[-1])

    def _follow(self, transition: Transition) -> None:
        """Remember what fires, as the tick's commit does."""
        alert_id = transition.key.id
        known = self.alerts.get(alert_id)
        if transition.to_state is State.OK:
            if known:
                self.alerts[alert_id] = replace(known, ended_at=self.now)
        elif known is None or known.ended_at:
            self.alerts[alert_id] = FiringAlert(alert_id, transition.key.rule, transition.labels, self.now)

    def hush(self, *silences: Silence) -> None:
        """Save silences as the store does: every open incident becomes due."""
        self.silences.update({each.id: each for each in silences})
        self._look_again()

    def expire(self, name: str) -> None:
        """End a silence now."""
        self.silences[name] = replace(self.silences[name], ends_at=self.now)
        self._look_again()

    def _look_again(self) -> None:
        for each in self.incidents.values():
            if each.ended_at is None:
                self.incidents[each.id] = replace(each, due_at=self.now)

    def flush(self, *transitions: Transition, after: float = 0.0) -> FlushPlan:
        """Let time pass, hand over transitions, decide and commit."""
        self.now += timedelta(seconds=after)
        self.happen(*transitions)
        self.plan = decide(self.seen(), self.policy, self.now, self._new_id)
        self._commit(self.plan)
        return self.plan

    def seen(self) -> FlushInput:
        """What the next flush reads."""
        open_ones = tuple(each for each in self.incidents.values() if each.ended_at is None or each.due_at)
        ids = {incident.id for incident in open_ones}
        return FlushInput(
            store_id="store",
            transitions=tuple(self.waiting),
            incidents=open_ones,
            deliveries=tuple(DeliveryBrief.of(row) for row in self.rows.values() if row.incident_id in ids),
            debts=tuple(debt for debt in self.debts.values() if debt.incident_id in ids),
            silences=tuple(each for each in self.silences.values() if each.ends_at > self.now),
            firing=self._firing(),
            paged=tuple(self._paged()),
            calm=self.calm,
        )

    def _paged(self) -> Iterator[tuple[str, datetime]]:
        """When pages of incidents that ended within five minutes were written."""
        for row in self.rows.values():
            over = self.incidents[row.incident_id].ended_at
            if over and over > self.now - timedelta(minutes=5) and row.event is Event.TRIGGER:
                yield row.destination, row.created_at

    def _firing(self) -> tuple[FiringAlert, ...]:
        lookback = self.policy.quiet.lookback
        if lookback is None:
            return ()
        since = self.now - timedelta(seconds=lookback)
        return tuple(each for each in self.alerts.values() if each.ended_at is None or each.ended_at > since)

    def due(self) -> datetime | None:
        """When an incident next wants to be looked at."""
        dues = [each.due_at for each in self.incidents.values() if each.due_at is not None]
        return min(dues, default=None)

    def _new_id(self) -> str:
        return f"id-{next(self._ids)}"

    def _commit(self, plan: FlushPlan) -> None:
        assert plan.consumed == tuple(each.seq for each in self.waiting)
        self.waiting.clear()
        for incident in plan.incidents:
            self.incidents[incident.id] = incident
            self._hold_unique_index()
        for row_id, reason in plan.withdrawn:
            row = self.rows[row_id]
            assert (row.state, row.attempts) == (DeliveryState.PENDING, 0), "an attempted row was withdrawn"
            self.rows[row_id] = replace(row, state=DeliveryState.WITHDRAWN, last_error=reason)
        for name in plan.expired:
            self.silences[name] = replace(self.silences[name], ends_at=self.now)
        for delivery in plan.deliveries:
            self.rows[delivery.id] = replace(delivery, seq=next(self._seqs))

    def _hold_unique_index(self) -> None:
        taking = Counter((each.route, each.group_labels) for each in self.incidents.values() if each.taking_members)
        assert all(number == 1 for number in taking.values()), f"two incidents take members: {taking}"

    def claimable(self) -> list[Delivery]:
        """Open rows that may be sent now: the oldest of each key, none whose predecessor is unsettled.

        What was never tried waits while its incident is due, unless it is a resolve.
        """
        heads: dict[tuple[str, str, str], Delivery] = {}
        for row in sorted(self.rows.values(), key=lambda row: row.seq):
            if row.state.open:
                heads.setdefault((row.channel, row.destination, row.dedup_key), row)
        free = [row for row in heads.values() if row.after is None or not self.rows[row.after].state.open]
        return [row for row in free if not self._judged_first(row)]

    def _judged_first(self, row: Delivery) -> bool:
        incident = self.incidents[row.incident_id]
        due = None if incident.ended_at else incident.due_at
        untried = row.state is DeliveryState.PENDING and row.attempts == 0 and row.event is not Event.RESOLVE
        return untried and due is not None and due <= self.now

    def refuse(self, row: Delivery, error: str) -> None:
        """Let a vendor say that it will never take it: what is not urgent is given up."""
        state = DeliveryState.PENDING if row.tier.urgent else DeliveryState.DEAD
        self.rows[row.id] = replace(row, state=state, attempts=row.attempts + 1, refused=True, last_error=error)

    def settle(self, row: Delivery, outcome: DeliveryState, error: str = "") -> None:
        """Let a vendor's answer, or its absence, be committed."""
        self.rows[row.id] = replace(row, state=outcome, attempts=row.attempts + 1, last_error=error)
        landed = outcome in (DeliveryState.ACCEPTED, DeliveryState.AMBIGUOUS)
        if row.event in PAGES and landed:
            debt = Debt(row.incident_id, row.tier, row.channel, row.destination, row.dedup_key, None, self.now)
            self.debts[(row.incident_id, row.channel, row.destination, row.dedup_key, row.tier)] = debt
        if outcome is DeliveryState.ACCEPTED:
            self.accepted.append(row)
            if row.event is Event.RESOLVE:
                paid = (row.incident_id, row.channel, row.destination, row.dedup_key)
                self.debts = {key: debt for key, debt in self.debts.items() if key[:4] != paid}

    def send_all(self) -> list[Delivery]:
        """Let every vendor accept everything, in order; what was accepted."""
        before = len(self.accepted)
        while rows := self.claimable():
            for row in rows:
                self.settle(row, DeliveryState.ACCEPTED)
        return self.accepted[before:]


def told(deliveries: tuple[Delivery, ...] | list[Delivery]) -> list[str]:
    """Deliveries as short sentences: ``P3 trigger ops``."""
    return [f"{each.tier} {each.event} {each.channel}" for each in deliveries]
