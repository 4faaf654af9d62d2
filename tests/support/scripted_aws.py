"""A loopback server that speaks AWS's wire protocols and answers what a test tells it to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from tests.support.listening import listening
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.aws.sessions import Timeouts

ROLE = "arn:aws:iam::222222222222:role/watchtower"
OTHER_ACCOUNT = {"name": "other", "regions": ["eu-west-1"], "role_arn": ROLE}
PATIENT = Timeouts(connect=2.0, read=5.0, total=10.0)
IMPATIENT = Timeouts(connect=0.5, read=0.3, total=2.0)


@dataclass(frozen=True)
class Reply:
    """One answer; ``how`` hang: never, reset: the connection is cut, cut: the body ends early."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/x-amz-json-1.0"
    how: str = ""


@dataclass(frozen=True)
class Request:
    """What a client asked; ``key`` is the access key that signed it."""

    operation: str
    body: Mapping[str, Any]
    key: str


def ok(body: Mapping[str, Any]) -> Reply:
    return Reply(body=orjson.dumps(body))


def refusal(code: str, message: str = "", status: int = 400) -> Reply:
    return Reply(status, orjson.dumps({"__type": f"com.amazonaws.cloudwatch#{code}", "message": message}))


def xml_refusal(code: str, message: str, status: int = 403) -> Reply:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f"<ErrorResponse>{error}</ErrorResponse>"
    return Reply(status, text.encode(), "text/xml")


def role_credentials(key: str, expiration: str = "2099-01-01T00:00:00Z") -> Reply:
    text = (
        f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>"
        f"<SecretAccessKey>secret</SecretAccessKey><SessionToken>token-{key}</SessionToken>"
        f"<Expiration>{expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    return Reply(body=text.encode(), content_type="text/xml")


def identity(account: str) -> Reply:
    text = (
        f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    return Reply(body=text.encode(), content_type="text/xml")


HTML = Reply(500, b"<!doctype html><html><body>Service Unavailable</body></html>", "text/html")
HANG = Reply(how="hang")
RESET = Reply(how="reset")
CUT = Reply(body=b'{"MetricDataResults": [', how="cut")
THROTTLED = refusal("ThrottlingException", "Rate exceeded")

Script = Callable[[Request, int], Reply]


@dataclass
class ScriptedAws:
    """``scripts`` maps an operation to what it answers to the n-th request (from 0)."""

    url: str = ""
    scripts: dict[str, Script] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def on(self, operation: str, *replies: Reply | Script) -> None:
        """Answer with these in turn, the last one for ever."""

        def script(request: Request, number: int) -> Reply:
            reply = replies[min(number, len(replies) - 1)]
            return reply if isinstance(reply, Reply) else reply(request, number)

        self.scripts[operation] = script

    def asked(self, operation: str) -> list[Request]:
        return [request for request in self.requests if request.operation == operation]

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        request = await _read(incoming)
        self.requests.append(request)
        number = self.counts[request.operation]
        self.counts[request.operation] += 1
        script = self.scripts.get(request.operation)
        reply = script(request, number) if script else refusal("InvalidAction", f"no script: {request.operation}")
        return await self._answer(incoming, reply)

    async def _answer(self, incoming: web.Request, reply: Reply) -> web.StreamResponse:
        headers = {"Content-Type": reply.content_type}
        if reply.how == "hang":
            await self.hanging.wait()
        if reply.how == "reset":
            assert incoming.transport is not None
            incoming.transport.abort()
        if reply.how == "cut":
            response = web.StreamResponse(headers={**headers, "Content-Length": "4000"})
            await response.prepare(incoming)
            await response.write(reply.body)
            assert incoming.transport is not None
            incoming.transport.close()
            return response
        return web.Response(status=reply.status, body=reply.body, headers=headers)


async def _read(incoming: web.Request) -> Request:
    authorization = incoming.headers.get("Authorization", "")
    key = authorization.partition("Credential=")[2].partition("/")[0]
    target = incoming.headers.get("X-Amz-Target")
    if target is not None:
        return Request(target.split(".")[-1], orjson.loads(await incoming.read()), key)
    form = {name: str(value) for name, value in (await incoming.post()).items()}
    return Request(form.get("Action", ""), form, key)


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of nobody, and no way to somebody's."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "default-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "default-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


@pytest_asyncio.fixture
async def aws(aws_environment: None) -> AsyncIterator[ScriptedAws]:
    """A scripted AWS on loopback."""
    scripted = ScriptedAws()
    scripted.on("GetCallerIdentity", identity("111111111111"))
    async with listening(scripted.handle) as scripted.url:
        yield scripted
        scripted.hanging.set()


def config_of(aws: ScriptedAws, *accounts: Mapping[str, Any], **more: Any) -> AwsConfig:
    """A configuration of the default account ``prod`` in eu-west-1, unless others are given."""
    chosen = accounts or ({"name": "prod", "regions": ["eu-west-1"]},)
    return AwsConfig.model_validate({"accounts": list(chosen), "endpoint_url": aws.url, **more})


@pytest_asyncio.fixture
async def clients(aws: ScriptedAws) -> AsyncIterator[AwsClients]:
    """Clients of the default account ``prod`` and of ``other``, which takes a role."""
    made = AwsClients(config_of(aws, {"name": "prod", "regions": ["eu-west-1"]}, OTHER_ACCOUNT), timeouts=PATIENT)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def impatient(aws: ScriptedAws) -> AsyncIterator[AwsClients]:
    """The same clients, giving up after 0.3 s without a byte: for servers that hang."""
    made = AwsClients(config_of(aws, {"name": "prod", "regions": ["eu-west-1"]}, OTHER_ACCOUNT), timeouts=IMPATIENT)
    yield made
    await made.close()
