"""The labels of a test's series: those given, and those that follow from its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.inventory.patterns import ValuePattern
from watchtower.model import Labels
from watchtower.sources.announced.query import ResourceQuery
from watchtower.sources.balance.query import BalanceQuery
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.ecr.query import EcrQuery
from watchtower.sources.heartbeat.query import HeartbeatQuery
from watchtower.sources.inspector.query import InspectorQuery
from watchtower.sources.logs.query import LogsQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.rds.query import RdsBalanceQuery, RdsTopologyQuery
from watchtower.sources.table import spec_of
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchtower.rulebook.rule import Rule


def series_labels(rule: Rule, given: Mapping[str, str], account: str, region: str) -> tuple[Labels, Labels]:
    """Identity and context labels of a series.

    A label that is not part of the identity is context, as a tag is. Raises ValueError when the series lacks a label
    that every series of the rule has, or has a dimension that the rule does not take.
    """
    names = spec_of(rule.source).identity_of(rule.query)
    known = {"account": account, "region": region, **_following(rule.query)}
    identity = {**{name: value for name, value in known.items() if name in names}, **given}
    missing = sorted(names - set(identity))
    if missing:
        hint = did_you_mean(missing[0], given)
        raise ValueError(f"a series of {rule.name} has the label `{missing[0]}`; give it here{_instead(hint)}")
    own = Labels({name: value for name, value in identity.items() if name in names})
    _check_taken(rule, own)
    context = {**_context(rule.query, own), **{name: value for name, value in given.items() if name not in names}}
    return own, Labels(context)


def _check_taken(rule: Rule, identity: Labels) -> None:
    for name, pattern in _patterns(rule.query):
        if name in identity and not pattern.matches(identity[name]):
            raise ValueError(f"{rule.name} takes no series whose `{name}` is `{identity[name]}`; it asks for {pattern}")


def _patterns(query: object) -> Iterator[tuple[str, ValuePattern]]:
    """What identity labels must look like."""
    if isinstance(query, CloudWatchQuery):
        for member in query.members.values():
            yield from member.dimensions.items()
    elif isinstance(query, BalanceQuery):
        yield from query.dimensions.items()
    elif isinstance(query, LogsQuery):
        yield "log_group", query.groups
    elif isinstance(query, EcrQuery):
        yield "repository", query.repositories
        if query.tags is not None:
            yield "tag", query.tags
    elif isinstance(query, InspectorQuery):
        yield "resource_type", ValuePattern(query.resources)
    elif isinstance(query, RdsBalanceQuery | RdsTopologyQuery):
        yield "cluster", query.clusters
    elif isinstance(query, ResourceQuery):
        yield "resource", query.resources


def _instead(hint: str) -> str:
    return hint.replace("did you mean", "not").replace("?", "") if hint else ""


def _following(query: object) -> dict[str, str]:
    """Identity labels that can have one value only."""
    if isinstance(query, CloudWatchQuery):
        return {name: value for member in query.members.values() for name, value in member.exact.items()}
    if isinstance(query, BalanceQuery):
        exact = {name: pattern.exact for name, pattern in query.dimensions.items()}
        return {name: value for name, value in exact.items() if value is not None}
    if isinstance(query, LogsQuery):
        return {"log_group": query.groups.exact} if query.groups.exact is not None else {}
    if isinstance(query, EcrQuery):
        return {"repository": query.repositories.exact} if query.repositories.exact is not None else {}
    if isinstance(query, InspectorQuery):
        return {"resource_type": query.resources[0]} if len(query.resources) == 1 else {}
    if isinstance(query, ResourceQuery):
        return {"resource": query.resources.exact} if query.resources.exact is not None else {}
    if isinstance(query, HeartbeatQuery):
        return {"target": query.name}
    if isinstance(query, ProbeQuery):
        targets = query.all_targets
        kind = {"kind": query.asked.kind}
        return {**kind, "target": targets[0].target} if len(targets) == 1 else kind
    return {}


def _context(query: object, identity: Labels) -> Mapping[str, str]:
    """The labels that a probe's target brings."""
    if isinstance(query, ProbeQuery):
        return next((one.labels for one in query.all_targets if one.target == identity["target"]), {})
    return {}
