"""Every source there is: a new one is a module, a row here and a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from watchtower.model import Priority
from watchtower.sources.announced.asg import AsgQuery
from watchtower.sources.announced.ec2_events import Ec2EventsQuery
from watchtower.sources.announced.ecs import EcsQuery
from watchtower.sources.announced.health import HealthQuery
from watchtower.sources.announced.quota import QuotaQuery
from watchtower.sources.announced.ses import SesQuery
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.composite import HEARTBEAT, CompositeQuery
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.heartbeat.query import PERIOD, HeartbeatQuery
from watchtower.sources.inspector.query import InspectorQuery
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.permissions import NEEDS
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery
from watchtower.sources.uptime.query import BurnQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.sources.announced.query import ResourceQuery
    from watchtower.sources.base import Query
    from watchtower.sources.permissions import Needs


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What the rulebook must know of a source.

    ``period_of`` gives the seconds of one datapoint of a query; ``identity_of`` and ``context_of`` the names of the
    labels its alerts can carry (design section 4). ``placed``: its alerts belong to an account and a region.
    ``slides``: its datapoints can be asked for over any window, so that ``window: sliding`` means something.
    ``needs`` are the IAM actions that its queries call. ``most_urgent_of`` is the most urgent priority that a query may
    have, and why no more.
    """

    name: str
    query: type[Query]
    period_of: Callable[[Any], int]
    identity_of: Callable[[Any], frozenset[str]]
    context_of: Callable[[Any], frozenset[str]]
    placed: bool
    slides: bool = False
    needs: Needs = field(default_factory=dict)
    most_urgent_of: Callable[[Any], tuple[Priority, str]] = lambda _: (Priority.P1, "")

    def actions(self, query: Any) -> frozenset[str]:
        """What a query of this source must be allowed to call."""
        return frozenset(action for action, needed in self.needs.items() if needed(query))


def _cloudwatch_identity(query: CloudWatchQuery) -> frozenset[str]:
    """Every dimension, but for those that metrics of an expression fix to different values."""
    fixed: dict[str, set[str | None]] = {}
    for member in query.members.values():
        for name, pattern in member.dimensions.items():
            fixed.setdefault(name, set()).add(pattern.exact)
    return frozenset({"account", "region", *(name for name, values in fixed.items() if len(values) == 1)})


def _balance_identity(query: BalanceQuery) -> frozenset[str]:
    return frozenset({"account", "region", *query.by})


#: Of peers: who carries most and who least.
_EXTREMES = frozenset({"hottest", "idlest"})
_CLUSTER = frozenset({"account", "region", "cluster"})


def _most_urgent_probe(query: ProbeQuery) -> tuple[Priority, str]:
    """A page that changed is somebody's edit far more often than an attack: nobody is woken for it."""
    if query.value == "content":
        return Priority.P3, "a changed content is at most P3: most changes are somebody's own"
    return Priority.P1, ""


def _ecr_identity(query: EcrQuery) -> frozenset[str]:
    return frozenset({"account", "region", "repository", *(["tag"] if query.tags is not None else [])})


def _resources(query: type[ResourceQuery], *context: str) -> SourceSpec:
    """A source that looks at resources: each has a name, and what else is known of it."""
    return SourceSpec(
        query.source,
        query,
        period_of=lambda asked: int(asked.period),
        identity_of=lambda _: frozenset({"account", "region", "resource"}),
        context_of=lambda _: frozenset(context),
        placed=True,
        needs=NEEDS[query.source],
    )


def _probe_context(query: ProbeQuery) -> frozenset[str]:
    return frozenset({"phase", "address", *query.target_labels})


SOURCES: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "cloudwatch": SourceSpec(
            "cloudwatch",
            CloudWatchQuery,
            period_of=lambda query: int(query.period),
            identity_of=_cloudwatch_identity,
            context_of=lambda _: frozenset({"account_id"}),
            placed=True,
            slides=True,
            needs=NEEDS["cloudwatch"],
        ),
        "rds_balance": SourceSpec(
            "rds_balance",
            RdsBalanceQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda _: _CLUSTER,
            context_of=lambda _: _EXTREMES,
            placed=True,
            needs=NEEDS["rds_balance"],
        ),
        "rds_topology": SourceSpec(
            "rds_topology",
            RdsTopologyQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda _: _CLUSTER,
            context_of=lambda _: frozenset(),
            placed=True,
            needs=NEEDS["rds_topology"],
        ),
        "balance": SourceSpec(
            "balance",
            BalanceQuery,
            period_of=lambda query: int(query.period),
            identity_of=_balance_identity,
            context_of=lambda _: _EXTREMES | {"account_id"},
            placed=True,
            needs=NEEDS["balance"],
        ),
        "logs": SourceSpec(
            "logs",
            LogsQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda _: frozenset({"account", "region", "log_group"}),
            context_of=lambda _: frozenset({"account_id"}),
            placed=True,
            slides=True,
            needs=NEEDS["logs"],
        ),
        "ecr": SourceSpec(
            "ecr",
            EcrQuery,
            period_of=lambda query: int(query.period),
            identity_of=_ecr_identity,
            context_of=lambda query: frozenset({"digest", *(["tag"] if query.tags is None else [])}),
            placed=True,
            needs=NEEDS["ecr"],
        ),
        "inspector": SourceSpec(
            "inspector",
            InspectorQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda _: frozenset({"account", "region", "resource", "resource_type"}),
            context_of=lambda _: frozenset({"account_id"}),
            placed=True,
            needs=NEEDS["inspector"],
        ),
        "ec2_events": _resources(Ec2EventsQuery, "zone", "kind", "not_before"),
        "asg": _resources(AsgQuery),
        "quota": _resources(QuotaQuery, "service", "quota"),
        "health": _resources(HealthQuery, "kind", "category"),
        "ecs": _resources(EcsQuery, "cluster", "service", "family"),
        "ses": _resources(SesQuery, "enforcement"),
        "probe": SourceSpec(
            "probe",
            ProbeQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda query: frozenset({"target", *query.identities[0]}),
            context_of=_probe_context,
            placed=False,
            most_urgent_of=_most_urgent_probe,
            needs=NEEDS["probe"],
        ),
        "heartbeat": SourceSpec(
            "heartbeat",
            HeartbeatQuery,
            period_of=lambda _: PERIOD,
            identity_of=lambda _: frozenset({"target"}),
            context_of=lambda _: frozenset(),
            placed=False,
        ),
        "composite": SourceSpec(
            "composite",
            CompositeQuery,
            period_of=lambda _: HEARTBEAT,
            identity_of=lambda query: frozenset(query.by),
            context_of=lambda _: frozenset(),
            placed=False,
        ),
    }
)

#: Sources that no rule names: the rules that ask them are made from others.
DERIVED: Mapping[str, SourceSpec] = MappingProxyType(
    {
        "uptime": SourceSpec(
            "uptime",
            BurnQuery,
            period_of=lambda _: 60,
            identity_of=lambda query: frozenset(query.identity),
            context_of=lambda query: query.context,
            placed=False,
        ),
    }
)


def spec_of(source: str) -> SourceSpec:
    """What is to be known of a rule's source."""
    return SOURCES.get(source) or DERIVED[source]
