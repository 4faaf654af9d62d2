"""Failure on demand: how the next requests to a simulated vendor go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Failing(StrEnum):
    """The ways a vendor fails."""

    HANG = "hang"
    RESET = "reset"
    STATUS = "status"
    SLOW = "slow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    ``acted`` says whether the vendor did what was asked before it failed: the caller cannot see the difference.
    ``operation`` narrows it to one method or path ending; empty strikes every request. ``error`` is the vendor's
    word for a refusal, ``seconds`` how long a slow answer takes, ``arrives`` after how many seconds a request whose
    connection was reset is done all the same.
    """

    kind: Failing
    acted: bool = False
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    arrives: float = 0.0
    error: str = ""
    operation: str = ""

    def concerns(self, operation: str) -> bool:
        """Whether it strikes this request."""
        return operation.endswith(self.operation)


def hang(*, acted: bool = False, operation: str = "") -> Fault:
    """No answer, until the server stops."""
    return Fault(Failing.HANG, acted, operation=operation)


def reset(*, acted: bool = False, operation: str = "") -> Fault:
    """The connection is reset instead of an answer."""
    return Fault(Failing.RESET, acted, operation=operation)


def strayed(seconds: float, *, operation: str = "") -> Fault:
    """The connection is reset at once, and the vendor does what was asked ``seconds`` of its clock later."""
    return Fault(Failing.RESET, arrives=seconds, operation=operation)


def throttled(retry_after: float | None = None, *, operation: str = "") -> Fault:
    """HTTP 429, with a Retry-After header when seconds are given."""
    return Fault(Failing.STATUS, status=429, retry_after=retry_after, operation=operation)


def server_error(status: int = 503, *, acted: bool = False, operation: str = "") -> Fault:
    """An HTTP error of the server's."""
    return Fault(Failing.STATUS, acted, status=status, operation=operation)


def slow(seconds: float, *, operation: str = "") -> Fault:
    """A right answer, ``seconds`` of the simulator's clock late."""
    return Fault(Failing.SLOW, acted=True, seconds=seconds, operation=operation)


def refused(error: str, *, acted: bool = False, operation: str = "") -> Fault:
    """The vendor's own way to say no: Slack's ``ok: false`` with this error word, PagerDuty's 400."""
    return Fault(Failing.REFUSE, acted, error=error, operation=operation)


class Faults:
    """The faults in force, in the order they were asked for; ``struck`` is how many requests they spoiled."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int | None]] = []
        self.struck = 0

    def next(self, fault: Fault, times: int = 1) -> None:
        """Spoil the next ``times`` requests it concerns."""
        self._waiting.append((fault, times))

    def always(self, fault: Fault) -> None:
        """Spoil every request it concerns until cleared."""
        self._waiting.append((fault, None))

    def clear(self) -> None:
        """From now on everything works."""
        self._waiting.clear()

    def take(self, operation: str) -> Fault | None:
        """The fault this request meets, used once."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.concerns(operation):
                self._waiting[place : place + 1] = [] if left == 1 else [(fault, left and left - 1)]
                self.struck += 1
                return fault
        return None
