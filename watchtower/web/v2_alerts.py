"""Firing alerts and their groups as Alertmanager's API writes them; pure.

Shapes: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from watchtower.incidents.grouping import group_of
from watchtower.incidents.routing import route_for
from watchtower.incidents.templated import rendered
from watchtower.matchers import Matcher, Operator, matches_all
from watchtower.web.v2_silences import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.incidents.routing import Route
    from watchtower.incidents.silences import Silence
    from watchtower.model import AlertState, Labels, NoticeMember, Transition
    from watchtower.store.newest import LastWord

#: Alertmanager gives a firing alert an end ahead, and clients take a past one for resolved. Its default is 5 minutes.
ENDS_AHEAD = timedelta(minutes=5)
_INHIBITED = "inhibited by "
_SILENCED = "silenced by "


@dataclass(frozen=True, slots=True)
class Choice:
    """Which alerts a request wants: those in a state of ``hidden`` not, the others by labels and receiver."""

    hidden: frozenset[str] = frozenset()
    matchers: tuple[Matcher, ...] = ()
    receiver: Matcher | None = None

    def takes(self, alert: FiringAlert) -> bool:
        """Whether the alert is wanted."""
        hidden = not self.hidden.isdisjoint(alert.flags)
        return not hidden and matches_all(self.matchers, alert.state.labels) and self.reaches(*alert.receivers)

    def reaches(self, *receivers: str) -> bool:
        """Whether one of these receivers is wanted."""
        return self.receiver is None or any(self.receiver.matches({"receiver": name}) for name in receivers)


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert with what is known of it elsewhere: its place in an incident, its receivers, what holds it back.

    ``said`` is what says the most of it; ``waits``: no flush has seen its newest transition.
    """

    state: AlertState
    member: NoticeMember | None
    said: NoticeMember | Transition | None
    waits: bool
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...]

    @property
    def status(self) -> str:
        """``unprocessed`` until the flush has seen it; who is told to nobody never enters an incident."""
        if self.silenced_by or self.inhibited_by or self.muted_by:
            return "suppressed"
        return "unprocessed" if self.waits else "active"

    @property
    def flags(self) -> set[str]:
        """The words by which a request can hide it."""
        held = {"silenced": self.silenced_by, "inhibited": self.inhibited_by, "muted": self.muted_by}
        return {self.status} | {word for word, by in held.items() if by}

    def json(self, origin: str, now: datetime) -> dict[str, Any]:
        """The alert as the API shows it; ``origin`` is where this daemon was asked."""
        state, member = self.state, self.member
        return {
            "annotations": _annotations(state, self.said),
            "endsAt": stamp(now + ENDS_AHEAD),
            "fingerprint": state.key.id,
            "receivers": [{"name": name} for name in self.receivers],
            "startsAt": stamp(member.since if member else state.since),
            "status": {
                "inhibitedBy": self.inhibited_by,
                "mutedBy": self.muted_by,
                "silencedBy": self.silenced_by,
                "state": self.status,
            },
            "updatedAt": stamp(state.updated_at),
            "generatorURL": _link(origin, state),
            "labels": labels_json(state.labels),
        }


def labels_json(labels: Labels) -> dict[str, str]:
    """Labels with ``alertname`` beside ``alert``, for clients that know no other name."""
    shown = dict(labels)
    if "alert" in shown:
        shown["alertname"] = shown["alert"]
    return shown


def _annotations(state: AlertState, said: NoticeMember | Transition | None) -> dict[str, str]:
    own = {"reason": state.reason}
    if said is not None:
        own |= {"summary": said.summary, "runbook": said.runbook or ""}
    given = said.annotations if said is not None else {}
    return {**given, **{name: text for name, text in own.items() if text}}


def _link(origin: str, state: AlertState) -> str:
    """A page that shows this alert alone."""
    labels = {"alertname": state.key.rule, **state.key.identity}
    matchers = [("filter", str(Matcher(name, Operator.EQUAL, value))) for name, value in labels.items()]
    return f"{origin}/api/v2/alerts?{urlencode(matchers)}"


