"""Targets that follow a list, and content that somebody accepted: around probes of a real server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.clock import START
from watchtower.aws.config import AwsConfig
from watchtower.inventory.hosts import Site
from watchtower.inventory.steady import Known
from watchtower.model import Answer, Labels, Observation, PollResult, Priority, TroubleReason, Truth
from watchtower.sources.base import Ask, Poll, Received
from watchtower.sources.probe import memory as probes
from watchtower.sources.probe.finding import Finder
from watchtower.sources.probe.following import ACCEPT, FollowingProbes
from watchtower.sources.probe.kinds.http.content import Content
from watchtower.sources.probe.plan import units_of, wishes_of
from watchtower.sources.probe.query import ProbeQuery
from watchtower.sources.probe.shares import holds

if TYPE_CHECKING:
    from watchtower.inventory.sites import SiteKey
    from watchtower.sources.base import Unit

HTTP = {"url": "https://{{ target }}/"}
CONFIG = AwsConfig.model_validate(
    {
        "accounts": [
            {"name": "prod", "regions": ["eu-west-1", "us-east-1"]},
            {"name": "tools", "regions": ["eu-west-1"]},
        ],
        "label_tags": ["team"],
    }
)


def ask(rule: str = "SiteDown", **keys: Any) -> Ask:
    query = ProbeQuery.model_validate({"http": HTTP, "targets": {"from": "route53"}, **keys})
    return Ask(rule, query, query.period, 3, Priority.P1)


@dataclass
class Lists:
    """What the inventory knows, by kind and account."""

    known: dict[tuple[str, str], Known[Site]] = field(default_factory=dict)
    asked: list[SiteKey] = field(default_factory=list)

    async def sites(self, key: SiteKey) -> Known[Site]:
        self.asked.append(key)
        return self.known.get((key.kind, key.account), Known(frozenset(), True))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Probed:
    """Probes that all succeed; what was asked of them is noted."""

    units: list[Unit] = field(default_factory=list)
    memories: list[bytes | None] = field(default_factory=list)
    name: str = "probe"

    def plan(self, asks: Any, places: Any) -> list[Unit]:
        return units_of(asks)

    async def poll(self, poll: Poll) -> PollResult:
        self.units.append(poll.unit)
        self.memories.append(poll.memory)
        answers = tuple(
            Answer(
                one.rule, tuple(Observation(wish.identity, ((0, 1.0),), Truth.VALUE) for wish in wishes_of(one.query))
            )
            for one in poll.unit.asks
        )
        return PollResult(answers, b"inner")

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Rig:
    """One unit that is polled again and again."""

    asks: tuple[Ask, ...] = (ask(),)
    lists: Lists = field(default_factory=Lists)
    probed: Probed = field(default_factory=Probed)
    memory: dict[str, bytes | None] = field(default_factory=dict)
    received: tuple[Received, ...] = ()

    @property
    def source(self) -> FollowingProbes:
        return FollowingProbes(self.probed, Finder(self.lists, CONFIG))  # type: ignore[arg-type]

    def knows(
        self,
        *names: str,
        kind: str = "route53",
        account: str = "prod",
        fresh: bool = True,
        settled: bool = True,
        **labels: str,
    ) -> None:
        sites = frozenset(Site(name, Labels({"zone": "example.com"}), Labels(labels)) for name in names)
        self.lists.known[kind, account] = Known(sites, fresh, "" if fresh else "it failed", settled=settled)

    async def look(self) -> dict[str, Answer]:
        """Every unit's answers, merged by rule."""
        merged: dict[str, Answer] = {}
        for unit in self.source.plan(self.asks, ()):
            found = await self.source.poll(Poll(unit, 0, self.memory.get(unit.id), START, self.received))
            self.memory[unit.id] = found.memory
            for one in found.answers:
                before = merged.get(one.rule, Answer(one.rule, ()))
                merged[one.rule] = Answer(
                    one.rule,
                    before.observations + one.observations,
                    before.complete and one.complete,
                    before.gone + one.gone,
                )
        return merged


def targets(answer: Answer) -> list[str]:
    return sorted(one.identity["target"] for one in answer.observations)


def names(count: int) -> list[str]:
    return [f"site-{number:03}.example.com" for number in range(count)]


