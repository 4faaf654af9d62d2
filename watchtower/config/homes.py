"""Rules that ask for metrics where there are none: some namespaces live in one region alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchtower.faults import Severity
from watchtower.sources.cloudwatch.homes import HOMES, OTHER_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchtower.config.reading import Reading
    from watchtower.faults import Fault
    from watchtower.rulebook.draft import Draft


def check_homes(reading: Reading) -> Iterator[Fault]:
    """A warning for each rule that asks in none of its accounts where its metrics are."""
    for draft in reading.rules.drafts:
        asked = _regions(draft, reading)
        homeless = [name for name in getattr(draft.query, "namespaces", ()) if HOMES.get(name, "") not in {"", *asked}]
        if homeless and asked and draft.model.enabled:
            message = (
                f"the metrics of {homeless[0]} are in {HOMES[homeless[0]]} alone, "
                "which is none of this rule's regions: it will find nothing"
            )
            loc = ("regions",) if draft.model.regions else (draft.sources[0],)
            yield replace(draft.fault(loc, message, key=not draft.model.regions), severity=Severity.WARNING)


def _regions(draft: Draft, reading: Reading) -> set[str]:
    """Where a rule asks, as far as it is known here which metrics are there."""
    accounts = [
        one for one in reading.config.aws.accounts if not draft.model.accounts or one.name in draft.model.accounts
    ]
    regions = {region for one in accounts for region in one.regions}
    chosen = regions & set(draft.model.regions) if draft.model.regions else regions
    return {region for region in chosen if not region.startswith(OTHER_PARTITIONS)}
