"""From rows to the values the stages know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from watchtower.incidents.model import Debt, Decision, DeliveryBrief, Incident
from watchtower.model import NOTHING, AlertKey, AlertState, Delivery
from watchtower.store.values import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Row

    from watchtower.model import Heard, NoticeMember, Transition

    AnyRow = Row[*tuple[Any, ...]]


def _same_names(row: AnyRow, cls: type) -> dict[str, Any]:
    """The columns that are named like a field of the value."""
    names = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return {name: value for name, value in row._mapping.items() if name in names}


def alert_state(row: AnyRow) -> AlertState:
    """A row of ``alert_state``."""
    values = _same_names(row, AlertState)
    return AlertState(key=AlertKey(row.rule, row.identity), **{**values, "memory": row.memory or NOTHING})


def state_values(state: AlertState) -> dict[str, Any]:
    """The row of an alert's state."""
    return {
        "id": state.key.id,
        "rule": state.key.rule,
        "identity": state.key.identity,
        "labels": state.labels,
        "state": state.state,
        "firing": state.firing,
        "priority": state.priority,
        "value": None if state.value is None else float(state.value),
        "reason": state.reason,
        "since": state.since,
        "updated_at": state.updated_at,
        "seq": state.seq,
        "no_data_since": state.no_data_since,
        "recovering": state.recovering,
        "memory": None if state.memory == NOTHING else state.memory,
    }


def transition_values(transition: Transition) -> dict[str, Any]:
    """The row of a transition; the database gives the number."""
    return {
        "alert_id": transition.key.id,
        "rule": transition.key.rule,
        "at": transition.at,
        "consumed": False,
        "body": transition,
    }


def transition(row: AnyRow) -> Transition:
    """A row of ``alert_transition`` with the number it was given."""
    return replace(cast("Transition", row.body), seq=row.seq)


def incident(row: AnyRow, members: Mapping[str, list[NoticeMember]]) -> Incident:
    """A row of ``incident`` with its members, which are kept by incident."""
    return Incident(members=tuple(members.get(row.id, ())), **_same_names(row, Incident))


def delivery(row: AnyRow, ref: Mapping[str, Any] | None = None, receipts: tuple[Heard, ...] = ()) -> Delivery:
    """A row of ``delivery``; what the vendor answered before comes from its debt, the receipts from its siblings."""
    return Delivery(ref=ref, receipts=receipts, **_same_names(row, Delivery))


def brief(row: AnyRow) -> DeliveryBrief:
    """What the flush needs of a row of ``delivery``."""
    return DeliveryBrief(**_same_names(row, DeliveryBrief))


def debt(row: AnyRow) -> Debt:
    """A row of ``debt``."""
    return Debt(**_same_names(row, Debt))


def decision(row: AnyRow) -> Decision:
    """A row of ``decision``."""
    return Decision(**_same_names(row, Decision))


def standing(row: AnyRow, now: datetime) -> Standing:
    """How a row of ``channel`` fares; what was written later than ``now``, by a clock since set back, holds nothing."""
    if row.stood_at is None or row.stood_at > now:
        return Standing(failures=row.failures)
    return Standing(**{**_same_names(row, Standing), "sent": row.sent or ()})
