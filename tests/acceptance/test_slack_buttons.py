"""The installed daemon in a workspace where people click: seen in Slack and on the pager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.daemon import until
from tests.support.shop import open_shop
from watchtower.demo.slack_people import DEMO_APP_TOKEN

if TYPE_CHECKING:
    from pathlib import Path


def buttons(message: Any) -> list[str]:
    found = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [one["text"]["text"] for elements in found for one in elements]


async def test_a_click_in_slack_is_heard_by_the_pager_and_shown_in_the_message(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        shop.config["channels"]["ops"] |= {"app_token": {"env": "SLACK_APP_TOKEN"}, "mention": "<!here>"}
        shop.env["SLACK_APP_TOKEN"] = DEMO_APP_TOKEN
        shop.site.status = 503
        async with shop.running():
            await shop.pages()
            await until(lambda: bool(shop.slack.in_channel("ops") and shop.slack.people.sockets), 60, "the message")
            message = shop.slack.in_channel("ops")[0]
            assert "<!here>" in str(message.blocks)
            assert await shop.slack.click(message, "Acknowledge", user="ana") == 200
            await until(lambda: "Acknowledge" not in buttons(message), 60, "the button to go")
            assert "Acknowledged by ana" in str(message.blocks)
            assert "PagerDuty oncall ✓" in str(message.blocks)
            assert "<!here>" not in str(message.blocks)
            await until(lambda: shop.pagerduty.incidents[0].state == "acknowledged", 60, "the pager to know")
            assert await shop.slack.click(message, "Silence 1 h", user="bob") == 200
            await until(lambda: len(shop.slack.people.told) == 2, 60, "the answers")
            shop.site.status = 200
            await shop.resolves()
            await until(lambda: len(shop.slack.thread(message)) == 2, 60, "the log of the end")
            assert "RESOLVED" in message.text
            assert buttons(message) == []
            assert not any(reply.broadcast for reply in shop.slack.thread(message))
        assert shop.pagerduty.phones_rung == 1
        assert [name for name, _ in shop.slack.people.told] == ["ana", "bob"]
