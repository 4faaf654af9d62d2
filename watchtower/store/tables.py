"""The tables: work units, alert states, transitions, the evaluation log, incidents, the outbox, debts, channels.

``migrations/`` creates them; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from watchtower.evaluation.findings import Entry
from watchtower.evaluation.roll import Census
from watchtower.model import (
    AlertMemory,
    DeliveryState,
    Event,
    Labels,
    Notice,
    NoticeMember,
    State,
    Transition,
    TroubleReason,
)
from watchtower.store.columns import Coded, Moment, Prose, Rank, Sequence, Word

metadata = MetaData()


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


#: Facts about the store itself; the row ``flush`` is what two flushes wait for.
meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

work_unit = Table(
    "work_unit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("period", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("due_at", Moment, nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("lease_until", Moment),  # set exactly while a tick is claimed and not committed
    Column("worker", Text),
    Column("last_tick", BigInteger),
    Column("memory", LargeBinary),
    Column("failing_since", Moment),
    Column("failures", Integer, nullable=False),
    Column("failure", Prose, nullable=False),
    Column("roll", LargeBinary),
    Column("census", Coded(tuple[Census, ...])),
    Column("rules", Coded(tuple[str, ...])),
    Column("woken", BigInteger, nullable=False),  # how often another unit's commit made it due
    Column("nudged_at", Moment),  # when it was due last because AWS said that something happened
    Column("blinded", Coded(tuple[str, ...])),  # the rules that its last tick did not see
    Column("silent", Boolean, nullable=False),  # its last tick brought no answer at all
    Column("reasons", Coded(tuple[TroubleReason, ...])),  # the kinds of trouble that its last tick had
)

#: When a unit saw nothing, for explanations: `failing_since` and its like tell only of now.
outage = Table(
    "outage",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    Column("detail", Prose, nullable=False),
    Column("failures", Integer, nullable=False),
    UniqueConstraint("unit", "since"),
    _partial("outage_open", "unit", where="until IS NULL"),
    sqlite_autoincrement=True,
)

alert_state = Table(
    "alert_state",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False, index=True),
    Column("identity", Coded(Labels), nullable=False),
    Column("labels", Coded(Labels), nullable=False),
    Column("state", Word(State), nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("priority", Rank),
    Column("value", Float),
    Column("reason", Prose, nullable=False),
    Column("since", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("no_data_since", Moment),
    Column("recovering", Boolean, nullable=False),
    Column("memory", Coded(AlertMemory)),  # null where there is nothing to remember
    _partial("alert_state_firing", "id", where="firing"),
)

alert_transition = Table(
    "alert_transition",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("rule", Text, nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("consumed", Boolean, nullable=False),
    Column("body", Coded(Transition), nullable=False),
    Index("alert_transition_alert", "alert_id", "seq"),
    Index("alert_transition_at", "at"),
    _partial("alert_transition_unconsumed", "seq", where="NOT consumed"),
    sqlite_autoincrement=True,  # the number of a pruned row is never given again
)

#: What evaluations found that led to no transition.
evaluation = Table(
    "evaluation",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("finding", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", Coded(Entry), nullable=False),
    UniqueConstraint("alert_id", "finding", "since"),
    Index("evaluation_alert", "alert_id", "seq"),
    Index("evaluation_rule", "rule", "seq"),
    sqlite_autoincrement=True,
)

decision = Table(
    "decision",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("alert_id", Text, nullable=False),
    Column("transition_seq", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Prose, nullable=False),
    Column("incident_id", Text),
    Column("at", Moment, nullable=False),
    Index("decision_alert", "alert_id", "seq"),
    sqlite_autoincrement=True,
)

incident = Table(
    "incident",
    metadata,
    Column("id", Text, primary_key=True),
    Column("route", Text, nullable=False),
    Column("group_labels", Coded(Labels), nullable=False),
    Column("group_hash", Text, nullable=False),
    Column("tier", Rank, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("channels", Coded(tuple[str, ...]), nullable=False),
    Column("settings", Coded(Mapping[str, Any]), nullable=False),
    Column("told_tier", Rank),
    Column("last_page_at", Moment),
    Column("told_at", Moment),
    Column("taking_members", Boolean, nullable=False),
    Column("ended_at", Moment),
    Column("due_at", Moment),
    Column("changed", Boolean, nullable=False),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Prose, nullable=False),
    Column("acknowledged_via", Text, nullable=False),
    Column("acknowledged_until", Moment),
    Column("acknowledgement_told", Boolean, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("called_at", Moment),
    Column("escalated_at", Moment),
    Column("repeated_at", Moment),
    _partial(
        "incident_taking_members",
        "route",
        "group_hash",
        where="taking_members AND ended_at IS NULL",
        unique=True,
    ),
    _partial("incident_open", "due_at", where="ended_at IS NULL"),
    _partial("incident_due", "due_at", where="due_at IS NOT NULL"),  # also ended ones, see incidents/fallback.py
    Index("incident_ended", "ended_at"),
)

incident_member = Table(
    "incident_member",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    Column("alert_id", Text, primary_key=True, index=True),
    Column("position", Integer, nullable=False),
    Column("body", Coded(NoticeMember), nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("seq", Sequence, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("incident_id", Text, ForeignKey("incident.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("event", Word(Event), nullable=False),
    Column("tier", Rank, nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("notice", Coded(Notice), nullable=False),
    Column("reason", Prose, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("state", Word(DeliveryState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Prose, nullable=False),
    Column("finished_at", Moment),  # null exactly while the row is open
    Column("first_attempt_at", Moment),
    Column("after", Text),
    Column("refused", Boolean, nullable=False),  # the vendor will never take it
    Column("fallback_of", Text),  # the page of another channel that this one is sent in the place of
    Column("sending_epoch", BigInteger),
    Column("digest", Text),  # the message of several rows that this one left with, and may have arrived in
    _partial("delivery_open", "channel", "tier", "seq", where="finished_at IS NULL"),
    _partial("delivery_dead", "channel", "seq", where="state = 'dead'"),
    _partial("delivery_fifo", "channel", "destination", "dedup_key", "seq", where="finished_at IS NULL"),
    _partial("delivery_digest", "digest", where="digest IS NOT NULL"),
    sqlite_autoincrement=True,
)

debt = Table(
    "debt",
    metadata,
    Column("incident_id", Text, ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
    Column("tier", Rank, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("dedup_key", Text, primary_key=True),
    Column("ref", Coded(Mapping[str, Any])),
    Column("since", Moment, nullable=False),
    Column("paid_at", Moment),
    Column("digest", Text),  # ref is the message of this digest: others are told in it too
    _partial("debt_unpaid", "channel", "incident_id", where="paid_at IS NULL"),
)

channel = Table(
    "channel",
    metadata,
    Column("name", Text, primary_key=True),
    Column("destination", Text),  # where it led when it was configured last: a new name that leads there is its own
    Column("epoch", BigInteger, nullable=False),
    Column("worker", Text),
    Column("lease", Float, nullable=False),  # seconds; what each step of the holder extends the lease by
    Column("lease_until", Moment),
    Column("hold_until", Moment),
    Column("rest_until", Moment),
    Column("urgent_until", Moment),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("accepted_at", Moment),  # when the vendor accepted anything last
    Column("sent", Coded(tuple[float, ...])),
    Column("gathers_until", Moment),  # it had a digest: what is not urgent above all waits for company
    Column("possible_duplicates", Integer, nullable=False, server_default="0"),  # since the store was made
    Column("stood_at", Moment),  # when the above was written: a clock that was set back makes it void
)

#: Whose time is booked, and since when (epoch seconds).
uptime_series = Table(
    "uptime_series",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False, index=True),
    Column("identity", Coded(Labels), nullable=False),
    Column("since", BigInteger, nullable=False),
)

#: Seconds by state of the time that begins at ``start`` and is ``width`` seconds long (all epoch seconds).
uptime = Table(
    "uptime",
    metadata,
    Column("series", Text, primary_key=True),
    Column("width", Integer, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("until", BigInteger, nullable=False),
    *(Column(state, Float, nullable=False) for state in ("up", "down", "maintenance", "unknown")),
    Index("uptime_start", "start"),
)

silence = Table(
    "silence",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matchers", Coded(tuple[str, ...]), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Column("updated_at", Moment, nullable=False),
    Column("created_by", Prose, nullable=False),
    Column("comment", Prose, nullable=False),
    Column("expire_on_resolve", Boolean, nullable=False),
    Column("maintenance", Boolean, nullable=False),
)

#: What came in by itself, the newest of each kind: heartbeats' pings, and words about probes.
received = Table(
    "received",
    metadata,
    Column("source", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("text", Prose, nullable=False),
)
