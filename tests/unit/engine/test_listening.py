"""One queue: what its messages wake, when they are deleted, and what its failures do and do not."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from structlog.testing import capture_logs

from tests.support.clock import START, ManualClock
from tests.support.daemon import until
from tests.support.make import unit
from tests.support.scripted_aws import HANG, OTHER_ACCOUNT, Reply, ScriptedAws, config_of, ok, refusal
from tests.support.stores import open_store
from watchtower.engine.listening import GAP, Listening
from watchtower.engine.plan import Plan, unit_rows
from watchtower.live import Live
from watchtower.model import Priority
from watchtower.sources import messages
from watchtower.sources.base import Ask
from watchtower.sources.ecr.query import EcrQuery
from watchtower.store.values import TickCommit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    import pytest

    from watchtower.aws.clients import AwsClients
    from watchtower.sources.base import Unit
    from watchtower.store.store import Store

HERE = ("prod", "eu-west-1")
QUEUE = {"account": "prod", "region": "eu-west-1", "queue": "events"}
SILENT = ok({})


def ecr(region: str = "eu-west-1", account: str = "prod", repositories: str = "akai/*") -> Unit:
    query = EcrQuery.model_validate({"repositories": [repositories]})
    ask = Ask("Images", query, 900, 3, Priority.P3)
    name = f"ecr/{account}/{region}/{repositories}"
    return unit(id=name, source="ecr", account=account, region=region, period=900, delay=0, asks=(ask,))


ECR = ecr()
UNITS = (ECR, ecr(region="us-east-1"), ecr(account="other"), ecr(repositories="shop"), unit())


def scan(account: str = "111111111111", repository: str = "akai/web", **more: str) -> str:
    event = {"source": "aws.ecr", "detail-type": "ECR Image Scan", "account": account, "region": "eu-west-1"}
    return orjson.dumps({**event, **more, "detail": {"repository-name": repository}}).decode()


def brought(*bodies: str) -> Reply:
    return ok({"Messages": [{"Body": body, "ReceiptHandle": f"r{n}"} for n, body in enumerate(bodies)]})


class Rig:
    """A listening to one scripted queue, over a store whose units wait for their slot."""

    def __init__(self, aws: ScriptedAws, store: Store | None, clock: ManualClock) -> None:
        self.aws, self.store, self.clock = aws, store, clock
        self.live = Live(clock)
        self.looks = 0
        self.listening = Listening(self.live, clock, lambda: self.store, self._look)
        self.plan = Plan({}, {one.id: one for one in UNITS})

    def _look(self) -> None:
        self.looks += 1

    async def begin(self, clients: AwsClients, *queues: Mapping[str, str]) -> None:
        accounts = ({"name": "prod", "regions": ["eu-west-1"]}, OTHER_ACCOUNT)
        config = config_of(self.aws, *accounts, events=[QUEUE] if not queues else list(queues))
        await self.listening.configure(self.plan, config, clients)

    def counted(self, outcome: str) -> float:
        named = {"queue": "events", "outcome": outcome}
        return self.live.metrics.registry.get_sample_value("watchtower_events_total", named) or 0.0

    def refused(self) -> float | None:
        return self.live.metrics.registry.get_sample_value("watchtower_store_failures_total")

    async def due(self) -> list[str]:
        """The units that may be claimed now."""
        assert self.store is not None
        return sorted(one.id for one in await self.store.claim_units("test", limit=10, lease=60))

    async def passing(self, holds: Callable[[], bool]) -> None:
        """Let clock seconds pass until it holds."""

        def another_second() -> bool:
            self.clock.advance(1)
            return holds()

        await until(another_second, 60, "what should come in time")


@asynccontextmanager
async def rig_of(aws: ScriptedAws, tmp_path: Path) -> AsyncIterator[Rig]:
    clock = ManualClock()
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)
    rig = Rig(aws, store, clock)
    await store.sync_units(unit_rows(rig.plan, START))
    for claimed in await store.claim_units("test", limit=10, lease=60):
        await store.commit_ticks([_waiting(claimed.id, claimed.epoch, clock.now())])
    aws.on("GetQueueUrl", ok({"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111111111111/events"}))
    aws.on("DeleteMessageBatch", ok({"Successful": []}))
    try:
        yield rig
    finally:
        await rig.listening.close()
        await store.close()


def _waiting(name: str, epoch: int, now: datetime) -> Any:
    return TickCommit(name, epoch, now + timedelta(seconds=600), int(now.timestamp()), None, None, 0, "")


def rename(folder: Path, table: str, to: str) -> None:
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {to}")
    connection.close()


async def test_a_message_wakes_whom_it_is_about_and_is_then_deleted(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", brought(scan(), scan(), scan("999999999999"), "{", '{"a": 1}'), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await until(lambda: bool(aws.asked("DeleteMessageBatch")), 60, "the messages are deleted")
        assert await rig.due() == [ECR.id], "of its place, its account and its repository"
        assert rig.looks == 1
        [request] = aws.asked("DeleteMessageBatch")
        assert [one["ReceiptHandle"] for one in request.body["Entries"]] == ["r0", "r1", "r2", "r3", "r4"]
        counts = [rig.counted(outcome) for outcome in ("woken", "unwatched", "unknown", "unreadable")]
        assert counts == [2, 1, 1, 1]
        wait = aws.asked("ReceiveMessage")[0].body
        assert (wait["WaitTimeSeconds"], wait["MaxNumberOfMessages"]) == (20, 10)


async def test_a_message_whose_words_are_no_words_costs_the_others_of_its_batch_nothing(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    poison = '{"notificationType": ["Bounce"], "mail": {}}'
    aws.on("ReceiveMessage", brought(poison, scan()), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await until(lambda: bool(aws.asked("DeleteMessageBatch")), 60, "both are deleted")
        [request] = aws.asked("DeleteMessageBatch")
        assert [one["ReceiptHandle"] for one in request.body["Entries"]] == ["r0", "r1"]
        assert await rig.due() == [ECR.id]
        assert rig.live.queues[HERE].failing_since is None


async def test_a_message_on_which_the_reader_fails_is_logged_as_unreadable_and_deleted_alone(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reader's fault is: else the message would come again with its whole batch, until it expires."""
    monkeypatch.setattr("watchtower.engine.listening.read", partial(_stumbling, messages.read))
    aws.on("ReceiveMessage", brought(scan(), "poison"), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        with capture_logs() as logs:
            await until(lambda: bool(aws.asked("DeleteMessageBatch")), 60, "both are deleted")
        [request] = aws.asked("DeleteMessageBatch")
        assert [one["ReceiptHandle"] for one in request.body["Entries"]] == ["r0", "r1"]
        assert [rig.counted(outcome) for outcome in ("woken", "unreadable")] == [1, 1]
        assert await rig.due() == [ECR.id]
        [told] = [one for one in logs if one["event"] == "events.unreadable"]
        assert (told["log_level"], told["size"]) == ("error", 6)


def _stumbling(read: Callable[[str], object], body: str) -> object:
    if body == "poison":
        raise TypeError("unhashable type: 'list'")
    return read(body)


async def test_a_message_of_an_account_with_a_role_wakes_its_units(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", brought(scan("222222222222")), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await until(lambda: bool(aws.asked("DeleteMessageBatch")), 60, "the message is deleted")
        assert await rig.due() == [ecr(account="other").id]


async def test_a_flood_is_one_poll_and_the_next_ten_seconds_later(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", *[brought(*[scan()] * 10)] * 20, SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await until(lambda: rig.counted("woken") == 200, 60, "all are read")
        assert await rig.due() == [ECR.id]
        assert rig.store is not None
        [health] = [one for one in await rig.store.unit_health() if one.id == ECR.id]
        assert (health.due_at - START).total_seconds() in (0, GAP)


async def test_what_the_store_did_not_keep_is_not_deleted(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", brought(scan()), brought(scan()), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        rename(tmp_path, "work_unit", "elsewhere")
        await rig.begin(clients)
        await until(lambda: rig.refused() == 1, 60, "the store refuses a first message")
        assert not aws.asked("DeleteMessageBatch")
        rename(tmp_path, "elsewhere", "work_unit")
        await rig.passing(lambda: bool(aws.asked("DeleteMessageBatch")))
        assert rig.live.queues[HERE].failing_since is None, "the queue is not to blame"
        assert await rig.due() == [ECR.id]


async def test_a_delete_that_fails_is_tried_again_before_anything_is_read(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    """As after a crash between commit and delete, the unit is due once more at most."""
    aws.on("ReceiveMessage", brought(scan()), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        aws.on("DeleteMessageBatch", refusal("AccessDenied"), refusal("AccessDenied"), ok({"Failed": []}))
        await rig.begin(clients)
        await rig.passing(lambda: len(aws.asked("DeleteMessageBatch")) == 2)
        assert len(aws.asked("ReceiveMessage")) == 1
        assert rig.live.queues[HERE].failing_since is not None
        await rig.passing(lambda: len(aws.asked("ReceiveMessage")) > 1)
        assert await rig.due() == [ECR.id]


async def test_a_death_between_commit_and_delete_brings_the_message_again_and_that_is_harmless(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", brought(scan()), brought(scan()), SILENT)
    async with rig_of(aws, tmp_path) as rig:
        aws.on("DeleteMessageBatch", HANG, ok({"Successful": []}))
        await rig.begin(clients)
        await until(lambda: bool(aws.asked("DeleteMessageBatch")), 60, "it is about to be deleted")
        await rig.listening.close()
        assert await rig.due() == [ECR.id], "what it means is in the store"

        after = Rig(aws, rig.store, rig.clock)
        await after.begin(clients)
        await until(lambda: len(aws.asked("DeleteMessageBatch")) == 2, 60, "it came again and is deleted")
        await after.listening.close()
        assert after.counted("woken") == 1


async def test_a_queue_that_cannot_be_read_is_asked_ever_more_rarely_and_noted(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", refusal("AccessDenied", "not authorized to perform: sqs:ReceiveMessage"))
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await rig.passing(lambda: rig.clock.monotonic() >= 40)
        assert 4 <= len(aws.asked("ReceiveMessage")) <= 7
        health = rig.live.queues[HERE]
        assert health.failing_since is not None
        assert (health.failing_since < 10, health.heard) == (True, False)
        assert "not authorized" in health.reason
        named = {"source": "events", "account": "prod", "region": "eu-west-1", "reason": "forbidden"}
        assert rig.live.metrics.registry.get_sample_value("watchtower_poll_failures_total", named)
        aws.on("ReceiveMessage", SILENT)
        await rig.passing(lambda: rig.live.queues[HERE].heard)
        assert rig.live.queues[HERE].failing_since is None


async def test_a_reload_ends_the_loops_of_queues_that_are_gone(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", SILENT)
    async with rig_of(aws, tmp_path) as rig:
        await rig.begin(clients)
        await rig.begin(clients, {**QUEUE, "queue": "https://sqs.eu-west-1.amazonaws.com/111111111111/other"})
        await until(lambda: any("other" in str(one.body) for one in aws.asked("ReceiveMessage")), 60, "the other one")
        await rig.listening.configure(rig.plan, config_of(aws), clients)
        assert rig.live.queues == {}
        asked = len(aws.requests)
        rig.clock.advance(100)
        await asyncio.sleep(0.05)
        assert len(aws.requests) == asked


async def test_nothing_is_received_before_there_is_a_store(
    aws: ScriptedAws, clients: AwsClients, tmp_path: Path
) -> None:
    aws.on("ReceiveMessage", SILENT)
    async with rig_of(aws, tmp_path) as rig:
        there, rig.store = rig.store, None
        await rig.begin(clients)
        await asyncio.sleep(0.05)
        assert not aws.requests
        rig.store = there
        await rig.passing(lambda: bool(aws.asked("ReceiveMessage")))
