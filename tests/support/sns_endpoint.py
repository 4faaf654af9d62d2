"""An SNS endpoint that fails on demand; what it takes is held against the limits moto lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from watchtower.demo.loopback import LoopbackVendor, Reply

if TYPE_CHECKING:
    from aiohttp import web

    from watchtower.demo.faults import Fault

TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"


class SnsEndpoint(LoopbackVendor):
    """Publish in the query protocol; ``published`` holds what was accepted."""

    @property
    def published(self) -> list[dict[str, str]]:
        """The parameters of accepted calls."""
        return [one.payload for one in self.requests if one.outcome == "ok"]

    def read(self, request: web.Request, body: bytes) -> Any:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))

    def act(self, request: web.Request, body: bytes) -> Reply:
        problem = _problem(self.read(request, body))
        if problem:
            return self.refuse(problem)
        return Reply(
            200,
            '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">'
            "<PublishResult><MessageId>m-1</MessageId></PublishResult></PublishResponse>",
        )

    def refuse(self, error: str, operation: str = "") -> Reply:
        """A 400 with AWS's code in front: ``KMSThrottling: slow down``."""
        code, _, said = error.partition(": ")
        return Reply(400, _error(code, said), error)

    def fail(self, fault: Fault) -> Reply:
        code = "Throttled" if fault.status == 429 else "InternalError"
        return Reply(fault.status, _error(code, "simulated"), code, fault.retry_after)


def _problem(call: dict[str, str]) -> str:
    subject, message = call.get("Subject", ""), call.get("Message", "")
    named = [value for key, value in call.items() if key.startswith("MessageAttributes.entry.")]
    attributes = sum(key.endswith(".Name") for key in call)
    size = len(message.encode()) + sum(len(value.encode()) for value in named)
    checks = [
        (call.get("Action") == "Publish", "no Publish"),
        (0 < len(subject) < 100 and subject.isascii() and subject.isprintable(), "Subject"),
        (subject[:1] != " ", "Subject begins with a space"),
        (bool(message) and size <= 256 * 1024, "Message too long"),
        (attributes <= 10 and all(named), "MessageAttributes"),
    ]
    return next((f"InvalidParameter: {problem}" for right, problem in checks if not right), "")


def _error(code: str, said: str) -> str:
    return (
        '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{said}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
