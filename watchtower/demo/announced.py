"""What AWS announces in the estate: scheduled events, scaling groups, quotas, health, services and mail.

Moments are seconds after the estate's start; a thing is there ``since`` one and ``until`` another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Lasting(Protocol):
    """Something that begins and ends."""

    @property
    def since(self) -> float:
        """When it begins."""
        ...

    @property
    def until(self) -> float:
        """When it ends."""
        ...


L = TypeVar("L", bound=Lasting)


def at(things: Iterable[L], moment: float) -> list[L]:
    """Those that are there at a moment."""
    return [one for one in things if one.since <= moment < one.until]


@dataclass(frozen=True, slots=True)
class Planned:
    """A scheduled event of an instance; from ``completed`` on it is listed as done, as AWS does for a week."""

    kind: str = "instance-retirement"
    not_before: float = 86_400.0
    since: float = -inf
    completed: float = inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class Machine:
    """One instance; ``impaired`` checks (``system``, ``instance``) fail as long as it is there."""

    id: str
    zone: str = "eu-west-1a"
    state: str = "running"
    events: tuple[Planned, ...] = ()
    impaired: tuple[str, ...] = ()
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class ScalingGroup:
    """One Auto Scaling group; instances beyond ``in_service`` are pending."""

    name: str
    desired: int = 2
    in_service: int = 2
    suspended: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class ServiceQuota:
    """One quota; ``dimensions`` name its metric under AWS/Usage, none: its use is not counted."""

    service: str
    code: str
    name: str
    value: float
    dimensions: Mapping[str, str] = field(default_factory=dict)
    metric: str = "ResourceCount"
    per_second: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of AWS Health; ``region`` empty is the place's own."""

    service: str
    kind: str
    category: str = "issue"
    status: str = "open"
    region: str = ""
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class Rollout:
    """One deployment of a service."""

    state: str = "COMPLETED"
    reason: str = "ECS deployment completed."
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class Workload:
    """One service of a cluster, with its deployments."""

    cluster: str
    name: str
    desired: int = 2
    running: int = 2
    rollouts: tuple[Rollout, ...] = (Rollout(),)
    tags: Mapping[str, str] = field(default_factory=dict)
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class OneOff:
    """A task that stopped at ``since``, with the exit code of each container; AWS lists it for an hour.

    Containers at its ``side`` are not essential in the definition of its family.
    """

    cluster: str
    family: str
    id: str
    since: float
    codes: Mapping[str, int] = field(default_factory=lambda: {"app": 0})
    stop_code: str = "EssentialContainerExited"
    group: str = ""
    side: frozenset[str] = frozenset()

    @property
    def until(self) -> float:
        """When it is forgotten."""
        return self.since + 3600


@dataclass(frozen=True, slots=True)
class Mail:
    """The sending account of a place."""

    enforcement: str = "HEALTHY"
    sending: bool = True
    sent: float = 0.0
    most: float = 50_000.0
    since: float = -inf
    until: float = inf


@dataclass(frozen=True, slots=True)
class Announced:
    """Everything of one account and region; ``health`` None: the support plan does not have the API."""

    machines: tuple[Machine, ...] = ()
    groups: tuple[ScalingGroup, ...] = ()
    quotas: tuple[ServiceQuota, ...] = ()
    health: tuple[Notice, ...] | None = None
    workloads: tuple[Workload, ...] = ()
    tasks: tuple[OneOff, ...] = ()
    mail: tuple[Mail, ...] = (Mail(),)
