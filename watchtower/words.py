"""The words that alerts, observations, polls and deliveries are told in."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Priority(IntEnum):
    """How urgent an alert is: P1 wakes somebody for what users feel, P5 is for the record."""

    P1 = 1
    P2 = 2
    P3 = 3
    P4 = 4
    P5 = 5

    def __str__(self) -> str:
        return self.name

    @property
    def urgent(self) -> bool:
        """P1 and P2: never withdrawn, never slowed, never grouped away."""
        return self <= Priority.P2


class State(StrEnum):
    """CloudWatch's alarm states."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Truth(StrEnum):
    """What a source knows about one series; only ``value`` and ``no_data`` may change an alert's state."""

    VALUE = "value"
    NO_DATA = "no_data"
    NOT_FETCHED = "not_fetched"
    FORBIDDEN = "forbidden"
    IMMATURE = "immature"

    @property
    def holds(self) -> bool:
        """The series was not seen: whatever state it had, it keeps."""
        return self in (Truth.NOT_FETCHED, Truth.FORBIDDEN, Truth.IMMATURE)


class TroubleReason(StrEnum):
    """Why a source could not answer; the ``reason`` label of watchtower_poll_failures_total."""

    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    PARTIAL = "partial"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    INTERNAL = "internal"
    BLIND = "blind"


class Event(StrEnum):
    """What a delivery tells a channel."""

    TRIGGER = "trigger"
    UPDATE = "update"
    RESOLVE = "resolve"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    ACKNOWLEDGE = "acknowledge"
    GRAPH = "graph"
    EVIDENCE = "evidence"
