"""Every response of the simulated AWS, held against botocore's own models of the services.

The real client parses it, and besides the raw document is walked next to the model's shapes: a parser ignores
what it does not know, this does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.support.clock import ManualClock
from tests.support.simulated_aws import ACCOUNT, START_EPOCH, client, minutes, stat
from watchtower.demo.aws import EstateServer, Fault, Faults, Kind, account_credentials
from watchtower.demo.estate import Selector
from watchtower.demo.fleet import TOOLS, TOPIC, demo_estate

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchtower.demo.aws import Credentials

WORLD = demo_estate(START_EPOCH)

#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html and its sisters: errors that
#: every service may give without declaring them, as Query and as JSON services call them
COMMON = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InternalFailure",
    "InvalidAction",
    "InvalidClientTokenId",
    "InvalidParameterValue",
    "MissingAuthenticationToken",
    "SerializationException",
    "SignatureDoesNotMatch",
    "Throttling",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationError",
    "ValidationException",
}
QUERIES = [
    stat("cpu", "CPUUtilization", {"DBInstanceIdentifier": "shop-1"}, namespace="AWS/RDS"),
    stat("p", "CPUUtilization", {"DBInstanceIdentifier": "shop-2"}, namespace="AWS/RDS", statistic="p99"),
    stat("none", "Nothing", namespace="AWS/RDS"),
    {"Id": "twice", "Expression": "cpu * 2"},
]
DATA: dict[str, Any] = {"MetricDataQueries": QUERIES, **minutes(40, 60)}
ROLE = {"RoleArn": TOOLS.role_arn, "RoleSessionName": "wt", "ExternalId": TOOLS.external_id}


@dataclass(frozen=True)
class Case:
    """One request and, if it must fail, the code it fails with."""

    name: str
    service: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    fault: Fault | None = None
    credentials: Credentials | None = None


SUCCESSES = [
    Case("data", "cloudwatch", "GetMetricData", DATA),
    Case("data by page", "cloudwatch", "GetMetricData", {**DATA, "MaxDatapoints": 7}),
    Case("data of many pages", "cloudwatch", "GetMetricData", DATA, fault=Fault(Kind.PAGE_SIZE, pages=1)),
    Case("an empty page", "cloudwatch", "GetMetricData", DATA, fault=Fault(Kind.EMPTY_PAGE)),
    Case("partial", "cloudwatch", "GetMetricData", DATA, fault=Fault(Kind.PARTIAL, pages=3)),
    Case("forbidden", "cloudwatch", "GetMetricData", DATA, fault=Fault(Kind.FORBIDDEN)),
    Case(
        "internal",
        "cloudwatch",
        "GetMetricData",
        DATA,
        fault=Fault(Kind.INTERNAL_ERROR, series=Selector(dimensions={"DBInstanceIdentifier": "shop-2"})),
    ),
    Case("metrics", "cloudwatch", "ListMetrics"),
    Case("metrics by page", "cloudwatch", "ListMetrics", fault=Fault(Kind.PAGE_SIZE, pages=100)),
    Case("no metrics", "cloudwatch", "ListMetrics", {"Namespace": "None"}),
    Case(
        "put",
        "cloudwatch",
        "PutMetricData",
        {"Namespace": "Mine", "MetricData": [{"MetricName": "M", "Values": [1.0], "Counts": [2.0]}]},
    ),
    Case("resources", "resourcegroupstaggingapi", "GetResources"),
    Case("resources by page", "resourcegroupstaggingapi", "GetResources", {"ResourcesPerPage": 10}),
    Case("clusters", "rds", "DescribeDBClusters"),
    Case("instances", "rds", "DescribeDBInstances"),
    Case("instances by page", "rds", "DescribeDBInstances", fault=Fault(Kind.PAGE_SIZE, pages=2)),
    Case("maintenance", "rds", "DescribePendingMaintenanceActions"),
    Case("identity", "sts", "GetCallerIdentity"),
    Case("role", "sts", "AssumeRole", ROLE),
    Case("message", "sns", "Publish", {"TopicArn": TOPIC, "Message": "<&>", "Subject": "s"}),
]
REFUSALS = [
    Case("end before start", "cloudwatch", "GetMetricData", {**DATA, **minutes(60, 50)}, "ValidationError"),
    Case("bad token", "cloudwatch", "GetMetricData", {**DATA, "NextToken": "x"}, "InvalidNextToken"),
    Case("bad token", "cloudwatch", "ListMetrics", {"NextToken": "x"}, "InvalidParameterValue"),
    Case(
        "reserved namespace",
        "cloudwatch",
        "PutMetricData",
        {"Namespace": "AWS/X", "MetricData": [{"MetricName": "M", "Value": 1}]},
        "InvalidParameterValue",
    ),
    Case(
        "no value",
        "cloudwatch",
        "PutMetricData",
        {"Namespace": "X", "MetricData": [{"MetricName": "M"}]},
        "InvalidParameterCombination",
    ),
    Case(
        "bad token",
        "resourcegroupstaggingapi",
        "GetResources",
        {"PaginationToken": "x"},
        "InvalidParameterException",
    ),
    Case("too small a page", "rds", "DescribeDBInstances", {"MaxRecords": 5}, "InvalidParameterValue"),
    Case("bad marker", "rds", "DescribeDBClusters", {"Marker": "x"}, "InvalidParameterValue"),
    Case("wrong external id", "sts", "AssumeRole", {**ROLE, "ExternalId": "no"}, "AccessDenied"),
    Case("no topic", "sns", "Publish", {"TopicArn": TOPIC + "x", "Message": "m"}, "NotFound"),
    Case("subject", "sns", "Publish", {"TopicArn": TOPIC, "Message": "m", "Subject": "a\nb"}, "InvalidParameter"),
    Case(
        "foreign topic",
        "sns",
        "Publish",
        {"TopicArn": TOPIC.replace(ACCOUNT, TOOLS.id), "Message": "m"},
        "AuthorizationError",
    ),
    Case(
        "empty attribute",
        "sns",
        "Publish",
        {
            "TopicArn": TOPIC,
            "Message": "m",
            "MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}},
        },
        "ParameterValueInvalid",
    ),
    Case("another operation", "cloudwatch", "DescribeAlarms", {}, "UnknownOperationException"),
    Case("another operation", "sns", "ListTopics", {}, "InvalidAction"),
]
ONE_EACH = [
    ("cloudwatch", "GetMetricData", DATA),
    ("cloudwatch", "ListMetrics", {}),
    ("resourcegroupstaggingapi", "GetResources", {}),
    ("rds", "DescribeDBClusters", {}),
    ("sts", "GetCallerIdentity", {}),
    ("sns", "Publish", {"TopicArn": TOPIC, "Message": "m"}),
]
FAULTS = [
    Case(kind.value, service, operation, params, "any", Fault(kind))
    for service, operation, params in ONE_EACH
    for kind in (Kind.THROTTLE, Kind.EXPIRED_TOKEN, Kind.ACCESS_DENIED, Kind.SERVER_ERROR)
]
STRANGERS = [
    Case("stranger", service, operation, params, "InvalidClientTokenId", credentials=account_credentials("9" * 12))
    for service, operation, params in ONE_EACH
]


@dataclass
class Seen:
    """One response as it came over the wire."""

    model: Any
    raw: dict[str, Any]
    parsed: dict[str, Any] | None


def case_name(case: Case) -> str:
    return f"{case.service} {case.operation}: {case.name}"


async def responses(case: Case, *, follow: bool) -> list[Seen]:
    """Every page of the answer, or the one refusal."""
    clock = ManualClock()
    clock.advance(3600)
    seen: list[Seen] = []
    faults = Faults([case.fault] if case.fault else [])
    async with (
        EstateServer(WORLD, clock, faults) as server,
        client(case.service, server, credentials=case.credentials) as made,
    ):
        model = made.meta.service_model.operation_model(case.operation)
        made.meta.events.register("response-received", _recorder(seen, model))
        call = getattr(made, xform_name(case.operation))
        more: dict[str, str] = {}
        while True:
            try:
                seen_answer = await call(**case.params, **more)
            except ClientError as error:
                seen[-1].parsed = error.response
                return seen
            seen[-1].parsed = seen_answer
            more = _token(seen_answer)
            if not follow or not more:
                return seen


def _recorder(seen: list[Seen], model: Any) -> Callable[..., None]:
    def record(response_dict: dict[str, Any], **_: Any) -> None:
        seen.append(Seen(model, response_dict, None))

    return record


def _token(answer: dict[str, Any]) -> dict[str, str]:
    return {name: answer[name] for name in ("NextToken", "PaginationToken", "Marker") if answer.get(name)}


def faults_in(value: Any, shape: Any, where: str) -> list[str]:
    """What a JSON value has that its shape does not allow."""
    match shape.type_name:
        case "structure":
            return _structure_faults(value, shape, where)
        case "list":
            if not isinstance(value, list):
                return [f"{where} is no list"]
            return [f for n, item in enumerate(value) for f in faults_in(item, shape.member, f"{where}[{n}]")]
        case "string":
            good = isinstance(value, str) and value in (shape.enum or [value])
        case "integer" | "long":
            good = isinstance(value, int) and not isinstance(value, bool)
        case "double" | "float" | "timestamp":
            good = isinstance(value, int | float) and not isinstance(value, bool)
        case other:
            return [f"{where} has the unexpected shape {other}"]
    return [] if good else [f"{where} is {value!r}, not a {shape.type_name}"]


def _structure_faults(value: Any, shape: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no structure"]
    unknown = [f"{where}.{name} is not in the model" for name in value if name not in shape.members]
    missing = [f"{where}.{name} is required" for name in shape.required_members if name not in value]
    known = (faults_in(value[name], shape.members[name], f"{where}.{name}") for name in value if name in shape.members)
    return [*unknown, *missing, *(fault for faults in known for fault in faults)]


def xml_faults(element: ElementTree.Element, shape: Any, where: str) -> list[str]:
    """What an XML element has that its structure does not allow; leaves are texts the parser converts."""
    if shape is not None and shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        wrong = [f"{where} holds {child.tag}" for child in element if child.tag.partition("}")[2] != name]
        return [*wrong, *(fault for child in element for fault in xml_faults(child, shape.member, f"{where}[]"))]
    if shape is None or shape.type_name != "structure":
        return [f"{where} has children"] if len(element) and shape is not None else []
    found = []
    for child in element:
        name = child.tag.partition("}")[2]
        if name not in shape.members:
            found.append(f"{where}.{name} is not in the model")
        else:
            found.extend(xml_faults(child, shape.members[name], f"{where}.{name}"))
    return found


def check_success(seen: Seen) -> None:
    assert seen.raw["status_code"] == 200
    assert seen.parsed is not None
    assert seen.parsed["ResponseMetadata"]["RequestId"]
    service, output = seen.model.service_model, seen.model.output_shape
    if service.resolved_protocol == "json":
        body = json.loads(seen.raw["body"])
        assert body == {} if output is None else faults_in(body, output, seen.model.name) == []
        assert seen.raw["headers"]["content-type"] == f"application/x-amz-json-{service.metadata['jsonVersion']}"
        return
    root = ElementTree.fromstring(seen.raw["body"])
    assert root.tag == f"{{{service.metadata['xmlNamespace']}}}{seen.model.name}Response"
    wrapper = root.find(f"{{{service.metadata['xmlNamespace']}}}{output.serialization['resultWrapper']}")
    assert wrapper is not None
    assert xml_faults(wrapper, output, seen.model.name) == []


def declared(model: Any) -> dict[str, tuple[str, int]]:
    """Error code → (shape, HTTP status) of what an operation declares."""
    errors = {}
    for shape in model.error_shapes:
        error = shape.metadata.get("error", {})
        errors[error.get("code", shape.name)] = (shape.name, error.get("httpStatusCode", 0))
    return errors


def check_refusal(seen: Seen, case: Case) -> None:
    assert seen.parsed is not None
    code = seen.parsed["Error"]["Code"]
    known = declared(seen.model)
    assert case.code in (code, "any")
    assert code in COMMON | known.keys()
    assert seen.parsed["Error"]["Message"]
    status = seen.raw["status_code"]
    if code in known:
        assert status == known[code][1] or (not known[code][1] and status in (400, 500))
    if seen.model.service_model.resolved_protocol == "json":
        check_json_refusal(seen, code, known)


def check_json_refusal(seen: Seen, code: str, known: dict[str, tuple[str, int]]) -> None:
    body = json.loads(seen.raw["body"])
    shape_name = body.pop("__type").partition("#")[2]
    shapes = {shape.name: shape for shape in seen.model.error_shapes}
    if code in known:
        assert shape_name == known[code][0], "a client without query mode reads the shape's name"
        assert faults_in(body, shapes[shape_name], shape_name) == []
    else:
        assert shape_name in COMMON
    if "awsQueryCompatible" in seen.model.service_model.metadata:
        assert seen.raw["headers"]["x-amzn-query-error"].split(";")[0] == code


@pytest.mark.parametrize("case", SUCCESSES, ids=case_name)
async def test_an_answer_is_what_the_model_describes(case: Case) -> None:
    pages = await responses(case, follow=True)
    assert pages
    for page in pages:
        check_success(page)


@pytest.mark.parametrize("case", [*REFUSALS, *FAULTS, *STRANGERS], ids=case_name)
async def test_a_refusal_has_a_code_the_service_declares_or_all_share(case: Case) -> None:
    [seen] = await responses(case, follow=False)
    assert seen.raw["status_code"] >= 400
    check_refusal(seen, case)


@pytest.mark.parametrize("case", [c for c in SUCCESSES if "page" in c.name or c.name == "partial"], ids=case_name)
async def test_pages_really_were_several(case: Case) -> None:
    assert len(await responses(case, follow=True)) > 1


async def test_the_walk_finds_what_a_parser_would_ignore() -> None:
    [seen] = await responses(SUCCESSES[0], follow=False)
    shape = seen.model.output_shape
    good: dict[str, Any] = json.loads(seen.raw["body"])
    assert faults_in({**good, "Extra": 1}, shape, "it") == ["it.Extra is not in the model"]
    assert faults_in({"Messages": [{"Code": 3}]}, shape, "it") == ["it.Messages[0].Code is 3, not a string"]
    result = {**good["MetricDataResults"][0], "StatusCode": "Fine"}
    assert len(faults_in({"MetricDataResults": [result]}, shape, "it")) == 1
    assert faults_in({"MetricDataResults": {}}, shape, "it") == ["it.MetricDataResults is no list"]
