"""REST with XML, as Route 53 and CloudFront speak it: the path and the query say what is asked.

https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from watchtower.demo.aws.wire import Refusal, Reply, xml

if TYPE_CHECKING:
    from watchtower.demo.aws.wire import Service

#: The root element of an answer, where it is not the operation's name and Response.
_ROOTS = {"ListDistributions": "DistributionList"}


def operation_and_params(service: Service, route: str, query: str) -> tuple[str, dict[str, Any]]:
    """The operation of a method and path, with the parameters of both; raises Refusal."""
    for pattern, operation in service.routes.items():
        if found := re.fullmatch(pattern, route):
            inside = {name: unquote(value) for name, value in found.groupdict().items()}
            return operation, {**dict(parse_qsl(query, keep_blank_values=True)), **inside}
    raise Refusal("UnknownOperationException", "no operation of this service has this path", 404)


def reply(service: Service, operation: str, result: Any, request_id: str) -> Reply:
    """A successful answer."""
    root = _ROOTS.get(operation, f"{operation}Response")
    text = f'<?xml version="1.0"?>\n<{root} xmlns="{service.identity}">{xml(result)}</{root}>'
    return Reply(200, text.encode(), "text/xml", {"x-amzn-RequestId": request_id})
