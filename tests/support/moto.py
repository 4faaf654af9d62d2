"""moto, an AWS that we did not write: in a process of its own for daemons, in a thread of ours for sources.

The contract tests take ``moto_url``, ``config`` and ``clients`` from their conftest; a module that needs other accounts
has a ``config`` of its own. Each test finds moto empty.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiobotocore.session import get_session
from botocore.loaders import create_loader

from tests.support.daemon import free_port
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REGION = "us-east-1"
#: The region of the account of :func:`home`; without a default, so that a call that names no region fails.
HOME_REGION = "eu-west-1"
#: What the SDK's default chain finds in the tests; moto takes any.
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
CREDENTIALS = {**KEYS, "AWS_DEFAULT_REGION": REGION}
#: What the SDK knows of the services, read once: a new client would read it again.
_MODELS = create_loader()


class Moto:
    """What the tests do with it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        """An aiobotocore client context for one service."""
        session = get_session()
        session.register_component("data_loader", _MODELS)
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    async def put(self, namespace: str, metric: str, value: float, **dimensions: str) -> None:
        """One datapoint of now."""
        named = [{"Name": name, "Value": it} for name, it in dimensions.items()]
        datum = {"MetricName": metric, "Dimensions": named, "Value": value, "Timestamp": datetime.now(UTC)}
        async with self.client("cloudwatch") as cloudwatch:
            await cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    async def topic(self, name: str) -> str:
        """A new SNS topic's ARN."""
        async with self.client("sns") as sns:
            arn: str = (await sns.create_topic(Name=name))["TopicArn"]
            return arn

    async def published(self) -> list[list[Any]]:
        """What reached SNS: [message id, message, subject, attributes, …] each."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/moto-api/data.json") as response:
            data = await response.json(content_type=None)
        return [sent for topic in data.get("sns", {}).get("Topic", []) for sent in topic["sent_notifications"]]


@asynccontextmanager
async def moto_server() -> AsyncIterator[Moto]:
    """A fresh moto, stopped afterwards."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("moto_server")),
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **CREDENTIALS},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        await _answers(url)
        yield Moto(url)
    finally:
        process.kill()
        await process.wait()


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(f"{url}/moto-api/data.json"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError("moto did not start")


def home(url: str, **more: Any) -> AwsConfig:
    """The configuration of one account, ``home``; ``more`` replaces or adds keys."""
    accounts = [{"name": "home", "regions": [HOME_REGION]}]
    return AwsConfig.model_validate({"accounts": accounts, "endpoint_url": url, **more})


@pytest.fixture
def aws_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the environment, where the SDK's default chain looks first."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def moto_thread() -> Iterator[str]:
    """One server for all modules of this process, on a port that the system chose."""
    from moto.server import ThreadedMotoServer  # seconds, that only those pay who use it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest_asyncio.fixture
async def moto_url(moto_thread: str, aws_keys: None) -> str:
    """An empty moto, and keys for it."""
    async with aiohttp.ClientSession() as session, session.post(f"{moto_thread}/moto-api/reset") as response:
        assert response.status == 200
    return moto_thread


@pytest.fixture
def config(moto_url: str) -> AwsConfig:
    """One account in moto."""
    return home(moto_url)


@pytest_asyncio.fixture
async def clients(config: AwsConfig) -> AsyncIterator[AwsClients]:
    """The clients of the accounts of ``config``."""
    made = AwsClients(config)
    yield made
    await made.close()
