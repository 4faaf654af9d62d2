"""An acknowledgement as a user gives it: by command, felt on the pager and seen in Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tests.support.daemon import command_here, free_port, until
from tests.support.shop import OTHER_KEY, in_chat, open_shop
from watchtower.demo.pagerduty import DEMO_KEY
from watchtower.demo.pagerduty_people import DEMO_WEBHOOK_SECRET

if TYPE_CHECKING:
    from pathlib import Path


async def test_an_acknowledgement_is_told_to_the_channels_and_its_resolve_still_comes(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop, shop.running() as daemon:
        shop.site.status = 503
        await shop.pages()
        _, listed = await daemon.get("/api/v1/incidents")
        known = orjson.loads(listed)["incidents"][0]["id"]
        env = {"WATCHTOWER_URL": shop.url}
        code, out, err = await command_here("ack", known[:8], "--by", "ana", env=env)
        assert (code, out, err) == (0, f"{known} acknowledged by ana\n", "")
        await until(lambda: shop.pagerduty.incidents[-1].state == "acknowledged", 30, "PagerDuty hears of it")
        await until(lambda: "ACKNOWLEDGED" in in_chat(shop.slack), 30, "Slack hears of it")
        shop.site.status = 200
        await shop.resolves()
        assert shop.pagerduty.phones_rung == 1


async def test_who_takes_and_closes_it_at_pagerduty_is_named_in_slack_and_not_called_again(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        phones = shop.pagerduty
        shop.env["PD_WEBHOOK"] = DEMO_WEBHOOK_SECRET
        shop.config["channels"]["oncall"]["webhook_secret"] = {"env": "PD_WEBHOOK"}
        phones.people.webhook_url = f"{shop.url}/api/v1/pagerduty/oncall/webhook"
        shop.site.status = 503
        async with shop.running():
            await shop.pages()
            key = phones.incidents[0].key
            phones.acknowledge(key, by="ana")
            await until(lambda: "ana" in in_chat(shop.slack), 30, "Slack names who has it")
            phones.resolve(key, by="ana")
            assert set(await phones.people.told()) == {202}
            shop.site.status = 200
            await until(lambda: "RESOLVED" in in_chat(shop.slack), 60, "the end")
            assert phones.phones_rung == 1


async def test_what_nobody_acknowledges_calls_others_and_what_somebody_forgets_rings_again(tmp_path: Path) -> None:
    async with open_shop(tmp_path, keys=(DEMO_KEY, OTHER_KEY)) as shop:
        oncall, phones = shop.config["channels"]["oncall"], shop.pagerduty
        shop.config["channels"]["lead"] = {**oncall, "routing_key": {"env": "OTHER_PD_KEY"}}
        shop.config["routes"][0] |= {"escalate": {"after": "1s", "channels": ["lead"]}, "acknowledge_for": "3s"}
        shop.site.status = 503
        async with shop.running() as daemon:
            await until(lambda: phones.phones_rung == 2, 60, "the escalation")
            assert [one.routing_key for one in phones.incidents] == [DEMO_KEY, OTHER_KEY]
            _, listed = await daemon.get("/api/v1/incidents")
            await command_here("ack", orjson.loads(listed)["incidents"][0]["id"], env={"WATCHTOWER_URL": shop.url})
            await until(lambda: {one.state for one in phones.incidents} == {"acknowledged"}, 30, "both are told")
            await until(lambda: phones.incidents[0].state == "resolved", 60, "the forgotten one is replaced")
            first, again = [one for one in phones.incidents if one.routing_key == DEMO_KEY]
            assert (again.key, again.rang, again.open) == (f"{first.key}:2", 1, True)
            shop.site.status = 200
            await shop.resolves()


async def test_without_a_daemon_it_exits_1() -> None:
    nowhere = await command_here("ack", "12345678", "--url", f"http://127.0.0.1:{free_port()}")
    assert nowhere[0] == 1
    assert nowhere[2].startswith("no daemon answers at")
