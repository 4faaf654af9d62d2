"""Runs one probe of any kind within its timeout, and gives a reason whatever happens."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from watchtower.durations import exact_duration
from watchtower.model import TroubleReason
from watchtower.sources.probe.attempt import Attempt
from watchtower.sources.probe.deadline import within
from watchtower.sources.probe.evidence import evidence_of, reason_of
from watchtower.sources.probe.network import explain
from watchtower.sources.probe.result import Down, Phase, Result, Unknown

if TYPE_CHECKING:
    from watchtower.sources.probe.attempt import Tools
    from watchtower.sources.probe.kinds.base import Job
    from watchtower.sources.probe.result import Family

log = structlog.get_logger("watchtower.probe")

#: Where a timeout ends the wait for an answer on a standing connection: it took at least that long.
_WAITING = (Phase.PROCESSING, Phase.TRANSFER)
#: The share of a timeout that our own queueing may take before a probe that ran out of time blames the target.
_OURS = 0.2


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked of one target; ``key`` is the same for equal probes and survives restarts."""

    key: str
    kind: str
    job: Job
    timeout: float
    family: Family | None = None


class Prober:
    """Runs probes; holds no connection between them."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def probe(self, probe: Probe) -> Result:
        """Probe once within the timeout; never raises: what cannot be known is an unknown result."""
        attempt = Attempt.begin(self._tools, probe.family)
        try:
            return await self._tried(probe, attempt)
        except Down as down:
            return _down(attempt, f"{down}{attempt.at}")
        except Unknown as unknown:
            return _unknown(attempt, unknown.reason, str(unknown))
        except Exception as error:  # noqa: BLE001 - a bug of ours must not be told as an outage of theirs
            return _failed(probe, attempt, error)

    async def _tried(self, probe: Probe, attempt: Attempt) -> Result:
        try:
            reason = await within(self._tools.clock, probe.timeout, probe.job.run(attempt))
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:
                return self._timed_out(probe, attempt)
            raise explain(error, attempt.watch.phase, attempt.address, attempt.port) from None
        attempt.timed = True
        return _result(attempt, success=True, reason=f"{reason}{attempt.at}")

    def _timed_out(self, probe: Probe, attempt: Attempt) -> Result:
        phase = attempt.watch.phase
        if attempt.refused:
            return _down(attempt, attempt.refused)
        if phase is Phase.RESOLVE and self._tools.resolver.waits(attempt.host):
            return _unknown(attempt, TroubleReason.TIMEOUT, "the name lookup got no thread: too many others hang")
        if attempt.watch.queued > _OURS * probe.timeout:
            return _unknown(attempt, TroubleReason.TIMEOUT, "the name lookup waited too long for a thread of ours")
        attempt.timed = phase in _WAITING
        return _down(attempt, f"timed out after {exact_duration(probe.timeout)} in phase {phase}{attempt.at}")


def _result(attempt: Attempt, *, success: bool | None, reason: str, trouble: TroubleReason | None = None) -> Result:
    attempt.watch.stop()
    return Result(
        success=success,
        reason=reason_of(reason, attempt),
        phase="" if success else attempt.watch.phase,
        address=attempt.address,
        duration=attempt.watch.elapsed if attempt.timed else None,
        status=attempt.status,
        expires=attempt.expires,
        phases=attempt.watch.phases,
        trouble=trouble,
        measures=attempt.measures,
        evidence=() if success else evidence_of(attempt),
        content=attempt.content,
    )


def _down(attempt: Attempt, reason: str) -> Result:
    return _result(attempt, success=False, reason=reason)


def _unknown(attempt: Attempt, trouble: TroubleReason, reason: str) -> Result:
    return _result(attempt, success=None, reason=reason, trouble=trouble)


def _failed(probe: Probe, attempt: Attempt, error: Exception) -> Result:
    """A bug of ours: logged, and counted as a failure of the source.

    Before there was an answer it says nothing of the target. An answer that we cannot judge was not found good: were it
    unknown, a site could choose words that let nobody hear of it again.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    told = reason_of(repr(error), attempt)
    log.error("probe.failed", probe=probe.job.shown, error=told, place=f"{place.filename}:{place.lineno}")
    if not attempt.answered:
        return _unknown(attempt, TroubleReason.INTERNAL, f"the prober failed: {told}")
    reason = f"the answer could not be judged, which is the prober's own mistake: {told}"
    return _result(attempt, success=False, reason=reason, trouble=TroubleReason.INTERNAL)
