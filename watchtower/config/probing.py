"""What is questionable about probes: warnings that need the rules, or rules and configuration together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.aws.config import label_of_tag
from watchtower.durations import format_duration
from watchtower.faults import Severity, did_you_mean
from watchtower.matchers import parse_matchers
from watchtower.sources.table import SOURCES
from watchtower.sources.uptime.burn import told_by_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft


def check_probing(reading: Reading) -> Iterator[Fault]:
    """Every warning about probes."""
    for one in (_coarse, _contrary, _nobodys):
        for fault in one(reading):
            yield replace(fault, severity=Severity.WARNING)


def _coarse(reading: Reading) -> Iterator[Fault]:
    """Objectives whose rates a single failed look reaches."""
    for draft in reading.rules.drafts:
        slo, interval = draft.model.slo, getattr(draft.query, "period", None)
        if slo is None or not interval or getattr(draft.query, "value", "success") != "success":
            continue
        if (pair := told_by_one(slo, interval)) is not None:
            rate = interval / pair.long / slo.allowed
            yield draft.fault(
                ("slo",),
                f"one failed look in {format_duration(pair.long)} is already {rate:.3g} times what {slo.objective:g} % "
                f"allows (told from {pair.rate(slo.window):.3g} times on), so only a second one tells; look more often "
                f"than every {format_duration(interval)}",
                key=True,
            )


def _contrary(reading: Reading) -> Iterator[Fault]:
    """Conditions on success that hold while the target is up."""
    for draft in reading.rules.drafts:
        if getattr(draft.query, "value", None) != "success":
            continue
        for level in draft.levels:
            if any(interval.has(1.0) for interval in level.condition.intervals):
                message = (
                    f"`{level.condition.text}` alarms while the target is up, which is 1; `down` is meant, perhaps"
                )
                yield draft.fault(("when", level.priority.name), message)


def _nobodys(reading: Reading) -> Iterator[Fault]:
    """Scopes that ask for a label that no target carries."""
    probed = [draft for draft in reading.rules.drafts if "probe" in draft.sources]
    if not probed or any(draft.query is None for draft in probed):
        return
    carried = {label for draft in probed for label in _labels(draft, reading.config.aws.label_tags)}
    for name, scope in reading.config.probes.scopes.items():
        for place, text in enumerate(scope.match):
            for matcher in parse_matchers([text]):
                if matcher.label not in carried and not matcher.matches({}):
                    message = f"no target of these rules carries the label `{matcher.label}`"
                    loc = ("probes", "scopes", name, "match", place)
                    yield reading.document.fault(loc, f"{message}{did_you_mean(matcher.label, carried)}")


def _labels(draft: Draft, tags: tuple[str, ...] | list[str]) -> frozenset[str]:
    """What canaries can be chosen by: the labels of a target and those that tell its series."""
    where = draft.query.where
    tagged = map(label_of_tag, tags) if where is not None and where.aws else ()
    return frozenset({*draft.query.target_labels, *SOURCES["probe"].identity_of(draft.query), *tagged})
