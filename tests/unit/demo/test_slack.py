"""The simulator is trusted by the crash tests, so it is held to Slack's own words here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.clock import ManualClock
from watchtower.demo.faults import refused
from watchtower.demo.slack import DEMO_TOKEN, SlackServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

METADATA = {"event_type": "watchtower_delivery", "event_payload": {"delivery_id": "d-1"}}


class Caller:
    """Calls methods with the bot's token: writing ones with JSON, reading ones with a form."""

    def __init__(self, server: SlackServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.headers = {"Authorization": f"Bearer {DEMO_TOKEN}"}
        self.last: aiohttp.ClientResponse | None = None

    async def __call__(self, method: str, **arguments: Any) -> dict[str, Any]:
        kind = "data" if method.startswith("conversations.") else "json"
        return await self.sent(method, **{kind: arguments})

    async def sent(self, method: str, **how: Any) -> dict[str, Any]:
        async with self.session.post(self.server.url + method, headers=self.headers, **how) as self.last:
            said: dict[str, Any] = await self.last.json()
            return said

    async def post(self, **changes: Any) -> dict[str, Any]:
        return await self("chat.postMessage", **{"channel": "#ops", "text": "hello", **changes})

    async def history(self, **changes: Any) -> list[dict[str, Any]]:
        found = await self("conversations.history", **{"channel": "C00000001", **changes})
        listed: list[dict[str, Any]] = found["messages"]
        return listed


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer(ManualClock(), pace=None) as running:
        yield running


@pytest.fixture
async def call(server: SlackServer) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        yield Caller(server, session)


@pytest.mark.parametrize("channel", ["#ops", "ops", "C00000001"])
async def test_a_message_may_name_its_channel_or_give_its_id(call: Caller, server: SlackServer, channel: str) -> None:
    said = await call.post(channel=channel)
    assert (said["ok"], said["channel"]) == (True, "C00000001")
    assert [one.text for one in server.in_channel("ops")] == ["hello"]


async def test_two_messages_of_one_moment_have_different_times(call: Caller) -> None:
    first, second = await call.post(), await call.post()
    assert float(first["ts"]) < float(second["ts"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"channel": "#nowhere"}, "channel_not_found"),
        ({"channel": "#audit"}, "is_archived"),
        ({"text": ""}, "no_text"),
        ({"metadata": {"event_type": "x"}}, "invalid_blocks"),
        ({"metadata": {"event_type": "", "event_payload": {}}}, "invalid_blocks"),
        ({"text": "x" * 9_001}, "msg_too_long"),
    ],
)
async def test_a_message_slack_would_refuse_is_refused(
    call: Caller, server: SlackServer, changes: dict[str, Any], error: str
) -> None:
    server.archived.add("audit")
    said = await call.post(**changes)
    assert (said["ok"], said["error"]) == (False, error)
    assert server.messages == []


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def header(text: str, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": "header", "text": {"type": kind, "text": text}}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}, "action_id": "a", **changes}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def fields(count: int, length: int = 1) -> dict[str, Any]:
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * length}] * count}


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x")] * 51,
        [section("")],
        [section("x" * 3001)],
        [section("bell \x07")],
        [{"type": "section"}],
        [header("x" * 151)],
        [header("🔥" * 76)],
        [header("x", "mrkdwn")],
        [fields(11)],
        [fields(0)],
        [fields(1, 2001)],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "context", "elements": []}],
        [actions(*[button(action_id=str(n)) for n in range(26)])],
        [actions(button(), button())],
        [actions(button(value="x" * 2001))],
        [actions(button(url="https://" + "x" * 3000))],
        [actions(button(url="javascript:alert(1)"))],
        [actions(button(url="https://x.example/a b"))],
        [actions(button(url="https://x.example/<a>"))],
        [actions(button(value=""))],
        [actions(button(value=7))],
        [actions(button(style="green"))],
        [actions(button(colour="green"))],
        [actions(button(text={"type": "plain_text", "text": "x" * 76}))],
        [actions(button(text={"type": "mrkdwn", "text": "x"}))],
        [actions(button()), {**actions(button(action_id="b")), "elements": []}],
        [section("   ")],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
        [actions({"type": "mystery"})],
        [{**section("x"), "block_id": "same"}, {**section("y"), "block_id": "same"}],
        [{**section("x"), "block_id": "x" * 256}],
        [{**section("x"), "colour": "red"}],
        [{"type": "marquee"}],
        ["text"],
        "blocks",
    ],
)
async def test_blocks_slack_would_refuse_are_refused(call: Caller, server: SlackServer, blocks: Any) -> None:
    said = await call.post(blocks=blocks)
    assert said["error"] == "invalid_blocks"
    assert said["response_metadata"]["messages"]
    assert server.messages == []


async def test_blocks_at_every_limit_are_taken(call: Caller) -> None:
    blocks = [header("x" * 150), section("x" * 3000), fields(10, 100), actions(button(url="https://x.example"))]
    blocks += [{"type": "divider"}] * 46
    assert (await call.post(blocks=blocks))["ok"]


async def test_sections_that_are_each_right_can_be_too_long_together(call: Caller) -> None:
    assert (await call.post(blocks=[section("x" * 2800)] * 4))["error"] == "msg_too_long"


async def test_an_update_changes_the_message_in_its_place(call: Caller, server: SlackServer) -> None:
    first = await call.post(metadata=METADATA)
    await call("chat.update", channel=first["channel"], ts=first["ts"], text="changed")
    [message] = server.messages
    assert (message.text, message.edits, message.earlier) == ("changed", 1, ["hello"])
    assert message.metadata == METADATA


