"""What is known of one series after its call, by StatusCode and Messages: pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.errors import SourceError
from watchtower.model import TroubleReason, Truth

if TYPE_CHECKING:
    from watchtower.sources.cloudwatch.fetch import CallAnswer, Gathered

Points = tuple[tuple[int, float], ...]
Band = tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One series as the call left it; ``error`` is the cause when it was not seen.

    ``band`` is (start of the slot, lower, upper end); which of two series is which is not said, so the ends are.
    """

    truth: Truth
    points: Points = ()
    reason: str = ""
    error: SourceError | None = None
    band: Band = ()


def expected(band: Band) -> str:
    """What a band says of the newest slot, in words."""
    if not band:
        return "CloudWatch has no band for this metric yet; it learns one within two weeks"
    _, low, high = band[-1]
    return f"{low:.4g} to {high:.4g} is expected"


def seen(answer: CallAnswer, query_id: str) -> Seen:
    """The truth about one query of a call.

    1. Complete on any page: its points, or no data; whatever happened to the rest of the call.
       An empty result beside a message about the whole call is not believed.
    2. Forbidden is forbidden.
    3. Both ends of a band have one id, so that one may be complete and the other not come: a call that broke off
       did not fetch it.
    4. Anything else (InternalError, PartialData that no page completed, no result, a call that broke off) was not
       fetched: a part of the window could make an alert of what is none.
    """
    gathered = answer.results.get(query_id)
    pair = answer.call.returned[query_id].pair
    if pair and answer.error is not None:
        return _held(answer.error, "")
    if gathered is not None and gathered.several and not pair:
        return _held(SourceError(TroubleReason.INVALID, "the expression gives several series"), "")
    if gathered is not None and gathered.complete:
        return _complete(gathered, answer.message)
    if gathered is not None and gathered.status == "Forbidden":
        error = SourceError(TroubleReason.FORBIDDEN, "GetMetricData: CloudWatch forbids reading some metrics")
        return Seen(Truth.FORBIDDEN, reason=_worded(error, gathered.message), error=error)
    error = answer.error or _cause(gathered, answer.message)
    return _held(error, gathered.message if gathered else "")


def _complete(gathered: Gathered, call_message: str) -> Seen:
    if gathered.pairs:
        both = {slot: ends for slot, ends in gathered.pairs.items() if len(ends) > 1}
        band = tuple((slot, min(ends), max(ends)) for slot, ends in sorted(both.items()))
        return Seen(Truth.VALUE, reason=gathered.message, band=band)
    if gathered.points:
        return Seen(Truth.VALUE, tuple(sorted(gathered.points.items())), gathered.message)
    if call_message:
        return _held(SourceError(TroubleReason.PARTIAL, f"GetMetricData: {call_message}"), gathered.message)
    return Seen(Truth.NO_DATA, reason=gathered.message)


def _held(error: SourceError, message: str) -> Seen:
    return Seen(Truth.NOT_FETCHED, reason=_worded(error, message), error=error)


def _worded(error: SourceError, message: str) -> str:
    return f"{error.detail} ({message})" if message else error.detail


def _cause(gathered: Gathered | None, call_message: str) -> SourceError:
    if gathered is not None and gathered.status == "InternalError":
        return SourceError(TroubleReason.INTERNAL, "GetMetricData: CloudWatch failed inside for some metrics")
    if call_message:
        return SourceError(TroubleReason.PARTIAL, f"GetMetricData: {call_message}")
    if gathered is not None:
        return SourceError(TroubleReason.PARTIAL, "GetMetricData: CloudWatch sent only a part of some metrics")
    return SourceError(TroubleReason.PARTIAL, "GetMetricData: CloudWatch left some metrics out")
