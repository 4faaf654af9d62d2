"""The silence that somebody means who silences an incident: its alerts, on what they share."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import reduce
from typing import TYPE_CHECKING

from watchtower.incidents.silences import Silence
from watchtower.matchers import Matcher, Operator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from watchtower.incidents.model import Incident
    from watchtower.model import AlertKey

#: What a click on "Silence 1 h" asks for.
LASTS = timedelta(hours=1)


def silence_of(
    incident: Incident, keys: Mapping[str, AlertKey], *, by: str, comment: str, now: datetime, silence_id: str
) -> Silence:
    """A silence of one hour on the incident; ``keys`` are those of its alerts, by their ids."""
    return Silence(
        id=silence_id,
        matchers=matchers_of(incident, keys),
        starts_at=now,
        ends_at=now + LASTS,
        updated_at=now,
        created_by=by,
        comment=comment,
    )


def matchers_of(incident: Incident, keys: Mapping[str, AlertKey]) -> tuple[Matcher, ...]:
    """The names of its alerts that fire, the labels it is grouped by, and the identity labels that all of them share.

    So an incident about one database silences that database, not its neighbours; one about several silences their
    group, and whoever joins it. The priority is no part of it: a rise is silenced too.
    """
    firing = [member for member in incident.members if member.firing] or list(incident.members)
    named = sorted({member.name for member in firing})
    identities = [dict(keys[member.alert_id].identity) for member in firing if member.alert_id in keys]
    known = len(identities) == len(firing) and identities
    shared = reduce(_common, identities) if known else {}
    labels = {**incident.group_labels, **shared}
    told = [Matcher(name, Operator.EQUAL, labels[name]) for name in sorted(labels) if name not in _ITSELF]
    return (*_names(named), *told)


_ITSELF = frozenset({"alert", "alertname", "priority"})


def _common(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    return dict(one.items() & other.items())


def _names(names: list[str]) -> list[Matcher]:
    if len(names) == 1:
        return [Matcher("alert", Operator.EQUAL, names[0])]
    return [Matcher("alert", Operator.MATCHES, "|".join(re.escape(name) for name in names))] if names else []
