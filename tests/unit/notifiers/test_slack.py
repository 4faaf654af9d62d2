from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.clock import START, ManualClock
from tests.support.deliveries import a_delivery, a_notice
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import hang, refused, reset, server_error, strayed
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.errors import Ambiguous, Rejected
from watchtower.model import Delivery, DeliveryState, Event, Priority, Receipt
from watchtower.notifiers.base import Doors
from watchtower.notifiers.blocks import Look
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_webhook import SlackWebhook
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer(ManualClock(), pace=None) as running:
        yield running


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with aiohttp.ClientSession() as session:
        yield Doors(session, AwsClients(AwsConfig()), 0.4)


@pytest.fixture
def ops(server: SlackServer, doors: Doors) -> Slack:
    return Slack("ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=server.url.rstrip("/"), doors=doors)


def later(first: Receipt, number: int, event: Event) -> Delivery:
    return a_delivery(number, event, ref=first.ref)


def a_rise(first: Receipt) -> Delivery:
    return a_delivery(2, notice=a_notice(tier=Priority.P1), ref=first.ref)


def address(receipt: Receipt | None) -> tuple[str, str]:
    assert receipt is not None
    assert receipt.ref is not None
    return receipt.ref["channel"], receipt.ref["ts"]


def calls(server: SlackServer) -> list[str]:
    return [one.operation.rpartition("/")[2] for one in server.requests]


async def test_a_trigger_is_posted_and_says_where_it_is(ops: Slack, server: SlackServer) -> None:
    receipt = await ops.send(a_delivery())
    [message] = server.in_channel("ops")
    assert address(receipt) == (message.channel, message.ts)
    assert message.metadata == {
        "event_type": "watchtower_delivery",
        "event_payload": {"delivery_id": a_delivery().id, "incident_id": "inc-1"},
    }


async def test_links_in_a_message_bring_no_previews(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery())
    sent = server.requests[0].payload
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)


@pytest.mark.parametrize("event", [Event.UPDATE, Event.RESOLVE])
async def test_a_change_and_a_resolve_edit_the_message_and_notify_nobody(
    ops: Slack, server: SlackServer, event: Event
) -> None:
    first = await ops.send(a_delivery())
    second = await ops.send(later(first, 2, event))
    assert address(second) == address(first)
    [message] = server.in_channel("ops")
    assert message.edits == 1


async def test_a_post_that_arrives_after_it_was_sent_again_ends_with_its_twin(ops: Slack, server: SlackServer) -> None:
    """Nobody knows its address, and it would seem to fire for ever."""
    assert isinstance(server.clock, ManualClock)
    server.faults.next(strayed(40))
    with pytest.raises(Ambiguous):
        await ops.send(a_delivery())
    second = replace(a_delivery(), state=DeliveryState.AMBIGUOUS, first_attempt_at=server.clock.now())
    receipt = await ops.send(second)
    server.clock.advance(60)
    changed = await ops.send(later(receipt, 2, Event.UPDATE))
    await ops.send(later(changed, 3, Event.RESOLVE))

    roots = [message for message in server.in_channel("ops") if message.thread_ts is None]
    assert [message.text[:1] for message in roots] == ["🟢", "🟢"]


