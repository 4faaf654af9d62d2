"""Series that an override judges by other levels, sorted into batches that are judged alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.evaluation.labels import Facts, known_labels, render_all
from watchtower.matchers import matches_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.model import Labels, Observation
    from watchtower.rulebook.rule import Rule


def variants(rule: Rule, series: Sequence[Observation], environment: str) -> list[tuple[Rule, Sequence[Observation]]]:
    """The rule as it is for some series, and those series; of several overrides the first that matches counts.

    Matchers read the alert's labels, but for ``priority`` and those that only a priority adds.
    """
    if not rule.overrides:
        return [(rule, series)]
    asked = {matcher.label for override in rule.overrides for matcher in override.matchers}
    templates = {name: template for name, template in rule.labels.items() if name in asked}
    alike: dict[int, list[Observation]] = {}
    for each in series:
        labels = known_labels(rule, each, environment, None)
        if templates:
            labels = render_all(templates, Facts(labels, reason=each.reason))[0].merged(labels)
        alike.setdefault(_first_match(rule, labels), []).append(each)
    return [
        (replace(rule, levels=rule.overrides[number].levels) if number >= 0 else rule, those)
        for number, those in sorted(alike.items())
    ]


def _first_match(rule: Rule, labels: Labels) -> int:
    """The number of the override that applies; -1 when none does."""
    return next(
        (number for number, override in enumerate(rule.overrides) if matches_all(override.matchers, labels)), -1
    )
