"""Channels under new names: whatever an incident holds, owes or will call by an old name goes on under the new one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from watchtower.incidents.model import STORM
from watchtower.model import Labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.incidents.model import Incident

#: Settings of an incident that keep lists of channels under this key.
_CHANNELS = "channels"


def renamed(before: Mapping[str, str], today: Mapping[str, str]) -> dict[str, str]:
    """The new names of channels by their old ones; both arguments are destinations by name.

    A channel was renamed when its name is gone and its destination is reached under another: one that never was there,
    each for one channel, else the first of those that lead there.
    """
    leading: dict[str, list[str]] = defaultdict(list)
    for name, destination in sorted(today.items()):
        leading[destination].append(name)
    fresh = {where: [name for name in names if name not in before] for where, names in leading.items()}
    gone = [(name, where) for name, where in sorted(before.items()) if name not in today and where in leading]
    return {name: fresh[where].pop(0) if fresh[where] else leading[where][0] for name, where in gone}


def under(incident: Incident, names: Mapping[str, str]) -> Incident:
    """The incident with the new names of its channels."""
    via = incident.acknowledged_via
    return replace(
        incident,
        channels=tuple(_each(incident.channels, names)),
        settings={key: _setting(key, value, names) for key, value in incident.settings.items()},
        group_labels=_group(incident, names),
        acknowledged_via=names.get(via, via),
    )


def _each(channels: Iterable[str], names: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(names.get(name, name) for name in channels))


def _setting(key: str, value: Any, names: Mapping[str, str]) -> Any:
    """What an incident keeps of its route, of the storm that carries it and of the channel that it is a storm on."""
    if key == STORM:
        return names.get(value, value)
    if key == _CHANNELS and isinstance(value, list | tuple):
        return _each(value, names)
    return {inner: _setting(inner, each, names) for inner, each in value.items()} if isinstance(value, dict) else value


def _group(incident: Incident, names: Mapping[str, str]) -> Labels:
    """A storm is grouped by its channel."""
    if STORM not in incident.settings:
        return incident.group_labels
    return Labels({name: names.get(value, value) for name, value in incident.group_labels.pairs})
