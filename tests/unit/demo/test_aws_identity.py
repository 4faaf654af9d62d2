from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from botocore.exceptions import ClientError

from tests.support.simulated_aws import ACCOUNT, MAIN, client, estate, minutes, series, stat
from watchtower.demo.aws import Credentials, EstateServer, Fault, Faults, Kind, account_credentials
from watchtower.demo.estate import Account
from watchtower.demo.shapes import steady

if TYPE_CHECKING:
    from tests.support.clock import ManualClock

OTHER = Account(
    "444455556666",
    "other",
    ("eu-west-1",),
    role_arn="arn:aws:iam::444455556666:role/watchtower",
    external_id="s3same",
)
WORLD = estate(series("Orders", steady(1)), series("Orders", steady(2), account=OTHER.id), accounts=(MAIN, OTHER))
WANTED = {"RoleArn": OTHER.role_arn, "RoleSessionName": "wt", "ExternalId": OTHER.external_id}


async def assume(server: EstateServer, **changed: Any) -> Credentials:
    async with client("sts", server) as sts:
        given = (await sts.assume_role(**{**WANTED, **changed}))["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


async def orders(server: EstateServer, credentials: Credentials) -> float:
    async with client("cloudwatch", server, credentials=credentials) as cloudwatch:
        answer = await cloudwatch.get_metric_data(MetricDataQueries=[stat("m", "Orders")], **minutes(58, 59))
    value: float = answer["MetricDataResults"][0]["Values"][0]
    return value


async def test_an_assumed_role_sees_only_its_own_account(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server:
        assert await orders(server, server.credentials()) == 1
        assert await orders(server, await assume(server)) == 2


async def test_the_caller_is_told_who_it_is(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server:
        async with client("sts", server) as sts:
            assert (await sts.get_caller_identity())["Account"] == ACCOUNT
        async with client("sts", server, credentials=await assume(server)) as sts:
            identity = await sts.get_caller_identity()
    assert identity["Account"] == OTHER.id
    assert identity["Arn"] == "arn:aws:sts::444455556666:assumed-role/watchtower/wt"


@pytest.mark.parametrize("changed", [{"ExternalId": "guess"}, {"RoleArn": "arn:aws:iam::444455556666:role/admin"}])
async def test_a_wrong_external_id_and_an_unknown_role_are_denied_alike(
    clock: ManualClock, changed: dict[str, str]
) -> None:
    async with EstateServer(WORLD, clock) as server:
        with pytest.raises(ClientError) as raised:
            await assume(server, **changed)
    assert raised.value.response["Error"]["Code"] == "AccessDenied"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "sts:AssumeRole" in raised.value.response["Error"]["Message"]


async def test_a_role_without_the_external_id_it_wants_is_denied(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, client("sts", server) as sts:
        with pytest.raises(ClientError, match="AccessDenied"):
            await sts.assume_role(RoleArn=OTHER.role_arn, RoleSessionName="wt")


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (replace(account_credentials(ACCOUNT), secret_key="wrong"), "SignatureDoesNotMatch"),
        (Credentials("AKIDEXAMPLE", "wrong"), "InvalidClientTokenId"),
        (account_credentials("999999999999"), "InvalidClientTokenId"),
        (Credentials("ASIA444455556666ABCD", "wrong", "made up"), "SignatureDoesNotMatch"),
    ],
)
async def test_wrong_credentials_are_refused(clock: ManualClock, credentials: Credentials, code: str) -> None:
    async with EstateServer(WORLD, clock) as server:
        for service, call in (("cloudwatch", "list_metrics"), ("sts", "get_caller_identity")):
            async with client(service, server, credentials=credentials) as made:
                with pytest.raises(ClientError) as raised:
                    await getattr(made, call)()
            assert raised.value.response["Error"]["Code"] == code


async def test_a_forged_session_token_is_refused(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server:
        genuine = await assume(server)
        longer = replace(genuine, token=(genuine.token or "").replace(".wt.", ".wt.9"))
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            await orders(server, longer)


async def test_a_session_that_has_ended_is_an_expired_token(clock: ManualClock) -> None:
    from watchtower.demo.aws.signature import session_credentials

    async with EstateServer(WORLD, clock) as server:
        with pytest.raises(ClientError) as raised:
            await orders(server, session_credentials(OTHER.id, "wt", expires_at=1_000_000_000))
    assert raised.value.response["Error"]["Code"] == "ExpiredToken"


async def test_an_unsigned_request_is_refused(clock: ManualClock) -> None:
    async with EstateServer(WORLD, clock) as server, aiohttp.ClientSession() as session:
        headers = {"X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics"}
        async with session.post(server.url, data=b"{}", headers=headers) as response:
            body = await response.json(content_type=None)
    assert response.status == 403
    assert body["__type"].endswith("#MissingAuthenticationToken")
    assert "x-amzn-query-error" not in response.headers, "only a client that asks for it gets the query code"


async def test_a_request_that_was_changed_on_its_way_is_refused(clock: ManualClock) -> None:
    """The signature covers the body, so a client that signs something else is found out."""
    async with EstateServer(WORLD, clock) as server, client("cloudwatch", server) as cloudwatch:
        cloudwatch.meta.events.register_last("before-send.cloudwatch.ListMetrics", _altered_body)
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            await cloudwatch.list_metrics(Namespace="Shop")


def _altered_body(request: Any, **_: Any) -> None:
    request.body = request.body.replace(b"Shop", b"Stop")


async def test_faults_can_be_aimed_at_one_account(clock: ManualClock) -> None:
    faults = Faults([Fault(Kind.ACCESS_DENIED, account=OTHER.id)])
    async with EstateServer(WORLD, clock, faults) as server:
        outcomes = await asyncio.gather(
            orders(server, server.credentials()), orders(server, await assume(server)), return_exceptions=True
        )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], ClientError)
    assert "cloudwatch:GetMetricData" in str(outcomes[1])
