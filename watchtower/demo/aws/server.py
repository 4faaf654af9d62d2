"""The loopback AWS: one HTTP server for every account, region and service of the estate."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from watchtower.clock import Clock, epoch
from watchtower.demo.aws import restxml, wire
from watchtower.demo.aws.announced import Announcements
from watchtower.demo.aws.cloudwatch import CloudWatch
from watchtower.demo.aws.ecr import Ecr
from watchtower.demo.aws.ecs import Ecs
from watchtower.demo.aws.faults import Fault, Faults, Kind
from watchtower.demo.aws.hosts import Hosts
from watchtower.demo.aws.inspector import Inspector
from watchtower.demo.aws.logs import Logs
from watchtower.demo.aws.metrics import Metrics
from watchtower.demo.aws.rds import Rds
from watchtower.demo.aws.signature import Credentials, Incoming, account_credentials, expired_token, verify
from watchtower.demo.aws.sns import Published, Sns
from watchtower.demo.aws.sts import Sts
from watchtower.demo.aws.tagging import Tagging
from watchtower.demo.aws.tasks import Tasks
from watchtower.demo.aws.wire import SERVICES, Call, Refusal, Reply, Service

if TYPE_CHECKING:
    from types import TracebackType

    from watchtower.demo.estate import Estate

Handler = Callable[[Call, Sequence[Fault]], Mapping[str, Any]]

_HTML = b"<html><head><title>500 Internal Server Error</title></head><body>Internal Server Error</body></html>"


class EstateServer:
    """An AWS on 127.0.0.1, driven by a clock: ``async with EstateServer(estate, clock, faults) as server``.

    ``calls`` counts requests by operation, refused ones included; ``published`` holds what SNS took.
    """

    def __init__(self, estate: Estate, clock: Clock, faults: Faults | None = None) -> None:
        self.estate = estate
        self.faults = faults or Faults()
        self.calls: Counter[str] = Counter()
        self._clock = clock
        self._cloudwatch = CloudWatch(Metrics(estate))
        self._sns = Sns(estate)
        self._handlers = _handlers(self._cloudwatch, self._sns, Sts(estate), Tagging(estate)) | _database_handlers(
            Rds(estate)
        )
        self._handlers |= _log_handlers(Logs(estate))
        announcements = Announcements(estate)
        self._handlers |= _announcement_handlers(announcements) | _ecs_handlers(Ecs(announcements, Tasks(estate)))
        self._handlers |= _image_handlers(Ecr(estate), Inspector(estate)) | _host_handlers(Hosts(estate))
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 1024**2)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=1.0,
            auto_decompress=False,  # a signature covers the bytes as they were sent
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def published(self) -> list[Published]:
        """Every message SNS accepted, in order."""
        return self._sns.published

    @property
    def metrics_billed(self) -> int:
        """How many metrics GetMetricData was asked for, as AWS bills them."""
        return self._cloudwatch.billed.total()

    def credentials(self, account: str | None = None) -> Credentials:
        """What a client of an account (the estate's first unless named) signs with."""
        return account_credentials(account or self.estate.accounts[0].id)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        incoming = Incoming(
            request.method, request.rel_url.raw_path, request.rel_url.raw_query_string, request.headers, body
        )
        fault, reply = self._decide(incoming)
        if fault is not None and fault.kind is Kind.TIMEOUT:
            await self._closing.wait()
        if fault is not None and fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind in (Kind.TIMEOUT, Kind.RESET):
            _reset(request)
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers={**reply.headers, "Content-Type": reply.content_type},
        )

    def _decide(self, incoming: Incoming) -> tuple[Fault | None, Reply]:
        """The answer to a request, and the failure that may take its place on the wire."""
        request_id = f"00000000-0000-4000-8000-{next(self._numbers):012d}"
        query_mode = incoming.headers.get("x-amzn-query-mode") == "true"
        service = _addressed(incoming)
        if service is None:
            return None, Reply(404, b"<UnknownOperationException/>\n", "application/xml")
        try:
            call = self._call(incoming, service)
            self.calls[call.operation] += 1
            fault = self.faults.of_request(call)
            if fault is not None and fault.kind in _WORDLESS:
                return fault, Reply(500, _HTML, "text/html")
            if fault is not None:
                raise _said(fault, call)
            reply = restxml.reply if service.protocol == "restxml" else wire.reply
            answer = reply(service, call.operation, self._handle(call), request_id)
            return self.faults.of_time(call), answer
        except Refusal as refusal:
            return None, wire.refuse(service, refusal, request_id, query_mode=query_mode)

    def _call(self, incoming: Incoming, service: Service) -> Call:
        signed = verify(incoming)
        target = incoming.headers.get("x-amz-target", "")
        body = wire.unpacked(incoming.body, incoming.headers.get("content-encoding", ""))
        route = f"{incoming.method} {incoming.path}"
        if service.protocol == "restxml":
            operation, params = restxml.operation_and_params(service, route, incoming.query)
        else:
            operation, params = wire.operation_and_params(service, target, route, body)
        account = self.estate.account(signed.account)
        if account is None:
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        principal = f"arn:aws:iam::{account.id}:user/demo"
        if signed.session is not None:
            role = (account.role_arn or "role/unknown").rsplit("/", 1)[-1]
            principal = f"arn:aws:sts::{account.id}:assumed-role/{role}/{signed.session}"
        now = epoch(self._clock.now())
        return Call(service.name, operation, account.id, signed.region, principal, params, now, signed.signed_at)

    def _handle(self, call: Call) -> Mapping[str, Any]:
        handler = self._handlers.get((call.service, call.operation))
        if handler is None:
            code = "UnknownOperationException" if SERVICES[call.service].speaks_json else "InvalidAction"
            raise Refusal(code, f"Could not find operation {call.operation}")
        following = any(call.params.get(token) for token in ("NextToken", "nextToken", "PaginationToken", "Marker"))
        return handler(call, () if following else self.faults.of_answer(call))


