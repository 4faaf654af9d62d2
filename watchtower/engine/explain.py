"""`watchtower why`: the store's record of an alert, told in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import DeliveryState, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.model import AlertState, Delivery, Transition
    from watchtower.store.values import Explanation


def explain_lines(found: Explanation) -> Iterator[str]:
    """The explanation of one alert as people read it."""
    if found.state is not None:
        yield from _state_lines(found.state)
    yield "changes, newest first:"
    for change in found.transitions:
        yield from _change_lines(change, found)
    yield from _incident_lines(found)


def _state_lines(state: AlertState) -> Iterator[str]:
    priority = f" {state.priority}" if state.priority else ""
    yield f"{state.key}"
    yield f"  {state.state}{priority} since {state.since:%Y-%m-%d %H:%M:%S} UTC: {state.reason}"
    if state.recovering:
        yield "  recovering: the alert's condition no longer holds, its recovery condition does not yet"
    if state.no_data_since:
        yield f"  firing without data since {state.no_data_since:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  last evaluated {state.updated_at:%Y-%m-%d %H:%M:%S} UTC"


def _change_lines(change: Transition, found: Explanation) -> Iterator[str]:
    moved = f"{_named(change.from_state, change.from_priority)} -> {_named(change.to_state, change.priority)}"
    yield f"  {change.at:%Y-%m-%d %H:%M:%S} UTC  {moved}: {change.reason}"
    if change.datapoints:
        points = " ".join("-" if value is None else f"{value:g}" for _, value in change.datapoints)
        yield f"    datapoints, newest last: {points}"
    if change.rule_file:
        yield f"    rule at {change.rule_file}:{change.rule_line}"
    for decision in found.decisions:
        if decision.transition_seq == change.seq:
            incident = f" (incident {decision.incident_id})" if decision.incident_id else ""
            yield f"    {decision.outcome}: {decision.reason}{incident}"


def _named(state: State, priority: object) -> str:
    return f"{state} {priority}" if state is State.ALARM and priority else str(state)


def _incident_lines(found: Explanation) -> Iterator[str]:
    for incident in found.incidents:
        ended = f", ended {incident.ended_at:%H:%M:%S}" if incident.ended_at else ", open"
        opened = f"{incident.opened_at:%Y-%m-%d %H:%M:%S}"
        yield f"incident {incident.id}: route {incident.route}, {incident.tier}, opened {opened} UTC{ended}"
        for delivery in found.deliveries:
            if delivery.incident_id == incident.id:
                yield f"  {_delivery_line(delivery)}"
        for debt in found.debts:
            if debt.incident_id == incident.id:
                yield f"  {debt.channel} is owed a resolve of {debt.dedup_key} since {debt.since:%H:%M:%S} UTC"


def _delivery_line(delivery: Delivery) -> str:
    when = delivery.finished_at or delivery.next_at
    verb = "next try" if delivery.state.open else "at"
    tries = f", {delivery.attempts} attempts" if delivery.attempts != 1 else ""
    trouble = (
        f" [{delivery.last_error}]" if delivery.state is not DeliveryState.ACCEPTED and delivery.last_error else ""
    )
    return (
        f"{delivery.event} to {delivery.channel}: {delivery.state} {verb} {when:%H:%M:%S} UTC{tries}; "
        f"{delivery.reason}{trouble}"
    )
