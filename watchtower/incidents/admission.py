"""What one transition does to the incidents: it opens, joins, raises, darkens or resolves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.grouping import group_of
from watchtower.incidents.lifecycle import continued, fired, member, opened, over, resolved, went_dark
from watchtower.incidents.notices import priority_of
from watchtower.incidents.routing import route_for
from watchtower.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.incidents.draft import Draft
    from watchtower.incidents.model import Incident
    from watchtower.incidents.routing import Route, Routed
    from watchtower.model import Priority, Transition


def admit(draft: Draft, transition: Transition, routes: Sequence[Route]) -> None:
    """Let one transition change the draft, with a decision for each thing it did or did not do."""
    holding = draft.holding(transition.key.id)
    if transition.to_state is State.OK:
        _resolve(draft, transition, holding)
    elif not transition.notify:
        draft.decide(transition, "ignored", _unsent(transition))
    elif transition.to_state is State.INSUFFICIENT_DATA:
        _darken(draft, transition, holding)
    elif holding and priority_of(transition) >= _reached(holding, transition):
        _continue(draft, transition, holding)
    else:
        _route(draft, transition, holding, route_for(transition.labels, routes))


def _unsent(transition: Transition) -> str:
    return transition.unsent or "rule has notify: false"


def _resolve(draft: Draft, transition: Transition, holding: Sequence[Incident]) -> None:
    """A rule that was made silent while an incident was open still owes its end, whatever ``notify`` says."""
    if not holding:
        told = "no open incident holds it" if transition.notify else _unsent(transition)
        draft.decide(transition, "ignored", told)
    for incident in holding:
        why = transition.reason or "back to OK"
        draft.touch(resolved(incident, transition), transition, "resolved", why)


def _darken(draft: Draft, transition: Transition, holding: Sequence[Incident]) -> None:
    if not holding:
        draft.decide(transition, "ignored", "missing data neither pages nor resolves")
    for incident in holding:
        why = f"incident stays open without data: {transition.reason}"
        draft.touch(went_dark(incident, transition), transition, "no data", why)


def _continue(draft: Draft, transition: Transition, holding: Sequence[Incident]) -> None:
    for incident in holding:
        why = f"still firing, told as {incident.tier} already"
        draft.touch(continued(incident, transition), transition, "continues", why)


def _route(draft: Draft, transition: Transition, holding: Sequence[Incident], routed: Sequence[Routed]) -> None:
    """A new episode, or a priority it did not have before: tell it on every route that takes it now.

    An incident of a route that does not take it any more keeps it as it was; without any route that does, the
    incidents that hold it tell the rise, because a rise is never left untold.
    """
    for each in routed:
        held = [incident for incident in holding if incident.route == each.route.name]
        if held:
            _raise(draft, transition, held, each.reason)
        else:
            _join(draft, transition, each)
    taken = {each.route.name for each in routed}
    left = [incident for incident in holding if incident.route not in taken]
    if routed:
        _stay(draft, transition, left)
    elif left:
        _raise(draft, transition, left, "no route matches; told where it already is")
    else:
        draft.decide(transition, "not delivered", "no route matches its labels")


def _raise(draft: Draft, transition: Transition, held: Iterable[Incident], reason: str) -> None:
    for incident in held:
        draft.touch(fired(incident, transition), transition, "raised", reason)


def _stay(draft: Draft, transition: Transition, left: Iterable[Incident]) -> None:
    for incident in left:
        why = f"route {incident.route} takes no {priority_of(transition)}; it stays here until it resolves"
        draft.decide(transition, "stays", why, incident.id)


def _join(draft: Draft, transition: Transition, routed: Routed) -> None:
    """Enter the incident that takes members, or open one.

    Who is held back enters another that is told to nobody: whoever was paged for the first would never hear of it,
    and it would keep the first from ending. One whose last member resolved within this same flush takes only its
    own members back: for any other alert it is over, and joining it would tell nobody.
    """
    route = routed.route
    group = group_of(transition.labels, route)
    held = draft.holds.on(transition.labels, route.name, transition.at) is not None
    incident = draft.held(route.name, group) if held else draft.taking(route.name, group)
    if incident is not None and over(incident) and member(incident, transition.key.id) is None:
        draft.close(incident)
        incident = None
    if incident is None:
        new = opened(draft.new_id(), route, group, transition, draft.now)
        waits = "" if held else _wait(route, new.tier)
        draft.touch(replace(new, taking_members=not held), transition, "opened", f"{routed.reason}{waits}")
        return
    outcome = "rejoined" if member(incident, transition.key.id) else "joined"
    draft.touch(fired(incident, transition), transition, outcome, routed.reason)


def _wait(route: Route, tier: Priority) -> str:
    if tier.urgent or not route.group_wait:
        return ""
    return f"; waits {format_duration(route.group_wait)} for company (group_wait)"


def _reached(holding: Iterable[Incident], transition: Transition) -> Priority:
    """The most urgent priority at which this alert is told already."""
    members = (member(incident, transition.key.id) for incident in holding)
    return min((each.priority for each in members if each is not None), default=priority_of(transition))
