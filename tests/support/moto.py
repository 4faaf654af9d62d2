"""A moto server in a process of its own: an AWS that we did not write."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiobotocore.session import get_session
from botocore.loaders import create_loader

from tests.support.daemon import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REGION = "us-east-1"
#: What the SDK's default chain finds in the tests; moto takes any.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
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
