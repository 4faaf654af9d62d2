"""Every error Watchtower raises on purpose, in one tree.

::

    WatchtowerError
    ├── ConfigError          configuration or rules that must not start; carries every fault
    │   └── Unreadable       a file that could not even be opened
    ├── TemplateError        a template could not be rendered
    ├── SourceError          a poll failed as a whole: state is held, the slot is kept
    ├── DeliveryError        a notifier could not deliver
    │   ├── Rejected         the vendor refused: nothing happened there
    │   └── Ambiguous        nobody knows whether the vendor acted
    ├── StoreError           the store is unreachable, locked or of another version
    │   ├── StoreLocked      another process holds the SQLite store
    │   └── StoreTooNew      a newer Watchtower wrote the store
    ├── ListenError          the address to listen on cannot be had
    └── Unreachable          a command found no daemon, or the daemon refused
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.faults import Fault


class WatchtowerError(Exception):
    """The base of everything Watchtower raises on purpose."""


class ConfigError(WatchtowerError):
    """Configuration or rules that must not start; carries every fault found, not the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Unreadable(ConfigError):
    """A file that could not even be opened: misuse, not a mistake in it."""


class TemplateError(WatchtowerError):
    """A template could not be rendered: a label it names is absent, or it grew too long."""


class SourceError(WatchtowerError):
    """A poll failed as a whole.

    ``reason`` is one of the words of :class:`watchtower.model.TroubleReason`; ``detail`` is for people and
    never holds a secret.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


class DeliveryError(WatchtowerError):
    """A notifier could not deliver; ``retry_after`` is what the vendor asked for, in seconds."""

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        self.detail = detail
        self.retry_after = retry_after
        super().__init__(detail)


class Rejected(DeliveryError):
    """The vendor refused and did nothing; ``permanent`` means that asking again cannot help."""

    def __init__(self, detail: str, *, permanent: bool, retry_after: float | None = None) -> None:
        self.permanent = permanent
        super().__init__(detail, retry_after=retry_after)


class Ambiguous(DeliveryError):
    """A timeout, a lost connection or a 5xx: the vendor may or may not have acted."""


class StoreError(WatchtowerError):
    """The store is unreachable, unusable or of another version."""


class StoreLocked(StoreError):
    """Another process holds the SQLite store."""


class StoreTooNew(StoreError):
    """The store was written by a newer Watchtower: waiting does not help."""


class ListenError(WatchtowerError):
    """The address of ``listen:`` is in use, or not this machine's."""


class Unreachable(WatchtowerError):
    """A command found no daemon at its URL, or the daemon did not accept the request."""
