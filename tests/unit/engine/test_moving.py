"""What an unrelated rule, a reload and a restart change about content that was accepted: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.clock import START
from tests.support.daemon import until
from tests.support.make import unit
from tests.support.service import service_on
from tests.support.shop import open_shop, probe_rule
from watchtower.clock import SystemClock
from watchtower.engine.plan import Plan, removal, unit_rows
from watchtower.engine.settings import EngineSettings

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import pytest

SHELVES = [f"shelf-{number}" for number in range(6)]


def page(title: str) -> str:
    return f"<html lang=ca><head><title>{title}</title></head><body><main>{title} of the town</main></body></html>"


async def test_a_defaced_page_stays_one_over_another_rule_a_reload_and_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = EngineSettings(drain_ticks=2, drain_sends=2)
    async with open_shop(tmp_path) as shop:
        for name, value in shop.env.items():
            monkeypatch.setenv(name, value)
        shop.site.page = page("Shop")
        http = {"url": shop.site.url + "{{ target }}", "integrity": ["title"]}
        probe = {"http": http, "targets": SHELVES, "interval": "1s", "timeout": "900ms", "value": "content"}
        changed = probe_rule("PageChanged", "", probe=probe, when={"P3": "< 0.6"})
        address = shop.site.url.split("/")[2]
        (tmp_path / "list.txt").write_text(address)
        follows = {"tcp": {}, "targets": {"file": "list.txt"}, "interval": "1s", "timeout": "900ms"}
        other = probe_rule("OtherDown", "", probe=follows)
        shop.config["routes"][0].update(channels=["oncall"], group_by=["alertname", "target"])
        shop.rules = [changed]
        shop.write()

        def told() -> list[bool]:
            return [one.open for one in shop.pagerduty.incidents]

        async def goes_on() -> None:
            asked = shop.site.asked
            await until(lambda: shop.site.asked >= asked + 4 * len(SHELVES), 20, "four more looks")
            assert told() == [True] * len(SHELVES)

        async with service_on(shop.file, SystemClock(), settings=settings) as service:
            await until(lambda: shop.site.asked >= 2 * len(SHELVES), 20, "the first looks")
            shop.site.page = page("Hacked")
            await until(lambda: len(told()) == len(SHELVES), 20, "the pages")
            shop.rules = [changed, other]
            shop.write()
            await service.reload()
            await goes_on()
        async with service_on(shop.file, SystemClock(), settings=settings) as service:
            await goes_on()
            shop.rules = [changed]
            shop.write()
            await service.reload()
            await goes_on()
            shop.site.page = page("Shop")
            await until(lambda: told() == [False] * len(SHELVES), 20, "the ends")


class Moving:
    """A source that moves what its first unit knows to its second."""

    def moved(self, units: list[Any], memories: dict[str, bytes]) -> dict[str, bytes]:
        return {units[1].id: memories["gone"]}


def test_a_source_is_asked_about_its_own_units_alone() -> None:
    mine, other = [unit(id=name, source="probe") for name in ("a", "b")], unit(id="c")
    sources: Any = {"probe": Moving(), "cloudwatch": object()}
    plan = Plan({}, {one.id: one for one in (*mine, other)}, sources)

    found = removal(plan)

    assert found.sources == {"probe"}
    assert found.carry("probe", {"gone": b"known"}) == {"b": b"known"}
    assert {row.id for row in unit_rows(plan, START)} == {"a", "b", "c"}
