"""When a channel may be used again: its vendor's pace, and a rest after failures with one probe at the end of each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from watchtower.clock import epoch, from_epoch
from watchtower.durations import format_duration
from watchtower.errors import Ambiguous, DeliveryError, Rejected
from watchtower.store.values import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from watchtower.engine.settings import EngineSettings
    from watchtower.model import Receipt
    from watchtower.notifiers.base import Pace


def next_standing(
    before: Standing, pace: Pace | None, answer: Receipt | DeliveryError, now: datetime, settings: EngineSettings
) -> tuple[Standing, str]:
    """How a channel fares after an attempt that ended now, and why when that is news: it rests, or rests no more."""
    sent, hold = paced(before.sent, pace, now)
    asked = answer.retry_after if isinstance(answer, DeliveryError) else None
    if asked:
        hold = max(now + timedelta(seconds=asked), hold or now)
    if fails(answer):
        return _failed(Standing(hold, failures=before.failures + 1, sent=sent), now, settings)
    news = f"the vendor answers again after {before.failures} failures" if before.open else ""
    return Standing(hold, sent=sent), news


def paced(sent: tuple[float, ...], pace: Pace | None, now: datetime) -> tuple[tuple[float, ...], datetime | None]:
    """The times that count against the limit once one more was sent, and until when nothing may follow it.

    Counted is the moment of the answer: the vendor counted no later, so its window is never overfilled.
    """
    if pace is None:
        return sent, None
    at = epoch(now)
    counted = (*(moment for moment in sent if at - pace.seconds < moment <= at), at)[-pace.events :]
    full = len(counted) >= pace.events
    return counted, from_epoch(counted[0] + pace.seconds) if full else None


def fails(answer: Receipt | DeliveryError) -> bool:
    """The vendor cannot do its work.

    A refusal for good and a request for patience are answers: what refuses is there.
    """
    if isinstance(answer, Rejected):
        return not answer.permanent and answer.retry_after is None
    return isinstance(answer, Ambiguous)


def _failed(standing: Standing, now: datetime, settings: EngineSettings) -> tuple[Standing, str]:
    beyond = standing.failures - settings.failures_to_rest
    if beyond < 0:
        return standing, ""
    rest = min(settings.rest_most, settings.rest_first * 2.0 ** min(beyond, 16))
    rested = Standing(
        standing.hold_until,
        rest_until=now + timedelta(seconds=rest),
        urgent_until=now + timedelta(seconds=min(rest, settings.rest_urgent)),
        failures=standing.failures,
        sent=standing.sent,
    )
    return rested, f"{standing.failures} failures in a row: the next try is in {format_duration(rest)}"