_WORDLESS = (Kind.TIMEOUT, Kind.RESET, Kind.HTML_500)


def _handlers(cloudwatch: CloudWatch, sns: Sns, sts: Sts, tagging: Tagging) -> dict[tuple[str, str], Handler]:
    return {
        ("monitoring", "GetMetricData"): cloudwatch.get_metric_data,
        ("monitoring", "ListMetrics"): cloudwatch.list_metrics,
        ("monitoring", "PutMetricData"): cloudwatch.put_metric_data,
        ("monitoring", "GetMetricWidgetImage"): cloudwatch.get_metric_widget_image,
        ("tagging", "GetResources"): tagging.get_resources,
        ("sts", "GetCallerIdentity"): sts.get_caller_identity,
        ("sts", "AssumeRole"): sts.assume_role,
        ("sns", "Publish"): sns.publish,
    }


def _database_handlers(rds: Rds) -> dict[tuple[str, str], Handler]:
    return {
        ("rds", "DescribeDBClusters"): rds.describe_db_clusters,
        ("rds", "DescribeDBInstances"): rds.describe_db_instances,
        ("rds", "DescribePendingMaintenanceActions"): rds.describe_pending_maintenance_actions,
    }


def _log_handlers(logs: Logs) -> dict[tuple[str, str], Handler]:
    return {
        ("logs", "DescribeLogGroups"): logs.describe_log_groups,
        ("logs", "DescribeMetricFilters"): logs.describe_metric_filters,
        ("logs", "FilterLogEvents"): logs.filter_log_events,
        ("logs", "TestMetricFilter"): logs.tested_metric_filter,
    }


def _image_handlers(ecr: Ecr, inspector: Inspector) -> dict[tuple[str, str], Handler]:
    return {
        ("ecr", "DescribeRepositories"): ecr.describe_repositories,
        ("ecr", "DescribeImages"): ecr.describe_images,
        ("ecr", "BatchGetImage"): ecr.batch_get_image,
        ("ecr", "DescribeImageScanFindings"): ecr.describe_image_scan_findings,
        ("inspector2", "ListFindings"): inspector.list_findings,
        ("inspector2", "ListCoverage"): inspector.list_coverage,
    }


