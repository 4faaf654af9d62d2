"""The first tables."""  # noqa: INP001

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    _meta()
    _work_unit()
    _outage()
    _alert_state()
    _alert_transition()
    _evaluation()
    _decision()
    _incident()
    _incident_member()
    _delivery()
    _debt()
    _channel()
    _uptime()
    _silence()
    _received()


def _meta() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _work_unit() -> None:
    op.create_table(
        "work_unit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("worker", sa.Text()),
        sa.Column("last_tick", sa.BigInteger()),
        sa.Column("memory", sa.LargeBinary()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("roll", sa.LargeBinary()),
        sa.Column("census", sa.Text()),
        sa.Column("rules", sa.Text()),
        sa.Column("woken", sa.BigInteger(), nullable=False),
        sa.Column("nudged_at", sa.BigInteger()),
        sa.Column("blinded", sa.Text()),
        sa.Column("silent", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_work_unit_due_at", "work_unit", ["due_at"])


def _outage() -> None:
    op.create_table(
        "outage",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("unit", "since"),
        sqlite_autoincrement=True,
    )
    op.create_index("outage_open", "outage", ["unit"], **_where("until IS NULL"))


def _alert_state() -> None:
    op.create_table(
        "alert_state",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("firing", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.SmallInteger()),
        sa.Column("value", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("no_data_since", sa.BigInteger()),
        sa.Column("recovering", sa.Boolean(), nullable=False),
        sa.Column("memory", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_state_rule", "alert_state", ["rule"])
    op.create_index("alert_state_firing", "alert_state", ["id"], **_where("firing"))


def _alert_transition() -> None:
    op.create_table(
        "alert_transition",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("consumed", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("alert_transition_alert", "alert_transition", ["alert_id", "seq"])
    op.create_index("alert_transition_unconsumed", "alert_transition", ["seq"], **_where("NOT consumed"))
    op.create_index("ix_alert_transition_rule", "alert_transition", ["rule"])
    op.create_index("alert_transition_at", "alert_transition", ["at"])


def _evaluation() -> None:
    op.create_table(
        "evaluation",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("alert_id", "finding", "since"),
        sqlite_autoincrement=True,
    )
    op.create_index("evaluation_alert", "evaluation", ["alert_id", "seq"])
    op.create_index("evaluation_rule", "evaluation", ["rule", "seq"])


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("transition_seq", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("decision_alert", "decision", ["alert_id", "seq"])


def _incident() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("group_labels", sa.Text(), nullable=False),
        sa.Column("group_hash", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("told_tier", sa.SmallInteger()),
        sa.Column("last_page_at", sa.BigInteger()),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("taking_members", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger()),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledged_via", sa.Text(), nullable=False),
        sa.Column("acknowledged_until", sa.BigInteger()),
        sa.Column("acknowledgement_told", sa.Boolean(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("called_at", sa.BigInteger()),
        sa.Column("escalated_at", sa.BigInteger()),
        sa.Column("repeated_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("incident_ended", "incident", ["ended_at"])
    op.create_index("incident_open", "incident", ["due_at"], **_where("ended_at IS NULL"))
    op.create_index("incident_due", "incident", ["due_at"], **_where("due_at IS NOT NULL"))
    op.create_index(
        "incident_taking_members",
        "incident",
        ["route", "group_hash"],
        unique=True,
        **_where("taking_members AND ended_at IS NULL"),
    )


def _incident_member() -> None:
    op.create_table(
        "incident_member",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("incident_id", "alert_id"),
    )
    op.create_index("ix_incident_member_alert_id", "incident_member", ["alert_id"])


def _delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("seq", _SEQUENCE, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("first_attempt_at", sa.BigInteger()),
        sa.Column("after", sa.Text()),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("fallback_of", sa.Text()),
        sa.Column("sending_epoch", sa.BigInteger()),
        sa.Column("digest", sa.Text()),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "delivery_fifo",
        "delivery",
        ["channel", "destination", "dedup_key", "seq"],
        **_where("finished_at IS NULL"),
    )
    op.create_index("delivery_digest", "delivery", ["digest"], **_where("digest IS NOT NULL"))
    op.create_index("delivery_dead", "delivery", ["channel", "seq"], **_where("state = 'dead'"))
    op.create_index("delivery_open", "delivery", ["channel", "tier", "seq"], **_where("finished_at IS NULL"))
    op.create_index("ix_delivery_incident_id", "delivery", ["incident_id"])


def _debt() -> None:
    op.create_table(
        "debt",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.BigInteger()),
        sa.Column("digest", sa.Text()),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("incident_id", "tier", "channel", "destination", "dedup_key"),
    )
    op.create_index("debt_unpaid", "debt", ["channel", "incident_id"], **_where("paid_at IS NULL"))


def _channel() -> None:
    op.create_table(
        "channel",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text()),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("lease", sa.Float(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("hold_until", sa.BigInteger()),
        sa.Column("rest_until", sa.BigInteger()),
        sa.Column("urgent_until", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("accepted_at", sa.BigInteger()),
        sa.Column("sent", sa.Text()),
        sa.Column("gathers_until", sa.BigInteger()),
        sa.Column("possible_duplicates", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("stood_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name"),
    )


def _uptime() -> None:
    op.create_table(
        "uptime_series",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_uptime_series_rule", "uptime_series", ["rule"])
    op.create_table(
        "uptime",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("up", sa.Float(), nullable=False),
        sa.Column("down", sa.Float(), nullable=False),
        sa.Column("maintenance", sa.Float(), nullable=False),
        sa.Column("unknown", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("series", "width", "start"),
    )
    op.create_index("uptime_start", "uptime", ["start"])


def _silence() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("expire_on_resolve", sa.Boolean(), nullable=False),
        sa.Column("maintenance", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"])


def _received() -> None:
    op.create_table(
        "received",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "target", "kind"),
    )
