"""The same graph drawn by CloudWatch: what GetMetricWidgetImage is asked.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from watchtower.clock import from_epoch
from watchtower.graphs.canvas import HEIGHT, MOST_BYTES, WIDTH
from watchtower.graphs.figure import lines_of

if TYPE_CHECKING:
    from watchtower.aws.clients import AwsClients
    from watchtower.graphs.series import Window
    from watchtower.graphspec import GraphLimit, GraphQuery, GraphSpec
    from watchtower.model import NoticeMember

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOURS = {"P1": "#c4162a", "P2": "#d66012", "P3": "#a07800", "P4": "#3e7c50", "P5": "#626b76"}


async def drawn(
    clients: AwsClients, spec: GraphSpec, query: GraphQuery, member: NoticeMember, within: Window
) -> bytes | None:
    """The picture as CloudWatch draws it; None when what came is no PNG of a bearable size. Raises SourceError."""
    asked = orjson.dumps(widget(spec, query, member, within)).decode()
    answer = await clients.call(
        query.account, query.region, "cloudwatch", "get_metric_widget_image", MetricWidget=asked
    )
    picture = bytes(answer.get("MetricWidgetImage") or b"")
    return picture if picture.startswith(_MAGIC) and len(picture) <= MOST_BYTES else None


def widget(spec: GraphSpec, query: GraphQuery, member: NoticeMember, within: Window) -> dict[str, Any]:
    """The widget: the same queries, limits and window as in the graph that is drawn here."""
    shown = {query.value, query.band}
    return {
        "metrics": [_metric(each, visible=each["Id"] in shown) for each in orjson.loads(query.queries)],
        "annotations": {
            "horizontal": [line for limit in spec.limits for line in _horizontal(limit)],
            "vertical": [{"label": f"{member.priority} fires", "value": member.since.isoformat()}],
        },
        "title": spec.title,
        "start": from_epoch(within.start).isoformat(),
        "end": from_epoch(within.end).isoformat(),
        "timezone": "+0000",
        "period": spec.period,
        "width": WIDTH,
        "height": HEIGHT,
        "view": "timeSeries",
    }


def _metric(query: dict[str, Any], *, visible: bool) -> list[Any]:
    shown: dict[str, Any] = {"id": query["Id"], "visible": visible}
    if "Expression" in query:
        return [{"expression": query["Expression"], "period": query["Period"], **shown}]
    stat = query["MetricStat"]
    metric = stat["Metric"]
    named = [text for each in metric["Dimensions"] for text in (each["Name"], each["Value"])]
    return [
        metric["Namespace"],
        metric["MetricName"],
        *named,
        {"stat": stat["Stat"], "period": stat["Period"], **shown},
    ]


def _horizontal(limit: GraphLimit) -> list[dict[str, Any]]:
    label, colour = f"{limit.priority} {limit.text}", _COLOURS[str(limit.priority)]
    return [{"label": label, "value": value, "color": colour} for value in lines_of(limit)]
