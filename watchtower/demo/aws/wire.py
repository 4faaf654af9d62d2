"""The wire protocols of the AWS services used here: JSON, REST with JSON, Query with XML, and EC2's XML of its own."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import orjson

from watchtower.errors import WatchtowerError

Params = Mapping[str, Any]


class Refusal(WatchtowerError):
    """The simulated AWS says no.

    ``code`` is the error code a client sees, ``shape`` the name of the error in the service's model where that
    differs from the code, ``status`` the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400, shape: str | None = None) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.shape = shape or code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request.

    ``account`` and ``region`` come from the credential that signed it, ``at`` is the virtual time in epoch
    seconds, ``signed_at`` the client's own clock.
    """

    service: str
    operation: str
    account: str
    region: str
    principal: str
    params: Params
    at: float
    signed_at: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back over the wire."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Items:
    """A list of XML whose items have a name of their own instead of ``member``."""

    name: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Service:
    """How one service talks: its protocol, its JSON target prefix or its XML namespace.

    ``protocol`` is ``query``, ``ec2``, ``restxml``, ``rest`` or a version of JSON. ``routes`` are the operations of
    REST, by method and path (with XML: a pattern of both).
    """

    name: str
    protocol: str
    identity: str
    message_key: str = "message"
    query_compatible: bool = False
    routes: Mapping[str, str] = field(default_factory=dict)

    @property
    def speaks_json(self) -> bool:
        """JSON in and out; otherwise form fields in and XML out."""
        return self.protocol not in ("query", "ec2", "restxml")

    @property
    def content_type(self) -> str:
        """What its answers are."""
        if not self.speaks_json:
            return "text/xml"
        return "application/json" if self.protocol == "rest" else f"application/x-amz-json-{self.protocol}"


SERVICES = {
    "monitoring": Service("monitoring", "1.0", "GraniteServiceVersion20100801", query_compatible=True),
    "tagging": Service("tagging", "1.1", "ResourceGroupsTaggingAPI_20170126", message_key="Message"),
    "logs": Service("logs", "1.1", "Logs_20140328"),
    "sts": Service("sts", "query", "https://sts.amazonaws.com/doc/2011-06-15/"),
    "sns": Service("sns", "query", "http://sns.amazonaws.com/doc/2010-03-31/"),
    "rds": Service("rds", "query", "http://rds.amazonaws.com/doc/2014-10-31/"),
    "ec2": Service("ec2", "ec2", "http://ec2.amazonaws.com/doc/2016-11-15/"),
    "autoscaling": Service("autoscaling", "query", "http://autoscaling.amazonaws.com/doc/2011-01-01/"),
    "servicequotas": Service("servicequotas", "1.1", "ServiceQuotasV20190624", message_key="Message"),
    "health": Service("health", "1.1", "AWSHealth_20160804"),
    "ecs": Service("ecs", "1.1", "AmazonEC2ContainerServiceV20141113"),
    "ecr": Service("ecr", "1.1", "AmazonEC2ContainerRegistry_V20150921"),
    "inspector2": Service(
        "inspector2",
        "rest",
        "inspector2",
        routes={"POST /findings/list": "ListFindings", "POST /coverage/list": "ListCoverage"},
    ),
    "elasticloadbalancing": Service(
        "elasticloadbalancing", "query", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
    ),
    "route53": Service(
        "route53",
        "restxml",
        "https://route53.amazonaws.com/doc/2013-04-01/",
        routes={
            r"GET /2013-04-01/hostedzone": "ListHostedZones",
            r"GET /2013-04-01/hostedzone/(?P<Id>[^/]+)/rrset": "ListResourceRecordSets",
        },
    ),
    "cloudfront": Service(
        "cloudfront",
        "restxml",
        "http://cloudfront.amazonaws.com/doc/2020-05-31/",
        routes={r"GET /2020-05-31/distribution": "ListDistributions"},
    ),
    "ses": Service("ses", "rest", "sesv2", routes={"GET /v2/email/account": "GetAccount"}),
}


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body as it was before the client compressed it; raises Refusal when it cannot be."""
    if encoding != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal("SerializationException", "the body is not gzip") from error


def operation_and_params(service: Service, target: str, route: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation asked for and its parameters; raises Refusal for what the service cannot read.

    ``target`` names it in JSON, ``route`` (method and path) in REST.
    """
    if not service.speaks_json:
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return form.pop("Action", ""), form
    prefix, _, operation = target.partition(".")
    if service.routes:
        prefix, operation = service.identity, service.routes.get(route, "")
    if prefix != service.identity or not operation:
        raise Refusal("UnknownOperationException", "the target is not one of this service")
    try:
        params = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refusal("SerializationException", "the body is not JSON") from error
    if not isinstance(params, dict):
        raise Refusal("SerializationException", "the body is not a JSON object")
    return operation, params


def reply(service: Service, operation: str, result: Any, request_id: str) -> Reply:
    """A successful answer: a JSON-ready value, or the XML elements inside the result."""
    headers = {"x-amzn-RequestId": request_id}
    if service.speaks_json:
        return Reply(200, orjson.dumps(result), service.content_type, headers)
    if service.protocol == "ec2":
        inside = f"<requestId>{request_id}</requestId>{xml(result)}"
        text = f'<{operation}Response xmlns="{service.identity}">{inside}</{operation}Response>'
        return Reply(200, text.encode(), "text/xml", headers)
    text = (
        f'<{operation}Response xmlns="{service.identity}"><{operation}Result>{xml(result)}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Reply(200, text.encode(), "text/xml", headers)


def refuse(service: Service, refusal: Refusal, request_id: str, *, query_mode: bool = False) -> Reply:
    """An error as the service's protocol writes it.

    A client that announced ``x-amzn-query-mode`` is told the code that the old Query protocol used, in a header:
    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
    """
    headers = {"x-amzn-RequestId": request_id}
    fault = "Sender" if refusal.status < 500 else "Receiver"
    if service.speaks_json:
        body = {"__type": f"com.amazonaws.{service.name}#{refusal.shape}", service.message_key: refusal.message}
        if query_mode and service.query_compatible:
            headers["x-amzn-query-error"] = f"{refusal.code};{fault}"
        if service.protocol == "rest":
            headers["x-amzn-ErrorType"] = refusal.shape
        return Reply(refusal.status, orjson.dumps(body), service.content_type, headers)
    if service.protocol == "ec2":
        said = xml({"Code": refusal.code, "Message": refusal.message})
        told = f"<Response><Errors><Error>{said}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        return Reply(refusal.status, told.encode(), "text/xml", headers)
    error = {"Type": fault, "Code": refusal.code, "Message": refusal.message}
    text = (
        f'<ErrorResponse xmlns="{service.identity}"><Error>{xml(error)}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Reply(refusal.status, text.encode(), "text/xml", headers)


def xml(value: Any) -> str:
    """XML elements of nested mappings and sequences; a list's items are ``member`` elements."""
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, Items):
        return "".join(f"<{value.name}>{xml(inner)}</{value.name}>" for inner in value.values)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"<member>{xml(inner)}</member>" for inner in value)
    return escape(str(value))
