"""Every source there is: a new one is a module, a row here and a test."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.composite import HEARTBEAT, CompositeQuery
from watchtower.sources.probe.query import ProbeQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchtower.sources.base import Query


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What the rulebook must know of a source.

    ``period_of`` gives the seconds of one datapoint of a query; ``identity_of`` and ``context_of`` the names of the
    labels its alerts can carry (design section 4). ``placed``: its alerts belong to an account and a region.
    ``slides``: its datapoints can be asked for over any window, so that ``window: sliding`` means something.
    """

    name: str
    query: type[Query]
    period_of: Callable[[Any], int]
    identity_of: Callable[[Any], frozenset[str]]
    context_of: Callable[[Any], frozenset[str]]
    placed: bool
    slides: bool = False


def _cloudwatch_identity(query: CloudWatchQuery) -> frozenset[str]:
    """Every dimension, but for those that metrics of an expression fix to different values."""
    fixed: dict[str, set[str | None]] = {}
    for member in query.members.values():
        for name, pattern in member.dimensions.items():
            fixed.setdefault(name, set()).add(pattern.exact)
    return frozenset({"account", "region", *(name for name, values in fixed.items() if len(values) == 1)})


def _probe_context(query: ProbeQuery) -> frozenset[str]:
    return frozenset({"phase", "address", *(name for target in query.targets for name in target.labels)})


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
        ),
        "probe": SourceSpec(
            "probe",
            ProbeQuery,
            period_of=lambda query: int(query.period),
            identity_of=lambda _: frozenset({"target", "kind"}),
            context_of=_probe_context,
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

#: Source keys of the rule grammar that are refused, not ignored, until their source is built.
LATER_SOURCES = (
    "logs",
    "ecr",
    "inspector",
    "rds_balance",
    "balance",
    "rds_topology",
    "ec2_events",
    "asg",
    "quota",
    "health",
    "ecs",
    "ses",
    "heartbeat",
)
