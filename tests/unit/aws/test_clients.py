from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.clock import ManualClock
from tests.support.scripted_aws import (
    CUT,
    HANG,
    HTML,
    PATIENT,
    RESET,
    ROLE,
    THROTTLED,
    Reply,
    Request,
    ScriptedAws,
    config_of,
    identity,
    ok,
    refusal,
    role_credentials,
    xml_refusal,
)
from watchtower.aws.clients import AwsClients
from watchtower.errors import SourceError
from watchtower.model import TroubleReason as Why

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

METRICS = ok({"Metrics": []})
EXPIRED = refusal("ExpiredTokenException", "The security token included in the request is expired")


async def list_metrics(clients: AwsClients, account: str = "prod") -> None:
    await clients.call(account, "eu-west-1", "cloudwatch", "list_metrics", Namespace="AWS/EC2")


async def test_an_account_without_a_role_signs_with_the_default_chain(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", METRICS)
    await list_metrics(clients)
    [request] = aws.asked("ListMetrics")
    assert request.key == "default-key"
    assert request.body["Namespace"] == "AWS/EC2"


async def test_an_account_with_a_role_signs_with_the_roles_credentials(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", METRICS)
    aws.on("AssumeRole", role_credentials("role-key"))
    await list_metrics(clients, "other")
    await list_metrics(clients, "other")
    [assumed] = aws.asked("AssumeRole")
    assert assumed.body["RoleArn"] == ROLE
    assert assumed.key == "default-key"
    assert [request.key for request in aws.asked("ListMetrics")] == ["role-key", "role-key"]


@pytest_asyncio.fixture
async def shared(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AwsClients]:
    """Clients of an account whose role wants an external id."""
    monkeypatch.setenv("EXTERNAL", "shared-word")
    account = {"name": "other", "regions": ["eu-west-1"], "role_arn": ROLE, "external_id": {"env": "EXTERNAL"}}
    made = AwsClients(config_of(aws, account), timeouts=PATIENT)
    yield made
    await made.close()


async def test_the_external_id_goes_to_sts(aws: ScriptedAws, shared: AwsClients) -> None:
    aws.on("ListMetrics", METRICS)
    aws.on("AssumeRole", role_credentials("role-key"))
    await list_metrics(shared, "other")
    assert aws.asked("AssumeRole")[0].body["ExternalId"] == "shared-word"


async def test_the_external_id_is_not_in_the_error_when_sts_quotes_it(aws: ScriptedAws, shared: AwsClients) -> None:
    aws.on("AssumeRole", xml_refusal("ValidationError", "Value 'shared-word' at 'externalId' failed", 400))
    with pytest.raises(SourceError) as caught:
        await list_metrics(shared, "other")
    assert "shared-word" not in str(caught.value)
    assert caught.value.detail.startswith("AssumeRole: ValidationError")


async def test_a_refused_role_is_a_credentials_error_and_asked_again_next_time(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("AssumeRole", xml_refusal("AccessDenied", "not authorized"), role_credentials("role-key"))
    aws.on("ListMetrics", METRICS)
    with pytest.raises(SourceError) as caught:
        await list_metrics(clients, "other")
    assert caught.value.reason == Why.CREDENTIALS
    await list_metrics(clients, "other")


async def test_a_role_is_assumed_again_before_its_credentials_end(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("AssumeRole", role_credentials("old", "2020-01-01T00:00:00Z"), role_credentials("new"))
    aws.on("ListMetrics", METRICS)
    await list_metrics(clients, "other")
    assert aws.asked("ListMetrics")[0].key == "new"


async def test_an_expired_token_is_followed_by_one_try_with_fresh_credentials(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("AssumeRole", role_credentials("old"), role_credentials("new"))
    aws.on("ListMetrics", EXPIRED, METRICS)
    await list_metrics(clients, "other")
    assert [request.key for request in aws.asked("ListMetrics")] == ["old", "new"]


async def test_a_token_that_stays_expired_is_tried_only_twice(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("ListMetrics", EXPIRED)
    with pytest.raises(SourceError) as caught:
        await list_metrics(clients)
    assert caught.value.reason == Why.CREDENTIALS
    assert len(aws.asked("ListMetrics")) == 2


async def test_many_calls_that_find_the_token_expired_fetch_few_fresh_ones(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    """Each expired session is put aside once, so a burst does not turn into a burst against STS."""

    def only_new(request: Request, number: int) -> Reply:
        return EXPIRED if request.key == "old" else METRICS

    aws.on("AssumeRole", role_credentials("old"), role_credentials("new"))
    aws.on("ListMetrics", only_new)
    await asyncio.gather(*(list_metrics(clients, "other") for _ in range(8)))
    assert len(aws.asked("AssumeRole")) == 2


async def test_a_late_expired_answer_does_not_throw_fresh_credentials_away(
    aws: ScriptedAws, clients: AwsClients
) -> None:
    aws.on("AssumeRole", role_credentials("old"), role_credentials("new"))
    late = Reply(EXPIRED.status, EXPIRED.body, how="hang")
    aws.on("ListMetrics", METRICS, late, EXPIRED, METRICS)
    await list_metrics(clients, "other")
    slow = asyncio.create_task(list_metrics(clients, "other"))
    while len(aws.asked("ListMetrics")) < 2:
        await asyncio.sleep(0.01)
    await list_metrics(clients, "other")
    aws.hanging.set()
    await slow
    assert [request.key for request in aws.asked("ListMetrics")] == ["old", "old", "old", "new", "new"]
    assert len(aws.asked("AssumeRole")) == 2


async def test_an_expired_default_chain_is_read_anew(
    aws: ScriptedAws, clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_fresh(request: Request, number: int) -> Reply:
        fresh = request.key == "fresh-key"
        return role_credentials("role-key") if fresh else xml_refusal("ExpiredToken", "expired")

    aws.on("AssumeRole", only_fresh)
    aws.on("ListMetrics", METRICS)
    await list_metrics(clients)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fresh-key")
    await list_metrics(clients, "other")
    assert [request.key for request in aws.asked("AssumeRole")] == ["default-key", "fresh-key"]


async def test_the_default_chain_is_asked_again_when_it_is_what_expired(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("AssumeRole", xml_refusal("ExpiredToken", "expired"), role_credentials("role-key"))
    aws.on("ListMetrics", METRICS)
    await list_metrics(clients, "other")
    assert len(aws.asked("AssumeRole")) == 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (THROTTLED, Why.THROTTLED),
        (RESET, Why.UNREACHABLE),
        (CUT, Why.UNREACHABLE),
        (HTML, Why.INTERNAL),
        (refusal("AccessDeniedException", "no", 400), Why.FORBIDDEN),
    ],
)
async def test_a_failing_call_is_not_repeated(aws: ScriptedAws, clients: AwsClients, reply: Reply, reason: Why) -> None:
    """The next tick is the retry, and it is paced; an inner one would double the load on who throttles."""
    aws.on("ListMetrics", reply)
    with pytest.raises(SourceError) as caught:
        await list_metrics(clients)
    assert caught.value.reason == reason
    assert len(aws.asked("ListMetrics")) == 1


async def test_a_server_that_hangs_is_given_up(aws: ScriptedAws, impatient: AwsClients) -> None:
    aws.on("ListMetrics", HANG)
    with pytest.raises(SourceError) as caught:
        await list_metrics(impatient)
    assert caught.value.reason == Why.TIMEOUT


async def test_a_closed_port_is_unreachable(aws_environment: None) -> None:
    clients = AwsClients(config_of(ScriptedAws(url="http://127.0.0.1:9")), timeouts=PATIENT)
    with pytest.raises(SourceError) as caught:
        await list_metrics(clients)
    await clients.close()
    assert caught.value.reason == Why.UNREACHABLE


async def test_missing_credentials_are_told_as_such(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    clients = AwsClients(config_of(aws), timeouts=PATIENT)
    with pytest.raises(SourceError) as caught:
        await list_metrics(clients)
    await clients.close()
    assert caught.value.reason == Why.CREDENTIALS


async def test_a_hanging_sts_of_one_account_does_not_hold_up_another(aws: ScriptedAws, clients: AwsClients) -> None:
    aws.on("AssumeRole", HANG)
    aws.on("ListMetrics", METRICS)
    stuck = asyncio.create_task(list_metrics(clients, "other"))
    while not aws.asked("AssumeRole"):
        await asyncio.sleep(0.01)
    await list_metrics(clients)
    assert not stuck.done()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)


async def test_the_account_of_a_role_is_read_from_its_arn(aws: ScriptedAws, clients: AwsClients) -> None:
    assert await clients.account_id("other") == "222222222222"
    assert aws.requests == []


async def test_the_account_of_the_default_chain_is_asked_once(aws: ScriptedAws, clients: AwsClients) -> None:
    found = await asyncio.gather(*(clients.account_id("prod") for _ in range(3)))
    assert set(found) == {"111111111111"}
    assert len(aws.asked("GetCallerIdentity")) == 1


async def test_an_account_that_sts_does_not_tell_is_unknown_until_it_is_asked_again(aws: ScriptedAws) -> None:
    """Polls must not wait for an STS that cannot be reached, each time again."""
    aws.on("GetCallerIdentity", xml_refusal("AccessDenied", "no"), identity("333333333333"))
    clock = ManualClock()
    clients = AwsClients(config_of(aws), timeouts=PATIENT, clock=clock)
    assert await clients.account_id("prod") is None
    assert await clients.account_id("prod") is None
    assert len(aws.asked("GetCallerIdentity")) == 1
    clock.advance(300)
    assert await clients.account_id("prod") == "333333333333"
    await clients.close()


async def test_sns_can_be_reached_in_any_region_and_at_its_own_endpoint(aws: ScriptedAws, clients: AwsClients) -> None:
    configured = await clients.sns("us-west-2")
    own = await clients.sns("us-west-2", "http://127.0.0.1:9")
    assert configured.meta.endpoint_url == aws.url
    assert configured.meta.region_name == "us-west-2"
    assert own.meta.endpoint_url == "http://127.0.0.1:9"
    assert await clients.sns("us-west-2") is configured