async def test_an_update_needs_the_channels_id_and_a_message_that_exists(call: Caller, server: SlackServer) -> None:
    first = await call.post()
    assert (await call("chat.update", channel="#ops", ts=first["ts"], text="x"))["error"] == "channel_not_found"
    server.delete(server.messages[0])
    assert (await call("chat.update", channel="C00000001", ts=first["ts"], text="x"))["error"] == "message_not_found"


async def test_a_bot_cannot_edit_what_a_webhook_posted(call: Caller, server: SlackServer) -> None:
    async with call.session.post(server.webhook_url, json={"text": "hook"}) as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    told = await call("chat.update", channel="C00000001", ts=server.messages[0].ts, text="x")
    assert told["error"] == "cant_update_message"


async def test_history_is_newest_first_and_hides_replies_unless_broadcast(call: Caller) -> None:
    first = await call.post(text="one")
    await call.post(text="hidden", thread_ts=first["ts"])
    await call.post(text="shown", thread_ts=first["ts"], reply_broadcast=True)
    listed = await call.history()
    assert [one["text"] for one in listed] == ["shown", "one"]
    assert listed[0]["thread_ts"] == first["ts"]


async def test_history_shows_metadata_only_when_asked(call: Caller) -> None:
    await call.post(metadata=METADATA)
    assert "metadata" not in (await call.history())[0]
    assert (await call.history(include_all_metadata="true"))[0]["metadata"] == METADATA


async def test_history_begins_after_oldest(call: Caller) -> None:
    first = await call.post()
    await call.post(text="second")
    assert [one["text"] for one in await call.history(oldest=first["ts"])] == ["second"]


async def test_history_comes_in_pages(call: Caller) -> None:
    for number in range(5):
        await call.post(text=str(number))
    page = await call("conversations.history", channel="C00000001", limit="3")
    rest = await call.history(cursor=page["response_metadata"]["next_cursor"])
    assert [one["text"] for one in [*page["messages"], *rest]] == ["4", "3", "2", "1", "0"]


async def test_history_can_be_withheld(call: Caller, server: SlackServer) -> None:
    await call.post()
    server.withheld = True
    assert await call.history() == []


async def test_history_takes_ids_and_forms_only(call: Caller) -> None:
    assert (await call("conversations.history", channel="#ops"))["error"] == "channel_not_found"
    told = await call.sent("conversations.history", json={"channel": "C00000001"})
    assert told["error"] == "invalid_form_data"


async def test_archived_channels_can_be_left_out_of_the_list(call: Caller, server: SlackServer) -> None:
    server.archived.add("ops")
    listed = (await call("conversations.list", exclude_archived="true"))["channels"]
    assert listed == [{"id": "C00000002", "name": "audit"}]


async def test_a_token_must_be_given_and_right_and_allowed(call: Caller, server: SlackServer) -> None:
    server.scopes.discard("channels:history")
    assert (await call("conversations.history", channel="C00000001"))["error"] == "missing_scope"
    call.headers = {"Authorization": "Bearer xoxb-other"}
    assert (await call("auth.test"))["error"] == "invalid_auth"
    call.headers = {}
    assert (await call("auth.test"))["error"] == "not_authed"


async def test_a_right_token_is_told_whose_it_is(call: Caller) -> None:
    assert (await call("auth.test"))["user_id"] == "U00000001"


async def test_a_method_slack_does_not_have_is_unknown(call: Caller) -> None:
    assert (await call("chat.shout"))["error"] == "unknown_method"


async def test_arguments_that_are_no_object_are_refused(call: Caller) -> None:
    assert (await call.sent("chat.postMessage", json=[1]))["error"] == "invalid_arguments"


async def test_one_message_a_second_and_channel(call: Caller, server: SlackServer) -> None:
    assert isinstance(server.clock, ManualClock)
    server.pace = 1.0
    assert (await call.post())["ok"]
    assert (await call.post())["error"] == "ratelimited"
    assert call.last is not None
    assert (call.last.status, call.last.headers["Retry-After"]) == (429, "1")
    assert (await call.post(channel="#audit"))["ok"]
    server.clock.advance(1)
    assert (await call.post())["ok"]


async def test_an_edit_does_not_count_as_a_message(call: Caller, server: SlackServer) -> None:
    server.pace = 1.0
    first = await call.post()
    assert (await call("chat.update", channel=first["channel"], ts=first["ts"], text="x"))["ok"]


@pytest.mark.parametrize(
    ("path", "payload", "status", "said"),
    [
        ("", {"text": ""}, 400, "invalid_blocks"),
        ("", ["text"], 400, "invalid_blocks"),
        ("", {"text": "x" * 9_001}, 400, "invalid_blocks"),
        ("-gone", {"text": "x"}, 404, "no_service"),
    ],
)
async def test_a_webhook_refuses_with_a_status_and_a_word(
    call: Caller, server: SlackServer, path: str, payload: Any, status: int, said: str
) -> None:
    async with call.session.post(server.webhook_url + path, json=payload) as answer:
        assert (answer.status, await answer.text()) == (status, said)
    assert server.messages == []


async def test_a_webhook_has_its_pace_too(call: Caller, server: SlackServer) -> None:
    server.pace = 1.0
    for status in (200, 429):
        async with call.session.post(server.webhook_url, json={"text": "x"}) as answer:
            assert answer.status == status


async def test_a_refusal_on_demand_may_have_acted(call: Caller, server: SlackServer) -> None:
    server.faults.next(refused("internal_error", acted=True))
    assert (await call.post())["error"] == "internal_error"
    assert len(server.messages) == 1