async def test_three_hundred_domains_are_probed_once_each_without_a_list() -> None:
    rig = Rig()
    rig.knows(*names(300))
    answer = (await rig.look())["SiteDown"]
    assert targets(answer) == names(300)
    sizes = [len(one.query.all_targets) for unit in rig.probed.units for one in unit.asks]
    assert len(sizes) == 30
    assert max(sizes) < 25


async def test_who_leaves_the_list_is_gone_and_who_comes_is_probed() -> None:
    rig = Rig()
    rig.knows(*names(40))
    await rig.look()
    rig.knows(*names(39), "new.example.com")
    await rig.look()
    answer = (await rig.look())["SiteDown"]
    assert targets(answer) == sorted([*names(39), "new.example.com"])
    assert answer.complete


async def test_the_one_that_is_gone_is_named_with_its_identity() -> None:
    rig = Rig((ask(family="both"),))
    shares = rig.source.plan(rig.asks, ())
    here = [name for name in names(400) if holds(shares[0], name)]
    assert len(here) > 4
    rig.knows(*here)
    await rig.look()
    rig.knows(*here[1:])
    gone = (await rig.look())["SiteDown"].gone
    assert gone == tuple(Labels({"target": here[0], "kind": "http", "family": one}) for one in ("ipv4", "ipv6"))


async def test_a_list_that_fails_leaves_the_targets_that_were_known_also_after_a_restart() -> None:
    rig = Rig()
    rig.knows(*names(40))
    await rig.look()
    rig.lists.known["route53", "prod"] = Known(None, False, "throttled", TroubleReason.THROTTLED)
    answer = (await rig.look())["SiteDown"]
    assert targets(answer) == names(40)
    assert (answer.complete, answer.gone) == (False, ())


async def test_a_share_that_halves_over_a_restart_is_believed_when_the_list_is_known_for_long() -> None:
    rig = Rig()
    rig.knows(*names(100))
    await rig.look()
    rig.knows(*names(10), settled=False)
    for _ in range(3):
        answer = (await rig.look())["SiteDown"]
        assert targets(answer)[-1] == names(100)[-1]
        assert not answer.complete
    rig.knows(*names(10))
    answer = (await rig.look())["SiteDown"]
    assert targets(answer) == names(10)
    assert answer.complete


async def test_what_is_wrong_with_a_list_is_told_with_its_place() -> None:
    rig = Rig()
    rig.knows(*names(3), fresh=False)
    [unit, *_] = rig.source.plan(rig.asks, ())
    found = await rig.source.poll(Poll(unit, 0, None, START))
    [trouble] = found.troubles
    assert (trouble.account, trouble.region, trouble.detail) == ("prod", "eu-west-1", "targets from route53: it failed")


async def test_rules_of_one_interval_share_their_probes_listed_ones_too() -> None:
    rig = Rig(
        (ask(), ask("Listed", targets=["site-001.example.com"]), ask("Slow", interval="5m", targets=["a.example"]))
    )
    rig.knows(*names(3))
    answers = await rig.look()
    assert targets(answers["Listed"]) == ["site-001.example.com"]
    assert targets(answers["Slow"]) == ["a.example"]
    both = [unit for unit in rig.probed.units if {one.rule for one in unit.asks} == {"SiteDown", "Listed"}]
    keys = {wish.probe.key for unit in both for one in unit.asks for wish in wishes_of(one.query) if "001" in str(wish)}
    assert len(keys) == 1


async def test_a_target_has_the_labels_of_its_place_and_the_tags_that_are_wanted() -> None:
    rig = Rig((ask(targets={"from": "cloudfront", "tags": {"env": "prod*"}}),))
    rig.lists.known["cloudfront", "prod"] = Known(
        frozenset(
            {
                Site(
                    "a.example", Labels({"distribution": "E1"}), Labels({"env": "production", "team": "web", "x": "y"})
                ),
                Site("b.example", Labels({"distribution": "E2"}), Labels({"env": "test"})),
                Site("not a host", Labels({"distribution": "E3"}), Labels({"env": "production"})),
            }
        ),
        True,
    )
    await rig.look()
    [target] = [one for unit in rig.probed.units for each in unit.asks for one in each.query.all_targets]
    assert (target.target, dict(target.labels)) == ("a.example", {"distribution": "E1", "team": "web"})


