"""Which routes an alert of a rule could take, as far as its labels are known before it exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchtower.aws.config import label_of_tag
from watchtower.matchers import Operator
from watchtower.notifiers.table import NOTIFIERS
from watchtower.sources.table import spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from watchtower.config.model import Config
    from watchtower.config.reading import Reading
    from watchtower.incidents.routing import Route
    from watchtower.matchers import Matcher
    from watchtower.model import Priority
    from watchtower.rulebook.rule import Rule
    from watchtower.templates import Template

    Known = Mapping[str, str | None]

_ANYTHING = frozenset({".*", "(.*)", "^.*$"})
_SOMETHING = frozenset({".+", "(.+)", "^.+$"})
_NEVER_EMPTY = frozenset({"alert", "group", "source", "environment", "priority"})
_OWN = "Watchtower"


def alerts_of(reading: Reading) -> list[Known] | None:
    """The labels, as far as known, of every alert that the rules can make, once for each priority.

    None while a rule is faulty: nobody can tell.
    """
    if reading.rules.faults:
        return None
    return [
        known_labels(rule, level.priority, reading.config)
        for rule in reading.rules.rules
        if rule.enabled
        for level in (*rule.levels, *(level for override in rule.overrides for level in override.levels))
    ]


def destinations(reading: Reading) -> dict[str, str]:
    """Where each channel that could be read leads; two of one destination ring the same phones."""
    channels = reading.config.channels
    return {name: NOTIFIERS[channel.type].traits(name, channel).destination for name, channel in channels.items()}


def known_labels(rule: Rule, priority: Priority, config: Config) -> Mapping[str, str | None]:
    """The labels of the rule's alerts at a priority; None where the value is known only when one exists."""
    spec = spec_of(rule.source)
    tags = [label_of_tag(key) for key in config.aws.label_tags] if spec.placed else []
    labels: dict[str, str | None] = dict.fromkeys([*tags, *spec.context_of(rule.query), *spec.identity_of(rule.query)])
    labels |= {
        "alert": rule.name,
        "group": rule.group,
        "source": rule.source,
        "environment": config.environment,
        "priority": str(priority),
    }
    templates: dict[str, Template] = dict(rule.labels)
    for level in rule.levels:
        if level.priority is priority:
            templates.update(level.labels)
    for name, template in templates.items():
        labels[name] = template.text if template.fixed else None
    # Whether an override's labels are there hangs on the series.
    theirs = [level for override in rule.overrides for level in override.levels if level.priority is priority]
    labels.update({name: None for level in theirs if level not in rule.levels for name in level.labels})
    return labels


def possible_routes(routes: Iterable[Route], labels: Mapping[str, str | None]) -> Iterator[Route]:
    """The routes that could take such an alert, up to the first that surely takes it and ends the search."""
    for route in routes:
        answer = may_match(route.matchers, labels)
        if answer is not False:
            yield route
        if answer is True and not route.continues:
            return


def may_match(matchers: Iterable[Matcher], labels: Mapping[str, str | None]) -> bool | None:
    """Whether matchers accept the alert; None when that hangs on a label nobody knows yet."""
    sure = True
    for matcher in matchers:
        value = labels.get(matcher.label, "")
        if value is None:
            sure = False
        elif not matcher.matches({matcher.label: value}):
            return False
    return True if sure else None


def chosen(matchers: Iterable[Matcher], alerts: Iterable[Known]) -> list[Known]:
    """The alerts that matchers may accept."""
    matchers = tuple(matchers)
    return [labels for labels in alerts if may_match(matchers, labels) is not False]


def means_own(matchers: Iterable[Matcher]) -> bool:
    """Whether Watchtower's own alerts may be meant, of which no rule tells."""
    return any(matcher.label == "alert" and _OWN in matcher.value for matcher in matchers)


def accepts_all(matcher: Matcher) -> bool:
    """Whether every alert satisfies the matcher, whatever its labels."""
    anything = _ANYTHING | _SOMETHING if matcher.label in _NEVER_EMPTY else _ANYTHING
    return matcher.operator is Operator.MATCHES and matcher.value in anything
