"""One SQS queue: waiting for messages, and deleting those that were heeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchtower.aws.sessions import LONG_POLL
from watchtower.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchtower.aws.clients import AwsClients
    from watchtower.aws.config import EventsConfig

#: Messages that one call may bring, or delete
#: (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html).
MOST = 10


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``receipt`` is what it is deleted by."""

    body: str
    receipt: str


class EventQueue:
    """A queue by its name or URL; calls raise SourceError."""

    def __init__(self, clients: AwsClients, config: EventsConfig) -> None:
        self._clients = clients
        self._place = (config.account, config.region)
        self._queue = config.queue
        self._url: str | None = None

    async def receive(self) -> tuple[Message, ...]:
        """The next messages, at most ten; none after 20 seconds without any."""
        try:
            answer = await self._clients.call(
                *self._place,
                "sqs",
                "receive_message",
                QueueUrl=await self._where(),
                MaxNumberOfMessages=MOST,
                WaitTimeSeconds=LONG_POLL,
            )
        except SourceError:
            self._url = None  # a queue that was deleted and made anew has another one
            raise
        return tuple(Message(one.get("Body", ""), one["ReceiptHandle"]) for one in answer.get("Messages", ()))

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete at most ten messages; how many were refused, which come again."""
        entries = [{"Id": str(number), "ReceiptHandle": one.receipt} for number, one in enumerate(messages)]
        url = await self._where()
        answer = await self._clients.call(*self._place, "sqs", "delete_message_batch", QueueUrl=url, Entries=entries)
        return len(answer.get("Failed", ()))

    async def _where(self) -> str:
        if self._queue.startswith(("http://", "https://")):
            return self._queue
        if self._url is None:
            answer = await self._clients.call(*self._place, "sqs", "get_queue_url", QueueName=self._queue)
            self._url = str(answer["QueueUrl"])
        return self._url
