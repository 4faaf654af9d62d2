"""What came back from a site, as far as a rule may expect something of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchtower.sources.probe.evidence import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer; headers are lists of values by lower case name, ``size`` is in bytes of the decoded body.

    ``leads`` is where the answer's own redirect leads, else where it came from when redirects were followed, else
    empty. ``duration`` in seconds over all hops; ``certificate_days`` None without TLS. ``hide`` are our secrets.
    """

    status: int
    headers: Mapping[str, tuple[str, ...]]
    size: int
    text: str
    leads: str
    duration: float
    certificate_days: float | None
    hide: tuple[str, ...] = field(default=(), repr=False)

    def shown(self, text: str, most: int) -> str:
        """The site's words as a reason may tell them: without our secrets, and only then cut."""
        return shortened(text, self.hide, most)
