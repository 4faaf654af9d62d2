"""What AWS announces is told within seconds, not at the next poll: EventBridge, SNS and SQS of an AWS we did not write.

ECR is asked every fifteen minutes here, so whatever is told within the test was told for a message.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from yarl import URL

from tests.support.daemon import COMMAND, Daemon, free_port, until
from tests.support.listening import listening
from tests.support.moto import CREDENTIALS, REGION, Moto, moto_server
from tests.support.service import service_on
from watchtower.clock import SystemClock
from watchtower.demo.pagerduty import DEMO_KEY, PagerDutyServer

if TYPE_CHECKING:
    from pathlib import Path

    from watchtower.service import Service

ACCOUNT = "123456789012"
#: Real seconds from the event to the page that are promised here; a poll would take up to 900.
AT_ONCE = 20.0

RULES = """
group: images
rules:
- alert: Vulnerable
  ecr: {severity: [CRITICAL, HIGH]}
  when: {P2: "> 0"}
  recover: {when: "< 1"}
  summary: "{{ labels.repository }}: {{ reason }}"
"""


def write(folder: Path, aws: str, pagerduty: str) -> Path:
    (folder / "images.yaml").write_text(RULES)
    config = {
        "environment": "test",
        "store": "sqlite:///watchtower.db",
        "listen": f"127.0.0.1:{free_port()}",
        "rules": ["images.yaml"],
        "aws": {
            "accounts": [{"name": "main", "regions": [REGION]}],
            "events": [{"account": "main", "region": REGION, "queue": "watchtower-events"}],
            "endpoint_url": aws,
        },
        "channels": {"oncall": {"type": "pagerduty", "routing_key": {"env": "PD_KEY"}, "api_url": pagerduty}},
        "routes": [{"channels": ["oncall"], "group_by": ["alert", "repository"]}],
    }
    file = folder / "watchtower.yaml"
    file.write_bytes(orjson.dumps(config))
    return file


async def push(moto: Moto, repository: str, *, scanned: bool) -> None:
    """An image without a scan, or with what moto finds in every image: one high finding."""
    layer = {"size": 1, "digest": f"sha256:{hashlib.sha256(repository.encode()).hexdigest()}"}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    text = orjson.dumps({**manifest, "config": layer, "layers": [layer]}).decode()
    async with moto.client("ecr") as ecr:
        await ecr.create_repository(repositoryName=repository)
        await ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="v1")
        if scanned:
            await ecr.start_image_scan(repositoryName=repository, imageId={"imageTag": "v1"})


async def wire(moto: Moto) -> str:
    """A queue that EventBridge and a topic feed; the topic's ARN."""
    async with moto.client("sqs") as sqs, moto.client("events") as events, moto.client("sns") as sns:
        url = (await sqs.create_queue(QueueName="watchtower-events", Attributes={"VisibilityTimeout": "2"}))["QueueUrl"]
        arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await events.put_rule(Name="images", EventPattern='{"source": ["aws.ecr"]}')
        await events.put_targets(Rule="images", Targets=[{"Id": "1", "Arn": arn}])
        topic: str = (await sns.create_topic(Name="mail"))["TopicArn"]
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return topic


async def announce(moto: Moto, repository: str, **detail: Any) -> None:
    told = {"scan-status": "COMPLETE", "repository-name": repository, **detail}
    entry = {"Source": "aws.ecr", "DetailType": "ECR Image Scan", "Detail": orjson.dumps(told).decode()}
    async with moto.client("events") as events:
        await events.put_events(Entries=[entry])


