"""Run `watchtower run` in a process that kills itself (-9) at one named step between datapoint and outcome.

    python -m tests.support.crashing STEP run --config F

The daemon is the real one; only here, in a process made for it, a step is followed by SIGKILL.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from watchtower.cli import main
from watchtower.model import DeliveryState
from watchtower.sources.probe.source import ProbeSource
from watchtower.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STEPS = ("after-poll", "after-tick-commit", "after-flush-commit", "after-response")


def die() -> NoReturn:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def _failed_poll(result: Any) -> bool:
    return any(
        series.points and series.points[-1][1] < 1 for answer in result.answers for series in answer.observations
    )


def _dying_after(method: Callable[..., Awaitable[Any]], when: Callable[[Any], bool]) -> Any:
    async def wrapped(*args: Any, **options: Any) -> Any:
        result = await method(*args, **options)
        if when((args, result)):
            die()
        return result

    return wrapped


def _dying_before_accepting(method: Callable[..., Awaitable[Any]]) -> Any:
    async def wrapped(self: Store, delivery: Any, epoch: int, settled: Any, *more: Any) -> Any:
        if settled.state is DeliveryState.ACCEPTED:
            die()
        return await method(self, delivery, epoch, settled, *more)

    return wrapped


def arm(step: str) -> None:
    """Make the named step the last thing this process does."""
    if step == "after-poll":
        ProbeSource.poll = _dying_after(ProbeSource.poll, lambda seen: _failed_poll(seen[1]))  # type: ignore[method-assign]
    elif step == "after-tick-commit":
        changed = _dying_after(Store.commit_ticks, lambda seen: any(tick.transitions for tick in seen[0][1]))
        Store.commit_ticks = changed  # type: ignore[method-assign]
    elif step == "after-flush-commit":
        Store.flush = _dying_after(Store.flush, lambda seen: bool(seen[1].deliveries))  # type: ignore[method-assign]
    elif step == "after-response":
        Store.finish = _dying_before_accepting(Store.finish)  # type: ignore[method-assign]
    else:
        raise SystemExit(f"no step {step!r}; there are {', '.join(STEPS)}")


if __name__ == "__main__":
    arm(sys.argv.pop(1))
    main()
