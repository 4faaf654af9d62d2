"""The labels of a test's series: those given, and those that follow from its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.model import Labels
from watchtower.sources.cloudwatch.query import CloudWatchQuery
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.table import SOURCES
from watchtower.yamlfile import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.rulebook.rule import Rule


def series_labels(rule: Rule, given: Mapping[str, str], account: str, region: str) -> tuple[Labels, Labels]:
    """Identity and context labels of a series.

    A label that is not part of the identity is context, as a tag is. Raises ValueError when the series lacks a label
    that every series of the rule has, or has a dimension that the rule does not take.
    """
    names = SOURCES[rule.source].identity_of(rule.query)
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
    members = rule.query.members.values() if isinstance(rule.query, CloudWatchQuery) else ()
    for name, pattern in ((name, pattern) for member in members for name, pattern in member.dimensions.items()):
        if name in identity and not pattern.matches(identity[name]):
            raise ValueError(f"{rule.name} takes no series whose `{name}` is `{identity[name]}`; it asks for {pattern}")


def _instead(hint: str) -> str:
    return hint.replace("did you mean", "not").replace("?", "") if hint else ""


def _following(query: object) -> dict[str, str]:
    """Identity labels that can have one value only."""
    if isinstance(query, CloudWatchQuery):
        return {name: value for member in query.members.values() for name, value in member.exact.items()}
    if isinstance(query, ProbeQuery):
        targets = query.all_targets
        return {"kind": "http", **({"target": targets[0].target} if len(targets) == 1 else {})}
    return {}


def _context(query: object, identity: Labels) -> Mapping[str, str]:
    """The labels that a probe's target brings."""
    if isinstance(query, ProbeQuery):
        return next((one.labels for one in query.all_targets if one.target == identity["target"]), {})
    return {}