async def waiting(moto: Moto) -> int:
    """Messages that are in the queue, in flight or not."""
    async with moto.client("sqs") as sqs:
        url = (await sqs.get_queue_url(QueueName="watchtower-events"))["QueueUrl"]
        found = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))["Attributes"]
    return sum(int(found[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible"))


def counted(service: Service, outcome: str) -> float:
    named = {"queue": "watchtower-events", "outcome": outcome}
    return service.live.metrics.registry.get_sample_value("watchtower_events_total", named) or 0.0


def polls(service: Service) -> float:
    return service.live.metrics.registry.get_sample_value("watchtower_ticks_total", {"source": "ecr"}) or 0.0


@pytest.mark.long(14)
async def test_a_scan_is_told_within_seconds_and_only_as_the_poll_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, "PD_KEY": DEMO_KEY, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    clock = SystemClock()
    async with moto_server() as moto, PagerDutyServer(clock) as pagerduty:
        topic = await wire(moto)
        await push(moto, "akai/web", scanned=False)
        await push(moto, "akai/api", scanned=False)
        async with service_on(write(tmp_path, moto.url, pagerduty.url), clock) as service:
            await until(lambda: polls(service) == 1, 60, "the first poll")
            assert pagerduty.phones_rung == 0

            async with moto.client("ecr") as ecr:
                await ecr.start_image_scan(repositoryName="akai/web", imageId={"imageTag": "v1"})
            await announce(moto, "akai/web")
            await until(lambda: pagerduty.phones_rung == 1, AT_ONCE, "the page")

            for _ in range(3):
                await announce(moto, "akai/web")
            await announce(moto, "akai/api", **{"finding-severity-counts": {"CRITICAL": 99}})
            async with moto.client("sns") as sns:
                await sns.publish(TopicArn=topic, Message=orjson.dumps(BOUNCE).decode())
                await sns.publish(TopicArn=topic, Message="not JSON")
            await until(lambda: counted(service, "woken") >= 5, AT_ONCE, "all are heard")
            await until(lambda: counted(service, "unwatched") >= 1, AT_ONCE, "also the bounce")
            await until(lambda: counted(service, "unreadable") >= 1, AT_ONCE, "also what is poison")
            await until(lambda: polls(service) >= 3, 45, "one poll for all of them")
            await asyncio.sleep(1)
            assert polls(service) == 3
            assert await waiting(moto) == 0
            assert pagerduty.phones_rung == 1, "told again it rings nobody, and what it claims is not believed"


class Door:
    """The way to AWS of a daemon: ``shut`` is the operation whose answer never comes back, whatever AWS did."""

    def __init__(self, aws: str, shut: str, *, reaches: bool) -> None:
        self._aws = aws
        self._shut = shut
        self._reaches = reaches
        self.struck, self.over = asyncio.Event(), asyncio.Event()

    async def pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        held = request.headers.get("X-Amz-Target", "").endswith(f".{self._shut}")
        if held and not self._reaches:
            return await self._hold()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP}
        url = URL(f"{self._aws}{request.raw_path}", encoded=True)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=body, headers=headers) as answer,
        ):
            content = await answer.read()
        if held and b"MessageId" in content:
            return await self._hold()
        kind = answer.headers.get("Content-Type", "application/json")
        return web.Response(status=answer.status, body=content, headers={"Content-Type": kind})

    async def _hold(self) -> web.Response:
        self.struck.set()
        await self.over.wait()
        return web.Response(status=503)


_OF_ONE_HOP = {"host", "content-length", "connection", "transfer-encoding", "expect"}


@pytest.mark.long(30)
@pytest.mark.parametrize(
    ("shut", "reaches"), [("ReceiveMessage", True), ("DeleteMessageBatch", False)], ids=["received", "not yet deleted"]
)
async def test_a_process_killed_between_a_message_and_its_deletion_loses_nothing_and_tells_once(
    tmp_path: Path, shut: str, reaches: bool
) -> None:
    clock = SystemClock()
    async with moto_server() as moto, PagerDutyServer(clock) as pagerduty:
        await wire(moto)
        await push(moto, "akai/web", scanned=False)
        door = Door(moto.url, shut, reaches=reaches)
        async with listening(door.pass_on) as origin:
            first = daemon_on(tmp_path, origin, pagerduty.url)
            await first.start()
            await first.ready()
            await asyncio.sleep(2)
            async with moto.client("ecr") as ecr:
                await ecr.start_image_scan(repositoryName="akai/web", imageId={"imageTag": "v1"})
            await announce(moto, "akai/web")
            await asyncio.wait_for(door.struck.wait(), AT_ONCE)
            if shut == "DeleteMessageBatch":
                await until(lambda: pagerduty.phones_rung == 1, AT_ONCE, "what was committed is told")
            await first.kill()
            door.over.set()
        assert await waiting(moto) == 1, "AWS has it still"

        second = daemon_on(tmp_path, moto.url, pagerduty.url)
        await second.start()
        try:
            await second.ready()
            await until(lambda: pagerduty.phones_rung == 1, AT_ONCE, "the page")
            for _ in range(100):
                if await waiting(moto) == 0:
                    break
                await asyncio.sleep(0.2)
            assert await waiting(moto) == 0, "it came again, and is deleted"
            await asyncio.sleep(12)
            assert (pagerduty.phones_rung, len(pagerduty.incidents)) == (1, 1), "and one more poll tells nobody again"
        finally:
            await second.kill()


def daemon_on(folder: Path, aws: str, pagerduty: str) -> Daemon:
    """The installed command; both use the files of one folder."""
    config = write(folder, aws, pagerduty)
    listen = orjson.loads(config.read_bytes())["listen"]
    return Daemon(
        folder, [*COMMAND, "run", "--config", str(config)], f"http://{listen}", {**CREDENTIALS, "PD_KEY": DEMO_KEY}
    )


BOUNCE = {
    "notificationType": "Bounce",
    "mail": {"sendingAccountId": ACCOUNT, "sourceArn": f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"},
}
