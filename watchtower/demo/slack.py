"""A Slack that remembers: channels, messages, threads, history with metadata, and every limit we know of.

Methods: https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from watchtower.clock import epoch
from watchtower.demo.loopback import LoopbackVendor, Reply
from watchtower.demo.slack_files import UPLOADS, SlackFile, SlackFiles
from watchtower.demo.slack_people import SlackPeople
from watchtower.demo.slack_rules import MAX_MESSAGE, message_length, message_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiohttp import web

    from watchtower.clock import Clock

DEMO_TOKEN = "xoxb-simulated"  # noqa: S105 - it opens nothing but this simulator
SCOPES = frozenset({"chat:write", "channels:history", "channels:read", "files:write"})
#: Seconds between two messages to one channel (https://docs.slack.dev/apis/web-api/rate-limits).
PACE = 1.0

_FORM = "application/x-www-form-urlencoded"
_WEBHOOK = "/services/T00000000/B00000000/XsimulatedXhookX0000000"


@dataclass(slots=True)
class SlackMessage:
    """One message as the channel shows it now; ``via`` is ``bot`` or ``webhook``, ``earlier`` its former texts."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    via: str
    thread_ts: str | None = None
    broadcast: bool = False
    earlier: list[str] = field(default_factory=list)
    files: list[SlackFile] = field(default_factory=list)

    @property
    def visible(self) -> bool:
        """Shown in the channel: not a reply hidden in a thread."""
        return self.thread_ts is None or self.broadcast

    @property
    def edits(self) -> int:
        """How often chat.update changed it."""
        return len(self.earlier)

    def edit(self, arguments: Mapping[str, Any]) -> None:
        """Show something else from now on; metadata that is not given stays."""
        self.earlier.append(self.text)
        self.text = arguments.get("text", "")
        self.blocks = arguments.get("blocks", [])
        self.metadata = arguments.get("metadata", self.metadata)

    def listed(self, *, metadata: bool) -> dict[str, Any]:
        """As conversations.history lists it."""
        listed: dict[str, Any] = {"type": "message", "ts": self.ts, "text": self.text, "blocks": self.blocks}
        if self.thread_ts:
            listed["thread_ts"] = self.thread_ts
        if self.broadcast:
            listed["subtype"] = "thread_broadcast"
        if self.files:
            listed["files"] = [file.listed() for file in self.files]
        if metadata and self.metadata:
            listed["metadata"] = self.metadata
        return listed


class SlackRefusal(Exception):
    """The method answers ``ok: false`` with this error word, or 429 when ``retry_after`` is set."""

    def __init__(self, error: str, *details: str, retry_after: float | None = None) -> None:
        self.reply = Reply(
            200 if retry_after is None else 429,
            {"ok": False, "error": error, "response_metadata": {"messages": list(details)}},
            error,
            retry_after,
        )
        super().__init__(error)


@dataclass(frozen=True, slots=True)
class _Method:
    """A method, the scope it needs, and whether its arguments may be JSON (reading ones take only a form).

    ``app_level``: it wants the app's own token instead of the bot's.
    """

    handler: Callable[[dict[str, Any]], dict[str, Any]]
    scope: str = ""
    takes_json: bool = False
    app_level: bool = False


