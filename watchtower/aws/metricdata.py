"""GetMetricData: the one call whose volume matters, read as plain JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from watchtower.aws.plainjson import PLAIN
from watchtower.errors import SourceError
from watchtower.model import TroubleReason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.aws.clients import AwsClients

#: Queries one call may carry and datapoints one page may
#: (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html).
MAX_QUERIES = 500
MAX_DATAPOINTS = 100_800


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """What one page says about one query: ``points`` are (epoch seconds, value), NaN included."""

    id: str
    status: str
    points: tuple[tuple[float, float], ...]
    message: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer; ``message`` holds what AWS says about the call as a whole."""

    results: tuple[SeriesPage, ...]
    message: str
    next_token: str | None


async def get_metric_data(
    clients: AwsClients,
    account: str,
    region: str,
    queries: Sequence[Mapping[str, Any]],
    *,
    start: int,
    end: int,
    token: str | None = None,
) -> Page:
    """One page of the datapoints of up to 500 queries from ``start`` to ``end`` (epoch seconds, exclusive).

    Raises SourceError.
    """
    request: dict[str, Any] = {
        "MetricDataQueries": queries,
        "StartTime": datetime.fromtimestamp(start, UTC),
        "EndTime": datetime.fromtimestamp(end, UTC),
        "ScanBy": "TimestampAscending",
        "MaxDatapoints": MAX_DATAPOINTS,
    }
    if token is not None:
        request["NextToken"] = token
    answer = await clients.call(account, region, "cloudwatch", "get_metric_data", **request)
    return _page(answer[PLAIN])


def _page(body: bytes) -> Page:
    try:
        answer = orjson.loads(body)
        return Page(
            tuple(_series(result) for result in answer["MetricDataResults"]),
            _messages(answer),
            answer.get("NextToken"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(
            TroubleReason.INTERNAL, "GetMetricData: the answer is not readable (not the JSON that AWS sends)"
        ) from None


def _series(result: Mapping[str, Any]) -> SeriesPage:
    times, values = result.get("Timestamps") or (), result.get("Values") or ()
    points = tuple((_epoch(at), float(value)) for at, value in zip(times, values, strict=True))
    return SeriesPage(str(result["Id"]), str(result.get("StatusCode", "")), points, _messages(result))


def _epoch(at: float | str) -> float:
    """AWS writes epoch seconds; the protocol allows ISO 8601 too."""
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else float(at)


def _messages(answer: Mapping[str, Any]) -> str:
    parts = [f"{part.get('Code', '')} {part.get('Value', '')}".strip() for part in answer.get("Messages") or ()]
    return "; ".join(dict.fromkeys(parts))
