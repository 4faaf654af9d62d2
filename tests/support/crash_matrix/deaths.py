"""Where a process dies or stands still: steps inside it, and steps that only a vendor can see."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from watchtower.engine.send import Claim, Sender
from watchtower.incidents.digests import Batch
from watchtower.model import Delivery, Event
from watchtower.notifiers import sns
from watchtower.notifiers.http import Vendor
from watchtower.sources.probe.source import ProbeSource
from watchtower.store import debts, digests
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from watchtower.store.values import Standing


class Phase(StrEnum):
    """Something begins, or it ends."""

    BEGIN = "begin"
    END = "end"


#: In the order in which a change goes through the daemon.
INSIDE = (
    "polled",
    "tick-uncommitted",
    "tick-committed",
    "flush-uncommitted",
    "flush-committed",
    "claimed",
    "counted",
    "answered",
    "settle-due",
    "settle-uncommitted",
    "settle-committed",
    "released",
)
#: Seen by the vendor: its request was read but not acted on, or acted on and not answered yet.
OUTSIDE = ("arrived", "accepted")
#: Steps that belong to no channel.
SHARED = INSIDE[:5]


@dataclass(frozen=True, slots=True)
class Death:
    """What happens at the ``nth`` time that a step is reached in a phase; ``channel`` where the step has one.

    One that is ``away`` is started again when everything that it had leased is over, else at once.
    """

    step: str
    phase: str
    channel: str
    nth: int = 1
    pause: bool = False
    away: bool = True

    @property
    def manner(self) -> str:
        """For the report."""
        return "pause" if self.pause else "kill" if self.away else "kill and start at once"


_sending: contextvars.ContextVar[tuple[Delivery, ...]] = contextvars.ContextVar("sending", default=())


def strike(*, pause: bool) -> None:
    """As a power cut would, or as a machine that stands still; nothing of this thread runs on before."""
    if pause:
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return
    os.kill(os.getpid(), signal.SIGKILL)
    while True:
        time.sleep(1)


class Doom:
    """Counts how often the step was reached, and strikes when it is time."""

    def __init__(self, death: Death) -> None:
        self._death = death
        self._left = death.nth

    def meets(self) -> None:
        """The step is reached in the right phase."""
        self._left -= 1
        if self._left == 0:
            strike(pause=self._death.pause)

    def rows(self, rows: tuple[Delivery, ...]) -> bool:
        """Whether these deliveries are the ones that are meant."""
        mine = [row for row in rows if row.channel == self._death.channel]
        return any((row.event is Event.RESOLVE) == (self._death.phase == Phase.END) for row in mine)

    def changes(self, began: bool) -> bool:
        """Whether a change in this direction is meant."""
        return began == (self._death.phase == Phase.BEGIN)


def rows_of(parcel: Delivery | Batch | None) -> tuple[Delivery, ...]:
    """The outbox rows of what was claimed."""
    if parcel is None:
        return ()
    return parcel.rows if isinstance(parcel, Batch) else (parcel,)


def arm(death: Death | None) -> None:
    """Make the named step of this process its last, or a long one."""
    if death is None or death.step in OUTSIDE:
        return
    doom = Doom(death)
    _DOORS[death.step](doom)


def _after(owner: Any, name: str, meant: Callable[[Any, Any], bool], doom: Doom) -> None:
    """Strike after a coroutine method returned; ``meant`` sees its arguments and its result."""
    method: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(*args: Any, **options: Any) -> Any:
        result = await method(*args, **options)
        if meant(args, result):
            doom.meets()
        return result

    setattr(owner, name, wrapped)


def _before(owner: Any, name: str, meant: Callable[[Any], bool], doom: Doom) -> None:
    method: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def wrapped(*args: Any, **options: Any) -> Any:
        if meant(args):
            doom.meets()
        return await method(*args, **options)

    setattr(owner, name, wrapped)


def _polled(doom: Doom) -> None:
    def meant(_: Any, result: Any) -> bool:
        points = [series.points[-1][1] for answer in result.answers for series in answer.observations if series.points]
        return bool(points) and doom.changes(any(point < 1 for point in points))

    _after(ProbeSource, "poll", meant, doom)


def _changed(doom: Doom, args: Any) -> bool:
    return any(doom.changes(change.firing) for tick in args[1] for change in tick.transitions)


def _tick_uncommitted(doom: Doom) -> None:
    _before(Store, "commit_ticks", lambda args: _changed(doom, args), doom)


def _tick_committed(doom: Doom) -> None:
    _after(Store, "commit_ticks", lambda args, _: _changed(doom, args), doom)


def _flushed(doom: Doom, plan: Any) -> bool:
    ends = [delivery.event is Event.RESOLVE for delivery in plan.deliveries]
    return any(doom.changes(not end) for end in ends)


def _flush_uncommitted(doom: Doom) -> None:
    """Between the decision and the commit of what was decided."""
    flush = Store.flush

    async def wrapped(self: Store, decide: Callable[[Any], Any], **options: Any) -> Any:
        def decided(seen: Any) -> Any:
            plan = decide(seen)
            if _flushed(doom, plan):
                doom.meets()
            return plan

        return await flush(self, decided, **options)

    Store.flush = wrapped  # type: ignore[method-assign]


def _flush_committed(doom: Doom) -> None:
    _after(Store, "flush", lambda _, plan: _flushed(doom, plan), doom)


def _claimed(doom: Doom) -> None:
    for name in ("next_delivery", "next_parcel"):
        _after(Store, name, lambda _, parcel: doom.rows(rows_of(parcel)), doom)


def _counted(doom: Doom) -> None:
    _remember_what_is_sent()
    _after(Store, "count_duplicate", lambda *_: doom.rows(_sending.get()), doom)


def _answered(doom: Doom) -> None:
    """An answer was read: of the message, or of a question about it."""
    _remember_what_is_sent()
    _after(Vendor, "_ask", lambda *_: doom.rows(_sending.get()), doom)
    _after(sns, "publish", lambda *_: doom.rows(_sending.get()), doom)


def _remember_what_is_sent() -> None:
    deliver = Sender._deliver

    async def wrapped(self: Sender, parcel: Delivery | Batch, claim: Claim, before: Standing) -> Standing:
        _sending.set(rows_of(parcel))
        return await deliver(self, parcel, claim, before)

    Sender._deliver = wrapped  # type: ignore[method-assign]


def _settled(doom: Doom, args: Any) -> bool:
    return doom.rows(rows_of(args[1]))


def _settle_due(doom: Doom) -> None:
    for name in ("finish", "finish_batch"):
        _before(Store, name, lambda args: _settled(doom, args), doom)


def _settle_uncommitted(doom: Doom) -> None:
    for room in (debts, digests):
        _after(room, "finish", lambda args, _: _settled(doom, args), doom)


def _settle_committed(doom: Doom) -> None:
    for name in ("finish", "finish_batch"):
        _after(Store, name, lambda args, _: _settled(doom, args), doom)


def _released(doom: Doom) -> None:
    _remember_what_is_sent()
    _after(Store, "release_channel", lambda *_: doom.rows(_sending.get()), doom)


_DOORS: dict[str, Callable[[Doom], None]] = {
    "polled": _polled,
    "tick-uncommitted": _tick_uncommitted,
    "tick-committed": _tick_committed,
    "flush-uncommitted": _flush_uncommitted,
    "flush-committed": _flush_committed,
    "claimed": _claimed,
    "counted": _counted,
    "answered": _answered,
    "settle-due": _settle_due,
    "settle-uncommitted": _settle_uncommitted,
    "settle-committed": _settle_committed,
    "released": _released,
}