class SlackServer(LoopbackVendor):
    """A workspace with some channels, one bot and one webhook; ``pictures`` are the messages that only show files.

    ``pace`` None lifts the rate limit; ``withheld`` makes the history show nothing. ``scopes`` are the bot's,
    ``archived`` names channels that take no message.
    """

    def __init__(
        self,
        clock: Clock,
        channels: Sequence[str] = ("ops", "audit"),
        token: str = DEMO_TOKEN,
        pace: float | None = PACE,
    ) -> None:
        super().__init__(clock)
        self.people = SlackPeople(clock)
        self.files = SlackFiles()
        self.channels = {f"C{number:08d}": name for number, name in enumerate(channels, 1)}
        self.token = token
        self.pace = pace
        self.scopes = set(SCOPES)
        self.archived: set[str] = set()
        self.withheld = False
        self.page_size = 200
        self.messages: list[SlackMessage] = []
        self.pictures: list[SlackMessage] = []
        self._last_post: dict[str, float] = {}
        self._last_ts = 0

    def thread(self, message: SlackMessage) -> list[SlackMessage]:
        """The replies under a message, oldest first."""
        return [one for one in self.messages if (one.channel, one.thread_ts) == (message.channel, message.ts)]

    @property
    def url(self) -> str:
        """What a channel's ``api_url`` is set to."""
        return f"{self.origin}/api/"

    @property
    def webhook_url(self) -> str:
        """An incoming webhook that posts to the first channel."""
        return self.origin + _WEBHOOK

    def in_channel(self, name: str) -> list[SlackMessage]:
        """The messages people see in a channel, oldest first: not the replies hidden in threads."""
        return [one for one in self.messages if self.channels[one.channel] == name and one.visible]

    async def click(self, message: SlackMessage, label: str, user: str = "ana") -> int:
        """Somebody presses the button that reads so; the status the app answered."""
        place = {"id": message.channel, "name": self.channels[message.channel]}
        return await self.people.click(message, label, place=place, origin=self.origin, user=user)

    async def stop(self) -> None:
        """Stop, and drop the connections of apps."""
        await self.people.close()
        await super().stop()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Connections are kept; everything else is a request."""
        if request.path.startswith("/socket/"):
            return await self.people.connect(request)
        return await super().serve(request)

    def delete(self, message: SlackMessage) -> None:
        """Somebody deletes a message."""
        self.messages.remove(message)

    def read(self, request: web.Request, body: bytes) -> Any:
        """Arguments as sent: JSON, or a form."""
        if request.content_type == _FORM:
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        return super().read(request, body)

    def refuse(self, error: str, operation: str = "/api/") -> Reply:
        """HTTP 200 and ``ok: false`` from a method, HTTP 400 and the bare word from the webhook."""
        if not operation.startswith("/api/"):
            return Reply(400, error, error)
        return Reply(200, {"ok": False, "error": error}, error)

    def act(self, request: web.Request, body: bytes) -> Reply:
        """Answer a method or the webhook."""
        arguments = self.read(request, body)
        if request.path.startswith(UPLOADS):
            return self.files.take(request.path, body)
        if request.path.startswith("/actions/"):
            return self.people.answer(request.path, arguments)
        try:
            if not request.path.startswith("/api/"):
                return self._webhook(request.path, arguments)
            method = self._method(request)
            if not isinstance(arguments, dict):
                raise SlackRefusal("invalid_arguments")  # noqa: TRY301
            return Reply(200, {"ok": True, **method.handler(arguments)})
        except SlackRefusal as refusal:
            return refusal.reply

    def _method(self, request: web.Request) -> _Method:
        """The method called, once the token, its scopes and the way of passing arguments are right."""
        method = self._methods().get(request.path.removeprefix("/api/"))
        if method is None:
            raise SlackRefusal("unknown_method")
        given = request.headers.get("Authorization", "")
        token = self.people.app_token if method.app_level else self.token
        checks = [
            (given != "", "not_authed"),
            (given == f"Bearer {token}", "invalid_auth"),
            (method.scope in {"", *self.scopes}, "missing_scope"),
            (method.takes_json or request.content_type == _FORM, "invalid_form_data"),
        ]
        for right, error in checks:
            if not right:
                raise SlackRefusal(error)
        return method

    def _methods(self) -> dict[str, _Method]:
        return {
            "auth.test": _Method(lambda _: {"user_id": "U00000001", "team_id": "T00000000"}, takes_json=True),
            "apps.connections.open": _Method(
                lambda _: self.people.ticket(self.origin), takes_json=True, app_level=True
            ),
            "chat.postMessage": _Method(self._post_message, "chat:write", takes_json=True),
            "chat.update": _Method(self._update, "chat:write", takes_json=True),
            "chat.delete": _Method(self._delete, "chat:write", takes_json=True),
            "files.getUploadURLExternal": _Method(self._announce, "files:write"),
            "files.completeUploadExternal": _Method(self._show, "files:write", takes_json=True),
            "conversations.list": _Method(self._list, "channels:read"),
            "conversations.history": _Method(self._history, "channels:history"),
            "conversations.replies": _Method(self._replies, "channels:history"),
        }

    def _post_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = self._writable(arguments.get("channel", ""))
        thread = arguments.get("thread_ts")
        _judge(arguments)
        self._keep_pace(channel)
        message = self._add(channel, arguments, "bot")
        message.thread_ts = thread
        message.broadcast = bool(thread and arguments.get("reply_broadcast"))
        return {"channel": channel, "ts": message.ts}

    def _delete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = arguments.get("channel", "")
        if channel not in self.channels:
            raise SlackRefusal("channel_not_found")
        found = [one for one in self.messages if (one.channel, one.ts) == (channel, arguments.get("ts"))]
        if not found:
            raise SlackRefusal("message_not_found")
        if found[0].via != "bot":
            raise SlackRefusal("cant_delete_message")
        self.delete(found[0])
        return {"channel": channel, "ts": arguments["ts"]}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = arguments.get("channel", "")
        if channel not in self.channels:
            raise SlackRefusal("channel_not_found")
        found = [one for one in self.messages if (one.channel, one.ts) == (channel, arguments.get("ts"))]
        if not found:
            raise SlackRefusal("message_not_found")
        if found[0].via != "bot":
            raise SlackRefusal("cant_update_message")
        _judge(arguments)
        found[0].edit(arguments)
        return {"channel": channel, "ts": found[0].ts, "text": found[0].text}

    def _announce(self, arguments: dict[str, Any]) -> dict[str, Any]:
        announced = self.files.announce(arguments, self.origin)
        if announced is None:
            raise SlackRefusal("invalid_arguments")
        return announced

    def _show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """A message with the files and no text; it does not count against the pace of messages."""
        channel = self._writable(arguments.get("channel_id", ""))
        files = self.files.complete(arguments)
        if files is None:
            raise SlackRefusal("file_not_found")
        message = self._made(channel, {}, "bot")
        message.thread_ts = arguments.get("thread_ts")
        message.files = files
        self.pictures.append(message)
        return {"files": [file.listed() for file in files]}

    def _list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        archived = arguments.get("exclude_archived") != "true"
        listed = [
            {"id": key, "name": name} for key, name in self.channels.items() if archived or name not in self.archived
        ]
        return self._page("channels", listed, arguments)

    def _history(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = arguments.get("channel", "")
        if channel not in self.channels:
            raise SlackRefusal("channel_not_found")
        oldest = float(arguments.get("oldest", "0"))
        metadata = arguments.get("include_all_metadata") == "true"
        listed = [
            message.listed(metadata=metadata)
            for message in reversed(self.messages)
            if message.channel == channel and message.visible and float(message.ts) > oldest
        ]
        return self._page("messages", [] if self.withheld else listed, arguments)

    def _replies(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """A thread, its first message first, whatever ``oldest`` says; then the replies since, the oldest first."""
        channel, ts = arguments.get("channel", ""), arguments.get("ts", "")
        if channel not in self.channels:
            raise SlackRefusal("channel_not_found")
        said = sorted([*self.messages, *self.pictures], key=lambda one: one.ts)
        thread = [one for one in said if one.channel == channel and ts in (one.ts, one.thread_ts)]
        if not any(one.ts == ts for one in thread):
            raise SlackRefusal("thread_not_found")
        oldest = float(arguments.get("oldest", "0"))
        metadata = arguments.get("include_all_metadata") == "true"
        shown = [one for one in thread if one.ts == ts or (float(one.ts) > oldest and not self.withheld)]
        return self._page("messages", [one.listed(metadata=metadata) for one in shown], arguments)

    def _page(self, name: str, listed: list[dict[str, Any]], arguments: dict[str, Any]) -> dict[str, Any]:
        start = int(arguments.get("cursor") or 0)
        end = start + min(int(arguments.get("limit", 100)), self.page_size)
        more = str(end) if end < len(listed) else ""
        return {name: listed[start:end], "response_metadata": {"next_cursor": more}}

    def _webhook(self, path: str, arguments: Any) -> Reply:
        if path != _WEBHOOK:
            return Reply(404, "no_service", "no_service")
        problems = message_problems(arguments) if isinstance(arguments, dict) else ["invalid_payload"]
        if problems or message_length(arguments) > MAX_MESSAGE:
            return Reply(400, "invalid_blocks", "; ".join(problems) or "msg_too_long")
        channel = next(iter(self.channels))
        self._keep_pace(channel)
        self._add(channel, arguments, "webhook")
        return Reply(200, "ok")

    def _writable(self, wanted: str) -> str:
        name = self.channels.get(wanted, str(wanted).removeprefix("#"))
        for key, known in self.channels.items():
            if known == name:
                if known in self.archived:
                    raise SlackRefusal("is_archived")
                return key
        raise SlackRefusal("channel_not_found")

    def _keep_pace(self, channel: str) -> None:
        now = self.clock.monotonic()
        wait = self._last_post.get(channel, float("-inf")) + (self.pace or 0.0) - now
        if wait > 0:
            raise SlackRefusal("ratelimited", retry_after=wait)
        self._last_post[channel] = now

    def _add(self, channel: str, arguments: Mapping[str, Any], via: str) -> SlackMessage:
        message = self._made(channel, arguments, via)
        self.messages.append(message)
        return message

    def _made(self, channel: str, arguments: Mapping[str, Any], via: str) -> SlackMessage:
        self._last_ts = max(self._last_ts + 1, round(epoch(self.clock.now()) * 1_000_000))
        ts = f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"
        return SlackMessage(
            channel,
            ts,
            arguments.get("text", ""),
            arguments.get("blocks", []),
            arguments.get("metadata"),
            via,
        )


def _judge(arguments: dict[str, Any]) -> None:
    problems = message_problems(arguments)
    if problems == ["no_text"]:
        raise SlackRefusal("no_text")
    if problems:
        raise SlackRefusal("invalid_blocks", *problems)
    if message_length(arguments) > MAX_MESSAGE:
        raise SlackRefusal("msg_too_long")
