"""Real aiobotocore clients pointed at the simulated AWS, and small estates for them to look at."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from watchtower.clock import epoch
from watchtower.demo.estate import Account, Estate, Key, Series, dimensions_of
from watchtower.demo.shapes import MINUTE

from .clock import START

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import pytest

    from watchtower.demo.aws import Credentials, EstateServer
    from watchtower.demo.shapes import Generator

ACCOUNT, REGION = "111122223333", "eu-west-1"
START_EPOCH = int(epoch(START))
MAIN = Account(ACCOUNT, "main", (REGION, "us-east-1"))


def series(
    metric: str,
    value: Generator,
    dimensions: Mapping[str, str] | None = None,
    *,
    namespace: str = "Shop",
    account: str = ACCOUNT,
    region: str = REGION,
    resolution: int = MINUTE,
) -> Series:
    """One series of a small estate."""
    key = Key(account, region, namespace, metric, dimensions_of(dimensions or {}))
    return Series(key, value, resolution)


def counting(at: float) -> float:
    """A generator that counts the minutes since the start: 0, 1, 2 …; before it, negative."""
    return (at - START_EPOCH) / 60


def estate(*members: Series, delay: float = 0.0, **more: Any) -> Estate:
    """An estate of one account with these series, published ``delay`` seconds after their minute."""
    return Estate(
        start=START_EPOCH,
        accounts=more.pop("accounts", (MAIN,)),
        series=members,
        publish_delay={"*": delay},
        **more,
    )


def use_keys(monkeypatch: pytest.MonkeyPatch, credentials: Credentials) -> None:
    """Let the SDK's default chain find these in the environment, and look nowhere else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@cache
def _session() -> AioSession:
    """One session for all tests: reading the service models is what makes a client slow."""
    return get_session()


@asynccontextmanager
async def client(
    service: str,
    server: EstateServer,
    *,
    region: str = REGION,
    credentials: Credentials | None = None,
    patience: float = 5.0,
) -> AsyncIterator[Any]:
    """A client that does not retry, so that a test sees each failure itself."""
    signing = credentials or server.credentials()
    config = AioConfig(retries={"max_attempts": 0}, read_timeout=patience, connect_timeout=patience)
    async with _session().create_client(
        service,
        region_name=region,
        endpoint_url=server.url,
        aws_access_key_id=signing.access_key,
        aws_secret_access_key=signing.secret_key,
        aws_session_token=signing.token,
        config=config,
    ) as made:
        yield made


def stat(
    name: str,
    metric: str,
    dimensions: Mapping[str, str] | None = None,
    *,
    statistic: str = "Average",
    period: int = 60,
    namespace: str = "Shop",
    **more: Any,
) -> dict[str, Any]:
    """A GetMetricData query for one statistic."""
    pairs = [{"Name": key, "Value": value} for key, value in (dimensions or {}).items()]
    asked = {"Namespace": namespace, "MetricName": metric, "Dimensions": pairs}
    return {"Id": name, "MetricStat": {"Metric": asked, "Period": period, "Stat": statistic}, **more}


def minutes(start: float, end: float) -> dict[str, float]:
    """StartTime and EndTime in minutes after the start."""
    return {"StartTime": START_EPOCH + start * 60, "EndTime": START_EPOCH + end * 60}
