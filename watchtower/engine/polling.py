"""One poll that never raises: a failure as a whole becomes a result without answers and with its trouble."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from watchtower.errors import SourceError
from watchtower.model import PollResult, Trouble, TroubleReason
from watchtower.redaction import mistake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchtower.sources.base import Poll, Source, Unit


log = structlog.get_logger("watchtower.tick")


#: Troubles that the next request may well not have; what is forbidden or invalid stays so until somebody acts.
PASSING = frozenset(set(TroubleReason) - {TroubleReason.FORBIDDEN, TroubleReason.INVALID})


async def poll(source: Source, request: Poll, patience: float) -> PollResult:
    """Poll for at most ``patience`` real seconds; not to know is an answer too, and changes no state."""
    unit = request.unit
    try:
        async with asyncio.timeout(patience):
            return await source.poll(request)
    except SourceError as error:
        reason, detail = TroubleReason(error.reason), error.detail
    except TimeoutError:
        reason, detail = TroubleReason.TIMEOUT, f"no answer within {patience:g} s"
    except Exception as error:  # noqa: BLE001 - it is logged and told with its reason
        return failed(unit, error)
    return PollResult((), troubles=(Trouble(unit.source, unit.account, unit.region, reason, detail),))


def failed(unit: Unit, error: Exception) -> PollResult:
    """What is left of a tick that met a mistake of ours: a poll that failed, which is counted and told as any."""
    log.error("tick.failed", unit=unit.id, exc_info=error)
    trouble = Trouble(unit.source, unit.account, unit.region, TroubleReason.INTERNAL, mistake(error))
    return PollResult((), troubles=(trouble,))


def without(polled: PollResult, unit: Unit, mistakes: Mapping[str, Exception]) -> PollResult:
    """The poll without the answers to these rules: judging them met a mistake of ours; the others' stay."""
    if not mistakes:
        return polled
    for rule, error in mistakes.items():
        log.error("tick.failed", unit=unit.id, rule=rule, exc_info=error)
    troubles = (
        Trouble(unit.source, unit.account, unit.region, TroubleReason.INTERNAL, f"{rule}: {mistake(error)}")
        for rule, error in mistakes.items()
    )
    answers = tuple(answer for answer in polled.answers if answer.rule not in mistakes)
    return replace(polled, answers=answers, troubles=(*polled.troubles, *troubles))
