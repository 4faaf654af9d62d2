"""Asks turned into series, from facts alone: pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from watchtower.aws.config import label_of_tag
from watchtower.model import EMPTY, Labels
from watchtower.sources.cloudwatch import join
from watchtower.sources.cloudwatch.facts import open_keys
from watchtower.sources.cloudwatch.memory import Memory
from watchtower.sources.cloudwatch.naming import label_name, metric_name
from watchtower.sources.cloudwatch.owners import NOBODY, Owners, owners
from watchtower.sources.cloudwatch.plan import ask_hash
from watchtower.sources.cloudwatch.series import Expansion, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchtower.inventory.discovery import Values
    from watchtower.inventory.tags import Resource
    from watchtower.sources.base import Ask, Place, Unit
    from watchtower.sources.cloudwatch.facts import Facts
    from watchtower.sources.cloudwatch.query import CloudWatchQuery
    from watchtower.sources.cloudwatch.series import Wanted


#: What the series of an ask were made from; equal facts make equal series.
Basis = tuple[object, ...]


class Expander:
    """Makes series, and makes them again only when the facts behind them changed."""

    def __init__(self, label_tags: tuple[str, ...]) -> None:
        self._label_tags = label_tags
        self._made: dict[tuple[str, str], tuple[Basis, Expansion]] = {}

    def expand(self, unit: Unit, facts: Facts) -> list[Expansion]:
        """The series of every ask of a unit."""
        return [self._expand(unit, ask, facts) for ask in unit.asks]

    def _expand(self, unit: Unit, ask: Ask, facts: Facts) -> Expansion:
        basis = _basis(ask, facts)
        before, made = self._made.get((unit.id, ask.rule), (None, None))
        if made is None or before != basis:
            known = made.owners if made else facts.remembered.owners.get(ask_hash(ask), NOBODY)
            made = expand(ask, facts, self._label_tags, known)
            self._made[unit.id, ask.rule] = (basis, made)
        return made


def _basis(ask: Ask, facts: Facts) -> Basis:
    query: CloudWatchQuery = ask.query
    listed = [facts.listed[key] for key in open_keys(facts.place, query)]
    taggings = [facts.taggings[name] for name in query.namespaces if name in facts.taggings]
    remembered = facts.remembered.tagged.get(ask_hash(ask)) if query.tags else None
    return (ask, facts.account_id, *listed, *taggings, remembered)


def expand(ask: Ask, facts: Facts, label_tags: tuple[str, ...], before: Owners) -> Expansion:
    """The series of an ask; not complete when any listing behind it is not fresh."""
    query: CloudWatchQuery = ask.query
    known = _owners(query, facts, before)
    chosen = tuple(values for values in _chosen(ask, facts) if values not in known.gone)
    series = tuple(_series(facts, query, values, label_tags) for values in chosen)
    gone = tuple(_identity(facts, join.dimensions(join.wanted(query, values))) for values in sorted(known.gone))
    return Expansion(ask, chosen, series, _fresh(query, facts), gone, known)


def _owners(query: CloudWatchQuery, facts: Facts, before: Owners) -> Owners:
    if not any(name in facts.taggings for name in query.namespaces):
        return NOBODY
    listed = join.joined(query, _found(query, facts))
    if any(facts.taggings[name].resources is None for name in query.namespaces if name in facts.taggings):
        return owners(before, listed, None)
    owned = (values for values in listed if _resource(query, facts, join.dimensions(join.wanted(query, values))))
    return owners(before, listed, owned)


def remembered(facts: Facts, expansions: Iterable[Expansion]) -> Memory:
    """What the next process must know if its first listings fail."""
    listed = {key: found.items for key, found in facts.listed.items() if found.items is not None}
    tagged = {
        ask_hash(expansion.ask): expansion.values
        for expansion in expansions
        if expansion.ask.query.tags and _tags_known(expansion.ask.query, facts)
    }
    kept = {name: values for name, values in facts.remembered.tagged.items() if name not in tagged}
    asked = {ask_hash(expansion.ask) for expansion in expansions}
    known = {ask_hash(expansion.ask): expansion.owners for expansion in expansions if expansion.owners.had}
    return Memory(listed, tagged | {name: values for name, values in kept.items() if name in asked}, known)


def _chosen(ask: Ask, facts: Facts) -> tuple[Values, ...]:
    """Which open values an ask has: listed ones its tags accept; while tags were never read, those remembered."""
    query: CloudWatchQuery = ask.query
    if not query.tags:
        return join.joined(query, _found(query, facts))
    if not _tags_known(query, facts):
        return tuple(sorted(facts.remembered.tagged.get(ask_hash(ask), ())))
    found = join.joined(query, _found(query, facts))
    return tuple(values for values in found if _tags_fit(query, facts, join.wanted(query, values)))


def _tags_known(query: CloudWatchQuery, facts: Facts) -> bool:
    return all(facts.taggings[name].resources is not None for name in query.namespaces)


def _found(query: CloudWatchQuery, facts: Facts) -> dict[str, frozenset[Values]]:
    opened = [name for name, member in query.members.items() if member.open_names]
    keys = open_keys(facts.place, query)
    return {name: facts.listed[key].items or frozenset() for name, key in zip(opened, keys, strict=True)}


def _fresh(query: CloudWatchQuery, facts: Facts) -> bool:
    listed = all(facts.listed[key].fresh for key in open_keys(facts.place, query))
    return listed and (not query.tags or all(facts.taggings[name].fresh for name in query.namespaces))


def _tags_fit(query: CloudWatchQuery, facts: Facts, wanted: Wanted) -> bool:
    resource = _resource(query, facts, join.dimensions(wanted))
    if resource is None:
        return False
    return all(key in resource.tags and like.matches(resource.tags[key]) for key, like in query.tags.items())


def _resource(query: CloudWatchQuery, facts: Facts, dimensions: Mapping[str, str]) -> Resource | None:
    """The tagged resource that the dimensions name, in the first namespace that knows one."""
    for name in query.namespaces:
        tagging = facts.taggings.get(name)
        found = tagging.resources.named_by(dimensions) if tagging and tagging.resources else None
        if found is not None:
            return found
    return None


def _series(facts: Facts, query: CloudWatchQuery, values: Values, label_tags: tuple[str, ...]) -> Series:
    wanted = join.wanted(query, values)
    dimensions = join.dimensions(wanted)
    resource = _resource(query, facts, dimensions)
    tags = [(key, resource.tags[key]) for key in label_tags if resource and key in resource.tags]
    identity = _identity(facts, dimensions)
    account = [("account_id", facts.account_id)] if facts.account_id else []
    named = [(label_of_tag(key), value) for key, value in tags if label_of_tag(key) not in identity]
    sample = None
    if wanted.expression is None:
        sample = _sample(facts, wanted, resource.arn if resource else "global", tags)
    context = Labels([*named, *account]) if named or account else EMPTY
    return Series(identity, context, wanted, sample, join.band(query, wanted))


def _identity(facts: Facts, dimensions: Mapping[str, str]) -> Labels:
    return Labels([*dimensions.items(), *_of_place(facts.place)])


@lru_cache(maxsize=1024)
def _of_place(place: Place) -> tuple[tuple[str, str], ...]:
    """The labels of a place, the same objects for all its series: otherwise they are a tenth of the memory."""
    return ("account", place.account), ("region", place.region)


def _sample(facts: Facts, wanted: Wanted, name: str, tags: list[tuple[str, str]]) -> tuple[str, Labels]:
    """``name`` is the resource's ARN, or ``global`` where none is known, as CloudWatch exporters write it."""
    [(_, stat)] = wanted.stats
    labels = {"account_id": facts.account_id or "", "region": facts.place.region, "name": name}
    labels |= {label_name("dimension", dimension): value for dimension, value in stat.dimensions.items()}
    labels |= {label_name("tag", key): value for key, value in tags}
    return metric_name(stat.namespace, stat.metric, stat.statistic), Labels(labels)