async def test_names_are_narrowed_and_accounts_are_those_of_the_rule() -> None:
    narrow = ask(targets={"from": "alb", "names": {"not": "admin.*"}})
    chosen = Ask(narrow.rule, narrow.query, 60, 3, Priority.P1, accounts=("prod",))
    rig = Rig((chosen,))
    sites = {Site(name, Labels({"load_balancer": "lb", "scheme": "internet-facing"})) for name in ("a.b", "admin.b")}
    sites.add(Site("c.b", Labels({"load_balancer": "lb", "scheme": "internal"})))
    rig.lists.known["alb", "prod"] = Known(frozenset(sites), True)
    assert targets((await rig.look())["SiteDown"]) == ["a.b"]
    assert {(key.account, key.region) for key in rig.lists.asked} == {("prod", "eu-west-1"), ("prod", "us-east-1")}


def test_a_share_owns_the_targets_that_hash_to_it_and_no_other_share_does() -> None:
    rig = Rig()
    units = rig.source.plan(rig.asks, ())
    for name in names(20):
        identity = Labels({"target": name, "kind": "http"})
        assert sum(rig.source.owns(unit, "SiteDown", identity) for unit in units) == 1
    assert not any(rig.source.owns(unit, "SiteDown", Labels({"target": "a"})) for unit in units)


def integrity(rule: str = "Changed") -> Ask:
    return ask(
        rule,
        http={**HTTP, "integrity": ["title"]},
        targets=["a.example", "b.example"],
        value="content",
        interval="3s",
        timeout="1s",
    )


def blob(one: Ask) -> bytes:
    keys = [wish.probe.key for wish in wishes_of(one.query)]
    return probes.encode(probes.Memory({}, {key: Content("Welcome", None, None) for key in keys}))


async def test_an_accepted_target_forgets_its_content_once_and_others_keep_theirs() -> None:
    rig = Rig((integrity(),))
    [unit] = rig.source.plan(rig.asks, ())
    first = await rig.source.poll(Poll(unit, 0, None, START))
    assert first.memory is not None
    head = first.memory.removesuffix(b"inner")
    word = Received("a.example", ACCEPT, START + timedelta(seconds=5))
    again = await rig.source.poll(Poll(unit, 0, head + blob(rig.asks[0]), START, (word,)))
    kept = probes.decode(rig.probed.memories[-1]).accepted
    a, b = (wish.probe.key for wish in wishes_of(rig.asks[0].query))
    assert set(kept) == {b} != {a}
    assert again.memory is not None
    head = again.memory.removesuffix(b"inner")
    await rig.source.poll(Poll(unit, 0, head + blob(rig.asks[0]), START, (word,)))
    assert set(probes.decode(rig.probed.memories[-1]).accepted) == {a, b}


async def test_a_word_from_before_the_first_look_changes_nothing() -> None:
    rig = Rig((integrity(),))
    [unit] = rig.source.plan(rig.asks, ())
    word = Received("a.example", ACCEPT, START)
    first = await rig.source.poll(Poll(unit, 0, None, START, (word,)))
    assert first.memory is not None
    head = first.memory.removesuffix(b"inner")
    await rig.source.poll(Poll(unit, 0, head + blob(rig.asks[0]), START, (word,)))
    assert len(probes.decode(rig.probed.memories[-1]).accepted) == 2


async def test_only_targets_whose_content_is_compared_can_be_accepted() -> None:
    rig = Rig()
    assert await rig.source.compares((integrity(), ask()), "a.example")
    assert not await rig.source.compares((integrity(),), "c.example")
    assert not await rig.source.compares((ask("Listed", targets=["a.example"]),), "a.example")
    follows = ask(http={**HTTP, "integrity": ["title"]}, value="content")
    rig.knows("www.example.com")
    assert await rig.source.compares((follows,), "www.example.com")
    [unit, *_] = rig.source.plan((follows,), ())
    assert rig.source.hears(unit)
    [unit, *_] = rig.source.plan((ask(),), ())
    assert not rig.source.hears(unit)
