"""What one transition does to the incidents: it opens, joins, raises, darkens or resolves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.durations import format_duration
from watchtower.incidents.grouping import group_of
from watchtower.incidents.lifecycle import continued, fired, member, opened, over, resolved, went_dark
from watchtower.incidents.model import is_storm
from watchtower.incidents.moving import bound_for
from watchtower.incidents.notices import priority_of
from watchtower.incidents.routing import route_for
from watchtower.incidents.storms import raised
from watchtower.incidents.templated import NO_CHANNEL, settled
from watchtower.model import NOTIFY_FALSE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.incidents.draft import Draft
    from watchtower.incidents.model import Incident
    from watchtower.incidents.policy import Policy
    from watchtower.incidents.routing import Route, Routed
    from watchtower.model import Labels, Priority, Transition


def admit(draft: Draft, transition: Transition, policy: Policy) -> None:
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
        _route(draft, transition, holding, route_for(transition.labels, policy.routes), policy)


def _unsent(transition: Transition) -> str:
    return transition.unsent or NOTIFY_FALSE


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


def _route(
    draft: Draft, transition: Transition, holding: Sequence[Incident], routed: Sequence[Routed], policy: Policy
) -> None:
    """A new episode, or a priority it did not have before: tell it on every route that takes it now.

    An incident of a route that does not take it any more lets it go once another route has told it; without any route
    that takes it, the incidents that hold it tell the rise, because a rise is never left untold.
    """
    storms = [incident for incident in holding if is_storm(incident)]
    holding = [incident for incident in holding if not is_storm(incident)]
    raised(draft, transition, storms)
    for each in routed:
        held = [incident for incident in holding if incident.route == each.route.name]
        if held:
            _raise(draft, transition, held, each.reason)
        else:
            _join(draft, transition, each, policy, rose=bool(holding))
    taken = {each.route.name for each in routed}
    left = [incident for incident in holding if incident.route not in taken]
    if routed:
        _leave(draft, transition, left, routed[0].route.name)
    elif left:
        _raise(draft, transition, left, "no route matches; told where it already is")
    else:
        draft.decide(transition, "not delivered", "no route matches its labels")


def _raise(draft: Draft, transition: Transition, held: Iterable[Incident], reason: str) -> None:
    for incident in held:
        draft.touch(fired(incident, transition), transition, "raised", reason)


def _leave(draft: Draft, transition: Transition, left: Iterable[Incident], route: str) -> None:
    for incident in left:
        why = f"route {incident.route} takes no {priority_of(transition)}; it leaves once route {route} has told it"
        draft.put(bound_for(incident, transition.key.id, route))
        draft.decide(transition, "leaves", why, incident.id)


def _join(draft: Draft, transition: Transition, routed: Routed, policy: Policy, *, rose: bool) -> None:
    """Enter the incident that takes members, or open one; one that opens for a rise waits for no company.

    Who is held back enters another that is told to nobody: whoever was paged for the first would never hear of it,
    and it would keep the first from ending. One whose last member resolved within this same flush takes only its
    own members back: for any other alert it is over, and joining it would tell nobody.
    """
    route = routed.route
    group = group_of(transition.labels, route)
    held = draft.holds.on(transition.key.id, transition.labels, route.name, transition.at) is not None
    incident = draft.held(route.name, group) if held else draft.taking(route.name, group)
    if incident is not None and over(incident) and member(incident, transition.key.id) is None:
        draft.close(incident)
        incident = None
    if incident is None:
        _open(draft, transition, routed, policy, group, held=held, rose=rose)
        return
    outcome = "rejoined" if member(incident, transition.key.id) else "joined"
    draft.touch(fired(incident, transition), transition, outcome, routed.reason)


def _open(
    draft: Draft, transition: Transition, routed: Routed, policy: Policy, group: Labels, *, held: bool, rose: bool
) -> None:
    """Open an incident under the channels that its group has; what the route names in vain is on record."""
    route, missing = settled(routed.route, group, policy.routes, policy.channels)
    new = opened(draft.new_id(), route, group, transition, draft.now)
    more = {**({"group_wait": 0.0} if rose else {}), **({NO_CHANNEL: list(missing)} if missing else {})}
    new = replace(new, settings={**new.settings, **more}, taking_members=not held)
    waits = "" if held or rose else _wait(route, new.tier)
    draft.touch(new, transition, "opened", f"{routed.reason}{waits}")
    for name in missing:
        told = f"told on {', '.join(route.channels)}"
        draft.decide(transition, "not delivered", f"there is no channel {name}; {told}", new.id)


def _wait(route: Route, tier: Priority) -> str:
    if tier.urgent or not route.group_wait:
        return ""
    return f"; waits {format_duration(route.group_wait)} for company (group_wait)"


def _reached(holding: Iterable[Incident], transition: Transition) -> Priority:
    """The most urgent priority at which this alert is told already."""
    members = (member(incident, transition.key.id) for incident in holding)
    return min((each.priority for each in members if each is not None), default=priority_of(transition))
