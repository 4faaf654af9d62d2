"""What every notifier is: a pure payload and one send.

Retries, order, pacing and debt belong to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import aiohttp

    from watchtower.aws.clients import AwsClients
    from watchtower.incidents.model import ChannelTraits
    from watchtower.model import Delivery, Notice, Receipt

#: Seconds one request to a vendor may take in total; shorter than the channel's lease.
REQUEST_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so many ``events`` within any ``seconds``: what the vendor bears."""

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Doors:
    """The two doors to the outside that notifiers share; ``timeout`` bounds one whole send, in seconds.

    ``painter`` draws graphs; None where nobody is shown any.
    """

    http: aiohttp.ClientSession
    aws: AwsClients
    timeout: float = REQUEST_TIMEOUT
    painter: Painter | None = None


@dataclass(frozen=True, slots=True)
class Bulletin:
    """Something that is told past the outbox, once: no incident's, and nothing that the store remembers."""

    summary: str
    source: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Pager(Protocol):
    """A notifier that can wake somebody where the store cannot help; each call raises Rejected or Ambiguous."""

    async def ring(self, key: str, bulletin: Bulletin) -> None:
        """Wake somebody; again under the same key changes nothing until it is over."""
        ...

    async def over(self, key: str) -> None:
        """What rang under the key is over."""
        ...


@runtime_checkable
class ChangeLog(Protocol):
    """A notifier that can record what changed without waking anybody."""

    @property
    def wants_changes(self) -> bool:
        """It is configured to."""
        ...

    async def record(self, bulletin: Bulletin) -> None:
        """Record a change; raises Rejected or Ambiguous."""
        ...


class Painter(Protocol):
    """Draws what a notice is about."""

    async def paint(self, notice: Notice, *, by_aws: bool = False) -> bytes:
        """A PNG; ``by_aws`` as AWS draws it, where it does. Raises Rejected."""
        ...


class Notifier(Protocol):
    """One configured channel."""

    @property
    def traits(self) -> ChannelTraits:
        """What the flush must know of this channel."""
        ...

    def pace(self, delivery: Delivery) -> Pace | None:
        """The limit that such a delivery counts against; None when it counts against none."""
        ...

    def doubles(self, delivery: Delivery) -> bool:
        """Whether sending it a second time shows it a second time, if the first arrived."""
        ...

    async def send(self, delivery: Delivery) -> Receipt:
        """Send once, within REQUEST_TIMEOUT; raises Rejected or Ambiguous, nothing else."""
        ...

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look whether an ambiguous delivery arrived after all.

        None when the vendor cannot tell or did not see it.

        Raises Rejected or Ambiguous when the question itself failed.
        """
        ...


@runtime_checkable
class Illustrator(Protocol):
    """A notifier under whose messages pictures can be shown."""

    @property
    def graphs(self) -> Notifier | None:
        """What sends them, apart from the text; None where nobody wants any."""
        ...


@runtime_checkable
class Informant(Protocol):
    """A notifier that can tell evidence that was late without waking anybody, and say that nothing new began."""

    @property
    def follow_ups(self) -> Notifier:
        """What sends it, apart from the text."""
        ...
