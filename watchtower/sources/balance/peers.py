"""Peers weighed against each other: from the series of the members to one observation of their group."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from watchtower.model import EMPTY, Labels, Observation, Sample, Truth
from watchtower.sources.balance.score import FEWEST, Value, score
from watchtower.sources.cloudwatch.naming import RULE_HELP, RULE_VALUE, rule_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

#: Each member's part of the load, beside the score.
SHARE = "watchtower_balance_share"
_SHARE_HELP = "The part of the peers' load that a member carries, 0 to 1."

#: So many members are named in a reason.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Member:
    """One peer: ``points`` are its load by slot, only where it counts.

    ``truth`` and ``reason`` are those of its series: one that was not seen leaves the whole group unseen.
    """

    name: str
    points: Mapping[int, float]
    truth: Truth = Truth.VALUE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Peers that should carry the same. ``too_few`` says why there is no score, where nothing else does.

    ``moot`` is the observation's, where there is no score.
    """

    identity: Labels
    members: tuple[Member, ...]
    context: Labels = EMPTY
    too_few: str = ""
    moot: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """How a group is weighed: the score, its damping ``k`` in the unit of the load, and what the load is called."""

    value: Value
    k: float
    load: str


@dataclass(frozen=True, slots=True)
class Weighed:
    """A group's observation, and the newest slot's loads by member, the busiest first."""

    observation: Observation
    loads: tuple[tuple[str, float], ...] = ()

    def samples(self, rule: str) -> Iterator[Sample]:
        """The newest score and each member's share of that slot, for the scrape."""
        if not self.loads:
            return
        at, value = self.observation.points[-1]
        labels = rule_labels(rule, self.observation.identity)
        yield Sample("watchtower", RULE_VALUE, labels, value, at, RULE_HELP)
        total = sum(load for _, load in self.loads)
        for name, load in self.loads if total > 0 else ():
            yield Sample("watchtower", SHARE, labels.merged({"member": name}), load / total, at, _SHARE_HELP)


def weigh(group: Group, scale: Scale) -> Weighed:
    """The score of every slot in which at least two members count.

    1. A member that was not seen: the group was not seen either, its state is held.
    2. Fewer than two members in every slot: no data, and why.
    3. Else the scores; ``hottest`` and ``idlest`` are those of the newest slot.
    """
    unseen = next((member for member in group.members if member.truth.holds), None)
    if unseen is not None:
        reason = f"{unseen.name}: {unseen.reason}"
        return Weighed(Observation(group.identity, (), unseen.truth, group.context, reason))
    slots = sorted({slot for member in group.members for slot in member.points})
    scores = score(_loads(group.members, slots), scale.value, scale.k) if slots else np.empty(0)
    points = tuple((slot, found) for slot, found in zip(slots, scores.tolist(), strict=True) if isfinite(found))
    if not points:
        said = group.too_few or _silent(group)
        return Weighed(Observation(group.identity, (), Truth.NO_DATA, group.context, said, moot=group.moot))
    loads = _newest(group.members, points[-1][0])
    context = group.context.merged({"hottest": loads[0][0], "idlest": loads[-1][0]})
    return Weighed(Observation(group.identity, points, Truth.VALUE, context, _words(loads, scale)), loads)


def _loads(members: Sequence[Member], slots: Sequence[int]) -> NDArray[np.float64]:
    return np.array([[member.points.get(slot, np.nan) for member in members] for slot in slots], dtype=np.float64)


def _newest(members: Sequence[Member], slot: int) -> tuple[tuple[str, float], ...]:
    there = [(member.name, member.points[slot]) for member in members if slot in member.points]
    return tuple(sorted(there, key=lambda one: (-one[1], one[0])))


def _silent(group: Group) -> str:
    count = len(group.members)
    if count < FEWEST:
        return f"{_counted(count, 'member')}: nothing to compare"
    talking = sum(bool(member.points) for member in group.members)
    return f"of {count} members {talking} have data: nothing to compare"


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def _words(loads: Sequence[tuple[str, float]], scale: Scale) -> str:
    """``CPUUtilization: shop-2 76 % (15.57), shop-3 24 % (4.99)``."""
    total = sum(load for _, load in loads)
    if total <= 0:
        return f"no {scale.load} on any of {len(loads)} members"
    shares = [f"{name} {100 * load / total:.0f} % ({load:.4g})" for name, load in loads[:_NAMED]]
    more = f" and {len(loads) - _NAMED} more" if len(loads) > _NAMED else ""
    return f"{scale.load}: {', '.join(shares)}{more}"
