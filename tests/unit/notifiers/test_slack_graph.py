"""A graph goes into the thread of its incident's message, once, and only where Slack takes files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.support.clock import ManualClock
from tests.support.deliveries import a_delivery
from watchtower.aws.clients import AwsClients
from watchtower.aws.config import AwsConfig
from watchtower.demo.faults import Fault, hang, refused, reset, server_error, throttled
from watchtower.demo.slack import DEMO_TOKEN, SlackServer
from watchtower.demo.slack_files import SlackFiles
from watchtower.errors import Ambiguous, Rejected
from watchtower.model import Delivery, DeliveryState, Event, Notice
from watchtower.notifiers.base import Doors
from watchtower.notifiers.slack import Slack
from watchtower.notifiers.slack_graph import SlackGraphs, filename
from watchtower.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

PICTURE = b"\x89PNG\r\n\x1a\n and so on"


@dataclass
class Painter:
    """Paints the same picture, and counts."""

    painted: list[bool] = field(default_factory=list)

    async def paint(self, notice: Notice, *, by_aws: bool = False) -> bytes:
        self.painted.append(by_aws)
        return PICTURE


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer(ManualClock(), pace=None) as running:
        yield running


@pytest.fixture
def painter() -> Painter:
    return Painter()


@pytest.fixture
async def ops(server: SlackServer, painter: Painter) -> AsyncIterator[Slack]:
    async with aiohttp.ClientSession() as session:
        yield bot(server, Doors(session, AwsClients(AwsConfig()), 1.0, painter))


def bot(server: SlackServer, doors: Doors, graph: str = "local") -> Slack:
    url = server.url.rstrip("/")
    return Slack("ops", token=Secret(DEMO_TOKEN), channel="#ops", api_url=url, doors=doors, graph=graph)


async def prepared(ops: Slack) -> tuple[SlackGraphs, Delivery]:
    """The lane, and a graph of an incident whose message is there."""
    page = await ops.send(a_delivery(1))
    assert ops.graphs is not None
    return ops.graphs, a_delivery(2, Event.GRAPH, ref=page.ref)


async def test_the_picture_is_shown_in_the_thread_and_nowhere_else(ops: Slack, server: SlackServer) -> None:
    graphs, graph = await prepared(ops)
    receipt = await graphs.send(graph)
    [shown] = server.pictures
    assert (shown.thread_ts, shown.visible) == (server.messages[0].ts, False)
    assert [(file.name, file.body) for file in shown.files] == [(filename(graph), PICTURE)]
    assert graph.notice.title in shown.files[0].title
    assert shown.files[0].alt_txt.startswith("Graph: ")
    assert receipt.ref is None, "the incident's message stays where it is"


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "F00000001"])
@pytest.mark.parametrize("fault", [hang(), reset(), server_error(500), throttled(1)], ids=str)
async def test_what_fails_before_anything_is_shown_is_done_again(
    ops: Slack, server: SlackServer, painter: Painter, step: str, fault: Fault
) -> None:
    graphs, graph = await prepared(ops)
    server.faults.next(replace(fault, operation=step))
    with pytest.raises(Rejected) as failure:
        await graphs.send(graph)
    assert not failure.value.permanent
    await graphs.send(graph)
    assert (len(server.pictures), len(painter.painted)) == (1, 1)


@pytest.mark.parametrize("acted", [True, False])
async def test_a_lost_answer_to_the_last_step_is_looked_for_in_the_thread(
    ops: Slack, server: SlackServer, acted: bool
) -> None:
    graphs, graph = await prepared(ops)
    server.faults.next(reset(acted=acted, operation="files.completeUploadExternal"))
    with pytest.raises(Ambiguous):
        await graphs.send(graph)
    again = replace(graph, state=DeliveryState.AMBIGUOUS, first_attempt_at=server.clock.now())
    assert (await graphs.find(again) is not None) is acted


async def test_another_graph_in_the_thread_is_not_taken_for_this_one(ops: Slack, server: SlackServer) -> None:
    graphs, graph = await prepared(ops)
    await graphs.send(graph)
    other = a_delivery(3, Event.GRAPH, ref=graph.ref)
    assert await graphs.find(replace(other, first_attempt_at=server.clock.now())) is None


@pytest.mark.parametrize("error", ["missing_scope", "not_in_channel", "file_uploads_disabled"])
async def test_what_slack_will_never_take_is_not_tried_again(ops: Slack, server: SlackServer, error: str) -> None:
    graphs, graph = await prepared(ops)
    server.faults.next(refused(error, operation="files.getUploadURLExternal"))
    with pytest.raises(Rejected, match=error) as failure:
        await graphs.send(graph)
    assert failure.value.permanent


async def test_without_a_message_to_stand_under_nothing_is_drawn(ops: Slack, painter: Painter) -> None:
    graphs, graph = await prepared(ops)
    with pytest.raises(Rejected, match="not known"):
        await graphs.send(replace(graph, ref=None))
    assert painter.painted == []


class Elsewhere(SlackFiles):
    """Files that are to be put where nobody asked for."""

    def announce(self, arguments: Mapping[str, Any], origin: str) -> dict[str, Any] | None:
        announced = super().announce(arguments, origin)
        return announced and {**announced, "upload_url": "http://169.254.169.254/latest"}


async def test_a_picture_is_put_nowhere_but_at_slack(ops: Slack, server: SlackServer) -> None:
    graphs, graph = await prepared(ops)
    server.files = Elsewhere()
    with pytest.raises(Rejected, match="not Slack's") as failure:
        await graphs.send(graph)
    assert failure.value.permanent


@pytest.mark.parametrize(("graph", "drawn"), [("none", None), ("local", False), ("aws", True)])
async def test_who_draws_is_configured(server: SlackServer, painter: Painter, graph: str, drawn: bool | None) -> None:
    async with aiohttp.ClientSession() as session:
        ops = bot(server, Doors(session, AwsClients(AwsConfig()), 1.0, painter), graph)
        assert ops.traits.graphs is (drawn is not None)
        assert (ops.graphs is None) is (drawn is None)
        if ops.graphs is not None:
            page = await ops.send(a_delivery(1))
            await ops.graphs.send(a_delivery(2, Event.GRAPH, ref=page.ref))
            assert painter.painted == [drawn]


async def test_where_nothing_is_drawn_a_graph_is_given_up(server: SlackServer) -> None:
    async with aiohttp.ClientSession() as session:
        graphs, graph = await prepared(bot(server, Doors(session, AwsClients(AwsConfig()), 1.0)))
        with pytest.raises(Rejected) as failure:
            await graphs.send(graph)
        assert failure.value.permanent
