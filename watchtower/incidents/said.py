"""What an incident said when it was asked to speak."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.incidents.model import DeliveryBrief, Incident
    from watchtower.model import Delivery


@dataclass(frozen=True, slots=True)
class Said:
    """One incident after it was asked to speak.

    ``remarks`` are (outcome, reason) about what was not said, ``news`` about what concerns every alert that fires.
    """

    incident: Incident
    deliveries: tuple[Delivery, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    remarks: tuple[tuple[str, str], ...] = ()
    news: tuple[tuple[str, str], ...] = ()

    def adding(
        self,
        incident: Incident,
        deliveries: tuple[Delivery, ...] = (),
        *,
        withdrawn: tuple[tuple[str, str], ...] = (),
        news: tuple[tuple[str, str], ...] = (),
    ) -> Said:
        """The same, and more, of the incident as it is since."""
        return replace(
            self,
            incident=incident,
            deliveries=(*self.deliveries, *deliveries),
            withdrawn=(*self.withdrawn, *withdrawn),
            news=(*self.news, *news),
        )


def withdrawn(rows: Iterable[DeliveryBrief], reason: str) -> tuple[tuple[str, str], ...]:
    """These rows taken back."""
    return tuple((row.id, reason) for row in rows)
