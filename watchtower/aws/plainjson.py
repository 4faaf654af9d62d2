"""Big answers past the SDK's parser.

The SDK takes 19 ms to parse an answer of 500 series where a JSON parser takes 0.7 ms, and the event loop stands
still meanwhile. Its own ``before-parse`` event lets us take the body and hand the SDK an empty one; signing,
credentials, proxies, TLS and error answers stay the SDK's business.
"""

from __future__ import annotations

from typing import Any

#: Where the SDK's answer holds the body, as bytes.
PLAIN = "WatchtowerPlainBody"

_EVENT = "before-parse.cloudwatch.GetMetricData"


def read_plain_json(client: Any) -> None:
    """Have this CloudWatch client hand over GetMetricData's answer unparsed, under :data:`PLAIN`."""
    client.meta.events.register(_EVENT, _intercept)


def _intercept(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict[PLAIN] = response_dict["body"]
        response_dict["body"] = b"{}"
