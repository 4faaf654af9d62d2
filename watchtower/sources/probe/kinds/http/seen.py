"""What came back from a site, as far as a rule may expect something of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer; header names are lower case, ``size`` is in bytes of the decoded body.

    ``leads`` is where the answer's own redirect leads, else where it came from when redirects were followed, else
    empty. ``duration`` in seconds over all hops; ``certificate_days`` None without TLS.
    """

    status: int
    headers: Mapping[str, str]
    size: int
    text: str
    leads: str
    duration: float
    certificate_days: float | None
