"""Series whose resource is gone: CloudWatch lists a metric for two weeks after whatever wrote it was deleted.

The tags say more: GetResources lists every resource that has tags, or once had, for as long as it exists
(https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html). A resource that was
there and is not there any more is gone; of one that was never there nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.inventory.discovery import Values


@dataclass(frozen=True, slots=True)
class Owners:
    """Of the listed series, by their open values: ``had`` have had a resource, ``gone`` have none any more."""

    had: frozenset[Values] = frozenset()
    gone: frozenset[Values] = frozenset()


NOBODY = Owners()


def owners(before: Owners, listed: Iterable[Values], owned: Iterable[Values] | None) -> Owners:
    """Who has a resource now; ``owned`` None: tags could never be read, so that what was known stands."""
    there = frozenset(listed)
    if owned is None:
        return Owners(before.had & there, before.gone & there)
    now = frozenset(owned)
    had = (before.had | now) & there
    return Owners(had, had - now)
