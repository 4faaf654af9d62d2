"""All labels of an alert: automatic, from the rule, from its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.errors import TemplateError
from watchtower.model import EMPTY, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.model import Observation, Priority, State
    from watchtower.rulebook.rule import Rule
    from watchtower.templates import Template


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule's templates may speak of."""

    labels: Labels
    value: float | None = None
    reason: str = ""
    priority: Priority | None = None
    state: State | None = None
    annotations: Labels = EMPTY

    def render(self, template: Template) -> str:
        """Fill a template in; raises TemplateError."""
        text = {"reason": self.reason, "priority": _word(self.priority), "state": _word(self.state)}
        target = {"target": self.labels["target"]} if "target" in self.labels else {}
        return template.render(labels=self.labels, value=self.value, annotations=self.annotations, **text, **target)


def _word(value: object) -> str:
    return "" if value is None else str(value)


def render_all(templates: Mapping[str, Template], facts: Facts) -> tuple[Labels, tuple[str, ...]]:
    """Every template rendered, and a note for each that failed: that one is left empty, nothing is lost."""
    if not templates:
        return EMPTY, ()
    rendered, notes = {}, []
    for name, template in templates.items():
        try:
            rendered[name] = facts.render(template)
        except TemplateError as error:
            rendered[name] = ""
            notes.append(f"`{name}` is left empty: {error}")
    return Labels(rendered), tuple(notes)


def labels_of(
    rule: Rule,
    observation: Observation,
    environment: str,
    priority: Priority | None,
    value: float | None = None,
) -> tuple[Labels, tuple[str, ...]]:
    """All labels of an alert of this rule at this priority, and notes on templates that failed.

    Later ones win: automatic, the rule's, the level's that has this priority, context, identity.
    """
    known = known_labels(rule, observation, environment, priority)
    templates = dict(rule.labels)
    for level in rule.levels:
        if level.priority is priority:
            templates.update(level.labels)
    if not templates:
        return known, ()
    own, notes = render_all(templates, Facts(known, value, observation.reason, priority))
    return known.merged(own, observation.context, observation.identity), notes


def known_labels(rule: Rule, observation: Observation, environment: str, priority: Priority | None) -> Labels:
    """The labels that no template makes: automatic, context and identity."""
    known = [("alert", rule.name), ("group", rule.group), ("source", rule.source), ("environment", environment)]
    if priority is not None:
        known.append(("priority", str(priority)))
    return Labels([*known, *observation.context.pairs, *observation.identity.pairs])