def _announcement_handlers(announcements: Announcements) -> dict[tuple[str, str], Handler]:
    return {
        ("ec2", "DescribeInstanceStatus"): announcements.describe_instance_status,
        ("autoscaling", "DescribeAutoScalingGroups"): announcements.describe_auto_scaling_groups,
        ("servicequotas", "ListServiceQuotas"): announcements.list_service_quotas,
        ("health", "DescribeEvents"): announcements.describe_events,
        ("ses", "GetAccount"): announcements.get_account,
    }


def _host_handlers(hosts: Hosts) -> dict[tuple[str, str], Handler]:
    return {
        ("route53", "ListHostedZones"): hosts.list_hosted_zones,
        ("route53", "ListResourceRecordSets"): hosts.list_resource_record_sets,
        ("cloudfront", "ListDistributions"): hosts.list_distributions,
        ("elasticloadbalancing", "DescribeLoadBalancers"): hosts.describe_load_balancers,
        ("elasticloadbalancing", "DescribeListeners"): hosts.describe_listeners,
        ("elasticloadbalancing", "DescribeRules"): hosts.describe_rules,
    }


def _ecs_handlers(ecs: Ecs) -> dict[tuple[str, str], Handler]:
    return {
        ("ecs", "ListClusters"): ecs.list_clusters,
        ("ecs", "ListServices"): ecs.list_services,
        ("ecs", "DescribeServices"): ecs.describe_services,
        ("ecs", "ListTasks"): ecs.list_tasks,
        ("ecs", "DescribeTasks"): ecs.describe_tasks,
        ("ecs", "DescribeTaskDefinition"): ecs.describe_task_definition,
    }


def _addressed(incoming: Incoming) -> Service | None:
    """The service a request is for: by its target, else by what it was signed for, else by its version."""
    target = incoming.headers.get("x-amz-target", "").partition(".")[0]
    for service in SERVICES.values():
        if target and service.identity == target:
            return service
    scope = incoming.headers.get("authorization", "").split("/")
    if len(scope) > 3 and scope[3] in SERVICES:
        return SERVICES[scope[3]]
    return SERVICES["sts"] if b"Version=2011-06-15" in incoming.body else None


def _said(fault: Fault, call: Call) -> Refusal:
    """The words in which AWS fails a request."""
    if fault.kind is Kind.THROTTLE:
        if call.service == "ec2":
            return Refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
        query = call.service in ("monitoring", "rds", "sns", "sts", "autoscaling")
        return Refusal("Throttling" if query else "ThrottledException", "Rate exceeded", 400, _THROTTLED[call.service])
    if fault.kind is Kind.EXPIRED_TOKEN:
        return expired_token()
    if fault.kind is Kind.SERVER_ERROR:
        return _internal(call)
    action = {"monitoring": "cloudwatch", "tagging": "tag"}.get(call.service, call.service)
    message = f"User: {call.principal} is not authorized to perform: {action}:{call.operation}"
    code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDenied"
    return Refusal(code, message, 403, "AccessDeniedException")


_THROTTLED = {
    "monitoring": "ThrottlingException",
    "rds": "Throttling",
    "sns": "ThrottledException",
    "sts": "ThrottlingException",
    "logs": "ThrottlingException",
    "ecr": "ThrottlingException",
    "ecs": "ThrottlingException",
    "inspector2": "ThrottlingException",
    "tagging": "ThrottledException",
    "autoscaling": "Throttling",
    "servicequotas": "TooManyRequestsException",
    "health": "ThrottlingException",
    "ses": "TooManyRequestsException",
}


def _internal(call: Call) -> Refusal:
    text = "The request processing has failed because of an unknown error."
    if call.service == "tagging":
        return Refusal("InternalServiceException", text, 500)
    return Refusal("InternalFailure", text, 500)


def _reset(request: web.Request) -> None:
    """Close the connection so that the client sees it reset, not ended."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