# -- gathering --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """What the store and the configuration say at one moment."""

    states: Sequence[AlertState]
    incidents: Sequence[Incident]
    silences: Sequence[Silence]
    routes: Sequence[Route]
    now: datetime
    outside: Mapping[str, LastWord]

    def alerts(self) -> list[FiringAlert]:
        """Every alert that fires, in the order of the fingerprints."""
        members = self._members()
        firing = [state for state in self.states if state.firing]
        by_name: dict[str, list[str]] = {}
        for state in firing:
            by_name.setdefault(state.key.rule, []).append(state.key.id)
        found = [self._alert(state, members.get(state.key.id, []), by_name) for state in firing]
        return sorted(found, key=lambda alert: alert.state.key.id)

    def _members(self) -> dict[str, list[tuple[Incident, NoticeMember]]]:
        members: dict[str, list[tuple[Incident, NoticeMember]]] = {}
        for incident in self.incidents:
            for member in incident.members:
                if member.firing:
                    members.setdefault(member.alert_id, []).append((incident, member))
        return members

    def _alert(
        self,
        state: AlertState,
        places: Sequence[tuple[Incident, NoticeMember]],
        by_name: Mapping[str, Sequence[str]],
    ) -> FiringAlert:
        labels = dict(state.labels)  # asked by every matcher
        told = [name for incident, _ in places for name in incident.channels]
        routes = (routed.route for routed in route_for(labels, self.routes))
        meant = (name for route in routes for name in rendered(route, group_of(labels, route)).channels)
        held = _held(member.muted_by for _, member in places)
        inhibitors = [reason.removeprefix(_INHIBITED) for reason in held if reason.startswith(_INHIBITED)]
        member, word = places[-1][1] if places else None, self.outside.get(state.key.id)
        return FiringAlert(
            state=state,
            member=member,
            said=member or (word.transition if word else None),
            waits=member is None and word is not None and not word.flushed,
            receivers=tuple(dict.fromkeys(told or meant)),
            silenced_by=tuple(one.id for one in self.silences if one.covers(labels, self.now)),
            inhibited_by=tuple(_fingerprints(inhibitors, by_name)),
            muted_by=tuple(reason for reason in held if not reason.startswith(_INHIBITED)),
        )


def _held(reasons: Iterable[str]) -> list[str]:
    """What the flush found to hold an alert back. Silences are left out: they are looked up as they are now."""
    return [reason for reason in dict.fromkeys(reasons) if reason and not reason.startswith(_SILENCED)]


def _fingerprints(inhibitors: Iterable[str], by_name: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The inhibiting alerts; one that has ended and is still waited for is told by its name."""
    for text in inhibitors:
        name = text.partition(",")[0]
        yield from by_name.get(name, (name,))


def alerts_json(scene: Scene, choice: Choice, origin: str) -> list[dict[str, Any]]:
    """The alerts that are wanted."""
    return [alert.json(origin, scene.now) for alert in scene.alerts() if choice.takes(alert)]


def groups_json(scene: Scene, choice: Choice, origin: str) -> list[dict[str, Any]]:
    """Open incidents, one entry for each receiver; incidents of one receiver and group are one entry."""
    alerts = {alert.state.key.id: alert for alert in scene.alerts() if choice.takes(alert)}
    groups: dict[tuple[str, Labels], dict[str, FiringAlert]] = {}
    for incident in scene.incidents:
        inside = {m.alert_id: alerts[m.alert_id] for m in incident.members if m.firing and m.alert_id in alerts}
        for channel in incident.channels:
            if inside and choice.reaches(channel):
                groups.setdefault((channel, incident.group_labels), {}).update(inside)
    return [
        {
            "labels": labels_json(labels),
            "receiver": {"name": channel},
            "alerts": [inside[key].json(origin, scene.now) for key in sorted(inside)],
        }
        for (channel, labels), inside in sorted(groups.items(), key=lambda entry: (str(entry[0][1]), entry[0][0]))
    ]