async def test_what_was_posted_once_is_not_searched_for_when_it_ends(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    await ops.send(later(first, 2, Event.RESOLVE))
    assert "conversations.history" not in calls(server)


async def test_a_twin_that_cannot_be_looked_for_holds_back_no_resolve(ops: Slack, server: SlackServer) -> None:
    second = replace(a_delivery(), state=DeliveryState.AMBIGUOUS, first_attempt_at=START)
    receipt = await ops.send(second)
    server.faults.always(refused("missing_scope", operation="conversations.history"))
    assert (await ops.send(later(receipt, 2, Event.RESOLVE))).detail.startswith("updated in place")


async def test_a_resolved_message_turns_green(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    await ops.send(later(first, 2, Event.RESOLVE))
    assert server.messages[0].text.startswith("🟢 P2 RESOLVED")
    assert "Resolved after 12m." in server.messages[0].text


async def test_a_rise_edits_the_message_and_is_shown_in_the_channel(ops: Slack, server: SlackServer) -> None:
    """An edit alone notifies nobody."""
    first = await ops.send(a_delivery())
    second = await ops.send(a_rise(first))
    message, reply = server.in_channel("ops")
    assert message.text.startswith("🔴 P1 FIRING")
    assert (reply.thread_ts, reply.broadcast) == (message.ts, True)
    assert address(second) == address(first)


@pytest.mark.parametrize("event", [Event.REPEAT, Event.ESCALATION])
async def test_a_repeat_is_shown_in_the_channel_under_the_message_it_repeats(
    ops: Slack, server: SlackServer, event: Event
) -> None:
    first = await ops.send(a_delivery())
    await ops.send(later(first, 2, event))
    assert [one.thread_ts for one in server.in_channel("ops")] == [None, server.messages[0].ts]


@pytest.mark.parametrize("event", Event)
async def test_without_a_message_to_edit_every_event_is_posted(ops: Slack, server: SlackServer, event: Event) -> None:
    assert (await ops.send(a_delivery(event=event))).ref is not None
    assert calls(server) == ["chat.postMessage"]


async def test_a_deleted_message_is_posted_afresh(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    server.delete(server.messages[0])
    second = await ops.send(later(first, 2, Event.RESOLVE))
    assert second.ref != first.ref
    assert server.messages[0].text.startswith("🟢")


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_a_message_that_may_not_be_edited_any_more_is_posted_afresh(
    ops: Slack, server: SlackServer, error: str
) -> None:
    first = await ops.send(a_delivery())
    server.faults.next(refused(error, operation="chat.update"))
    await ops.send(a_rise(first))
    assert calls(server) == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert [one.thread_ts for one in server.messages] == [None, None]


async def test_an_edit_that_is_refused_otherwise_is_not_posted_instead(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    server.faults.next(refused("is_archived", operation="chat.update"))
    with pytest.raises(Rejected):
        await ops.send(later(first, 2, Event.RESOLVE))
    assert len(server.messages) == 1


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "request_timeout", "service_unavailable"])
async def test_an_error_of_slacks_own_may_have_posted_all_the_same(ops: Slack, server: SlackServer, error: str) -> None:
    server.faults.next(refused(error, acted=True))
    with pytest.raises(Ambiguous):
        await ops.send(a_delivery())
    assert len(server.messages) == 1


@pytest.mark.parametrize(
    "error", ["channel_not_found", "invalid_auth", "is_archived", "not_in_channel", "token_revoked", "brand_new_error"]
)
async def test_a_refusal_is_for_good_and_names_slacks_word(ops: Slack, server: SlackServer, error: str) -> None:
    server.faults.next(refused(error))
    with pytest.raises(Rejected, match=error) as caught:
        await ops.send(a_delivery())
    assert caught.value.permanent


async def test_a_rate_limit_told_with_http_200_is_for_now(ops: Slack, server: SlackServer) -> None:
    server.faults.next(refused("ratelimited"))
    with pytest.raises(Rejected) as caught:
        await ops.send(a_delivery())
    assert (caught.value.permanent, caught.value.retry_after) == (False, 30)


async def test_a_second_message_within_the_second_waits_as_long_as_slack_says(ops: Slack, server: SlackServer) -> None:
    server.pace = 1.0
    await ops.send(a_delivery())
    with pytest.raises(Rejected) as caught:
        await ops.send(a_delivery(2))
    assert (caught.value.permanent, caught.value.retry_after) == (False, 1)


async def test_an_answer_that_is_not_slacks_is_ambiguous(ops: Slack, server: SlackServer) -> None:
    server.faults.next(server_error(200))
    with pytest.raises(Ambiguous):
        await ops.send(a_delivery())


@pytest.mark.parametrize("fault", [hang(acted=True), reset(acted=True), server_error(502, acted=True)])
async def test_a_post_whose_answer_was_lost_is_found_by_its_delivery(
    ops: Slack, server: SlackServer, fault: object
) -> None:
    server.faults.next(fault)  # type: ignore[arg-type]
    with pytest.raises(Ambiguous):
        await ops.send(a_delivery())
    found = await ops.find(a_delivery())
    assert address(found) == (server.messages[0].channel, server.messages[0].ts)


async def test_a_post_that_never_arrived_is_not_found(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery(2))
    assert await ops.find(a_delivery(1)) is None


async def test_a_lost_post_is_found_behind_pages_of_others(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery(1))
    for number in range(2, 7):
        await ops.send(a_delivery(number))
    server.page_size = 2
    assert await ops.find(a_delivery(1)) is not None
    assert calls(server)[-3:] == ["conversations.history"] * 3


async def test_a_post_older_than_the_first_attempt_is_not_looked_at(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery())
    assert isinstance(server.clock, ManualClock)
    tomorrow = replace(a_delivery(), first_attempt_at=START.replace(day=6))
    assert await ops.find(tomorrow) is None


async def test_a_lost_reply_is_found_and_leads_to_the_message_it_belongs_to(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    server.faults.next(reset(acted=True, operation="chat.postMessage"))
    with pytest.raises(Ambiguous):
        await ops.send(a_rise(first))
    found = await ops.find(a_rise(first))
    assert address(found) == address(first)


async def test_a_token_that_may_not_read_finds_nothing(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery())
    server.scopes.discard("channels:history")
    assert await ops.find(a_delivery()) is None


async def test_a_token_that_may_not_list_channels_still_finds_by_id(server: SlackServer, doors: Doors) -> None:
    by_id = Slack("ops", token=Secret(DEMO_TOKEN), channel="C00000001", api_url=server.url.rstrip("/"), doors=doors)
    await by_id.send(a_delivery())
    server.scopes.discard("channels:read")
    assert await by_id.find(a_delivery()) is not None


async def test_a_channel_nobody_can_list_is_not_searched(ops: Slack, server: SlackServer) -> None:
    await ops.send(a_delivery())
    server.scopes.discard("channels:read")
    assert await ops.find(a_delivery()) is None


async def test_a_search_that_slack_does_not_answer_is_ambiguous_not_empty(ops: Slack, server: SlackServer) -> None:
    """Not found would post a second time."""
    server.faults.next(hang(operation="conversations.history"))
    with pytest.raises(Ambiguous):
        await ops.find(a_delivery())


async def test_a_search_slack_fails_at_is_ambiguous_not_empty(ops: Slack, server: SlackServer) -> None:
    server.faults.next(refused("internal_error", operation="conversations.history"))
    with pytest.raises(Ambiguous):
        await ops.find(a_delivery())


async def test_a_channel_is_told_apart_by_its_name_and_its_token_which_stays_secret(
    ops: Slack, server: SlackServer, doors: Doors
) -> None:
    def destination(token: str, channel: str) -> str:
        url = server.url.rstrip("/")
        return Slack("ops", token=Secret(token), channel=channel, api_url=url, doors=doors).traits.destination

    assert (ops.traits.keyed_by_tier, ops.traits.takes_updates) == (False, True)
    assert ops.traits.destination == destination(DEMO_TOKEN, "#ops")
    assert len({ops.traits.destination, destination("xoxb-other", "#ops"), destination(DEMO_TOKEN, "#db")}) == 3
    assert DEMO_TOKEN not in ops.traits.destination


async def test_a_webhook_posts_every_event_anew(server: SlackServer, doors: Doors) -> None:
    hook = SlackWebhook("ops", Secret(server.webhook_url), doors)
    assert (await hook.send(a_delivery())).ref is None
    await hook.send(a_delivery(2, Event.RESOLVE))
    assert [one.text[0] for one in server.in_channel("ops")] == ["🟠", "🟢"]
    assert not hook.traits.takes_updates


async def test_a_webhook_that_was_revoked_is_refused_for_good(server: SlackServer, doors: Doors) -> None:
    hook = SlackWebhook("ops", Secret(f"{server.origin}/services/T/B/gone"), doors)
    with pytest.raises(Rejected, match="no_service") as caught:
        await hook.send(a_delivery())
    assert caught.value.permanent
    assert "gone" not in str(caught.value)


# -- the thread --------------------------------------------------------------------------------------------------------


async def test_an_end_is_logged_in_the_thread_where_nobody_is_called(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    await ops.send(later(first, 2, Event.RESOLVE))
    [message] = server.in_channel("ops")
    [reply] = server.thread(message)
    assert "Resolved after 12m" in reply.text
    assert not reply.broadcast


async def test_a_reply_that_never_arrived_is_not_taken_for_sent_because_the_edit_was(
    ops: Slack, server: SlackServer
) -> None:
    """The edited message carries the delivery's id too, and stands in the history."""
    first = await ops.send(a_delivery())
    server.faults.next(reset(operation="chat.postMessage"))
    with pytest.raises(Ambiguous):
        await ops.send(a_rise(first))
    assert await ops.find(a_rise(first)) is None
    await ops.send(a_rise(first))
    [message, _] = server.in_channel("ops")
    assert len(server.thread(message)) == 1


async def test_a_quiet_reply_whose_answer_was_lost_is_found_in_the_thread(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    ended = later(first, 2, Event.RESOLVE)
    server.faults.next(reset(acted=True, operation="chat.postMessage"))
    with pytest.raises(Ambiguous):
        await ops.send(ended)
    found = await ops.find(ended)
    assert address(found) == address(first)
    assert found is not None
    assert found.ref is not None
    assert found.ref["logged"]


async def test_a_message_posted_afresh_is_found_though_the_one_before_it_is_gone(
    ops: Slack, server: SlackServer
) -> None:
    first = await ops.send(a_delivery())
    server.delete(server.messages[0])
    ended = later(first, 2, Event.RESOLVE)
    server.faults.next(reset(acted=True, operation="chat.postMessage"))
    with pytest.raises(Ambiguous):
        await ops.send(ended)
    assert address(await ops.find(ended)) == (server.messages[0].channel, server.messages[0].ts)


async def test_a_thread_that_takes_no_reply_does_not_hold_back_the_end(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    server.faults.next(refused("restricted_action_thread_locked", operation="chat.postMessage"))
    receipt = await ops.send(later(first, 2, Event.RESOLVE))
    assert "restricted_action_thread_locked" in receipt.detail
    assert server.messages[0].text.startswith("🟢")


async def test_a_thread_that_takes_no_reply_does_hold_back_a_rise(ops: Slack, server: SlackServer) -> None:
    first = await ops.send(a_delivery())
    server.faults.next(refused("restricted_action_thread_locked", operation="chat.postMessage"))
    with pytest.raises(Rejected):
        await ops.send(a_rise(first))


async def test_a_reply_counts_as_a_message_and_an_edit_alone_does_not(ops: Slack) -> None:
    first = await ops.send(a_delivery())
    assert ops.pace(later(first, 2, Event.UPDATE)) is None
    assert ops.pace(later(first, 2, Event.RESOLVE)) is not None


async def test_the_message_posted_in_the_place_of_a_deleted_one_still_calls(server: SlackServer, doors: Doors) -> None:
    url, look = server.url.rstrip("/"), Look(mention="<!here>")
    calling = Slack("ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=url, doors=doors, look=look)
    first = await calling.send(a_delivery())
    server.delete(server.messages[0])
    await calling.send(a_rise(first))
    assert "<!here>" in str(server.messages[0].blocks)
