"""Since when something has been as it is, from look to look: pure. AWS tells what is, not since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watchtower.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Shortfall(NamedTuple):
    """Fewer are there than are wanted, ``since`` (epoch seconds) it began or more were wanted."""

    since: int
    desired: int
    missing: int

    def counted(self, grace: float, now: int) -> float:
        """How many are missing, 0 within the grace period."""
        return float(self.missing) if now - self.since >= grace else 0.0

    def told(self, said: str, grace: float, now: int) -> str:
        """The shortfall in words."""
        age = format_duration((now - self.since) // 60 * 60)
        lasts = f"for {age}" if now - self.since >= 60 else "just now"
        return f"{said}, {lasts}" + ("" if self.counted(grace, now) else f"; {format_duration(grace)} are allowed")


def shortfall(before: Sequence[int] | None, desired: int, there: int, now: int) -> Shortfall | None:
    """The shortfall now; ``before`` is the one of the look before.

    It goes on from look to look, but begins anew when more are wanted than before: that is scaling in progress. A group
    whose launches fail stops wanting more at its maximum.
    """
    if there >= desired:
        return None
    old = Shortfall(*before) if before else None
    since = old.since if old is not None and desired <= old.desired else now
    return Shortfall(since, desired, desired - there)


def since_of(before: Mapping[str, int], there: Iterable[str], now: int) -> dict[str, int]:
    """Since when each is there."""
    return {name: before.get(name, now) for name in sorted(there)}
