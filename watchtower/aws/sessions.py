"""One account's SDK session: its credentials, and its clients by service and region."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import AioSession
from botocore.loaders import create_loader

from watchtower.aws.errors import AWS_ERRORS, to_source_error
from watchtower.aws.plainjson import read_plain_json

if TYPE_CHECKING:
    from watchtower.aws.config import AccountConfig

#: Gives the STS client of a region.
StsDoor = Callable[[str], Awaitable[Any]]

_MODELS = create_loader()

#: Seconds that SQS holds a request for messages back, the most it takes
#: (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html).
LONG_POLL = 20

#: Name of our sessions in the account's CloudTrail.
SESSION_NAME = "watchtower"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two bytes of an answer, and for one request in all."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0

    def of(self, service: str) -> Timeouts:
        """Those of one service: a queue is silent for as long as nothing is in it."""
        more = LONG_POLL if service == "sqs" else 0
        return Timeouts(self.connect, self.read + more, self.total + more)


class AccountSession:
    """The clients of one set of credentials; thrown away whole when AWS calls them expired."""

    def __init__(self, session: AioSession, endpoint_url: str | None, timeouts: Timeouts) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._timeouts = timeouts
        self._clients: dict[tuple[str, str, str | None], Any] = {}
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()

    async def client(self, service: str, region: str, endpoint_url: str | None = None) -> Any:
        """The client of a service in a region, made at first use; ``endpoint_url`` overrides the account's."""
        key = (service, region, endpoint_url)
        async with self._lock:
            if key not in self._clients:
                self._clients[key] = await self._create(service, region, endpoint_url or self._endpoint_url)
            return self._clients[key]

    async def _create(self, service: str, region: str, endpoint_url: str | None) -> Any:
        made = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            config=_settings(service, self._timeouts.of(service)),
        )
        client = await self._stack.enter_async_context(made)
        if service == "cloudwatch":
            read_plain_json(client)
        return client

    async def close(self) -> None:
        """Close every client."""
        async with self._lock:
            self._clients.clear()
            await self._stack.aclose()


def _settings(service: str, timeouts: Timeouts) -> AioConfig:
    """No retries: the next tick is the retry, and it is paced; CloudWatch checks its own parameters."""
    return AioConfig(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"total_max_attempts": 1},
        max_pool_connections=50,
        parameter_validation=service != "cloudwatch",
        user_agent_extra="watchtower",
    )


def default_session(endpoint_url: str | None, timeouts: Timeouts) -> AccountSession:
    """A session with the SDK's default credential chain."""
    return AccountSession(_sdk_session(), endpoint_url, timeouts)


def _sdk_session() -> AioSession:
    """A session that shares the service models: reading them costs 70 ms a time."""
    session = AioSession()
    session.register_component("data_loader", _MODELS)
    return session


async def role_session(
    account: AccountConfig, sts: StsDoor, endpoint_url: str | None, timeouts: Timeouts
) -> AccountSession:
    """A session that acts as the account's role, and assumes it again before its credentials end.

    ``sts`` gives the client of a region with the default chain's credentials of the moment. Raises
    SourceError when the role is refused.
    """
    assume = _assumer(account, sts, timeouts)
    session = _sdk_session()
    session._credentials = AioRefreshableCredentials.create_from_metadata(
        await assume(), refresh_using=assume, method="sts-assume-role"
    )
    return AccountSession(session, endpoint_url, timeouts)


def _assumer(account: AccountConfig, sts: StsDoor, timeouts: Timeouts) -> Callable[[], Awaitable[dict[str, str]]]:
    external = account.external_id.reveal() if account.external_id else None
    request = {"RoleArn": account.role_arn, "RoleSessionName": SESSION_NAME}
    if external is not None:
        request["ExternalId"] = external

    async def assume() -> dict[str, str]:
        try:
            async with asyncio.timeout(timeouts.total):
                client = await sts(account.regions[0])
                answer = await client.assume_role(**request)
        except AWS_ERRORS as error:
            raise to_source_error(error, "AssumeRole", hide=[external] if external else ()) from None
        found = answer["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    return assume
