"""Failure on demand: which requests and which series of the simulated AWS go wrong, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from watchtower.demo.estate import Selector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchtower.demo.aws.wire import Call
    from watchtower.demo.estate import Key


class Kind(StrEnum):
    """What goes wrong. The first group strikes a request, the second the answer to one."""

    THROTTLE = "throttle"
    TIMEOUT = "timeout"
    RESET = "reset"
    HTML_500 = "html_500"
    SERVER_ERROR = "server_error"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 -- a kind of failure
    ACCESS_DENIED = "access_denied"

    PARTIAL = "partial"
    INTERNAL_ERROR = "internal_error"
    FORBIDDEN = "forbidden"
    EMPTY_PAGE = "empty_page"
    PAGE_SIZE = "page_size"
    MISCOUNT = "miscount"
    LATE = "late"
    SLOW = "slow"


_REQUEST = frozenset(list(Kind)[: list(Kind).index(Kind.PARTIAL)])
_SERIES = (Kind.FORBIDDEN, Kind.INTERNAL_ERROR, Kind.PARTIAL)


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure: its kind, whom it strikes and for how long.

    ``operation``, ``account`` and ``region`` are globs. ``since`` and ``until`` bound the virtual time (epoch
    seconds, until exclusive) of the request, for LATE the start of the datapoint. ``times`` is how many
    requests are struck before the fault is used up. ``series`` picks what PARTIAL, INTERNAL_ERROR, FORBIDDEN
    and LATE strike. ``pages`` is for PARTIAL the page on which the series become complete (0: never), for
    EMPTY_PAGE how many empty pages come first, for PAGE_SIZE how many items a page holds, for MISCOUNT how
    many findings of high severity the summary of an image claims. ``seconds`` is how
    much later than usual LATE points appear, and after how many real seconds a SLOW request is answered.
    """

    kind: Kind
    operation: str = "*"
    account: str = "*"
    region: str = "*"
    since: float = float("-inf")
    until: float = float("inf")
    times: int | None = None
    series: Selector = field(default_factory=Selector)
    pages: int = 2
    seconds: float = 0.0

    def concerns(self, call: Call) -> bool:
        """Whether it is meant for this operation, account and region, whatever the time."""
        return (
            fnmatchcase(call.operation, self.operation)
            and fnmatchcase(call.account, self.account)
            and fnmatchcase(call.region, self.region)
        )


class Faults:
    """The failures in force; tests and scenarios add to it while the server runs.

    ``struck`` counts the requests each kind has changed.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._left: dict[int, tuple[Fault, int | None]] = {}
        self._next = 0
        self.struck: dict[Kind, int] = dict.fromkeys(Kind, 0)
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Put a failure in force, after those that already are."""
        self._left[self._next] = (fault, fault.times)
        self._next += 1

    def clear(self) -> None:
        """End every failure."""
        self._left.clear()

    def of_request(self, call: Call) -> Fault | None:
        """The failure that this request meets instead of an answer, used once."""
        return next(iter(self._use(call, _REQUEST, only_first=True)), None)

    def of_answer(self, call: Call) -> tuple[Fault, ...]:
        """The failures inside the answer to this request, each used once."""
        return tuple(self._use(call, frozenset(Kind) - _REQUEST - {Kind.SLOW}, only_first=False))

    def of_time(self, call: Call) -> Fault | None:
        """What makes the answer to this request late, used once."""
        return next(iter(self._use(call, frozenset({Kind.SLOW}), only_first=True)), None)

    def _use(self, call: Call, kinds: frozenset[Kind], *, only_first: bool) -> list[Fault]:
        used: list[Fault] = []
        for number, (fault, left) in list(self._left.items()):
            if fault.kind not in kinds or not fault.concerns(call) or not _in_time(fault, call.at):
                continue
            used.append(fault)
            self.struck[fault.kind] += 1
            self._spend(number, fault, left)
            if only_first:
                break
        return used

    def _spend(self, number: int, fault: Fault, left: int | None) -> None:
        if left is None:
            return
        if left <= 1:
            del self._left[number]
        else:
            self._left[number] = (fault, left - 1)


def _in_time(fault: Fault, at: float) -> bool:
    return fault.kind is Kind.LATE or fault.since <= at < fault.until


def of_series(faults: Iterable[Fault], keys: Iterable[Key]) -> Fault | None:
    """The worst failure among those that strike one of the series: forbidden, then internal, then partial."""
    struck = list(keys)
    hits = [f for f in faults if f.kind in _SERIES and any(f.series.matches(key) for key in struck)]
    return min(hits, key=lambda fault: _SERIES.index(fault.kind), default=None)


def sized(faults: Iterable[Fault], kind: Kind, default: int) -> int:
    """``pages`` of the first failure of a kind, or the default."""
    return next((fault.pages for fault in faults if fault.kind is kind), default)
