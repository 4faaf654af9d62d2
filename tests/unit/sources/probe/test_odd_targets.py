"""Whoever keeps a list may write anything, and we may be mistaken about one: all the other targets go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.clock import START
from tests.support.sites import Names
from tests.unit.sources.probe.test_following import Lists, Rig, ask, names, targets
from watchtower.clock import SystemClock
from watchtower.inventory.hosts import Site
from watchtower.inventory.steady import Known
from watchtower.model import Labels, TroubleReason
from watchtower.sources.base import Poll
from watchtower.sources.probe import source as probing
from watchtower.sources.probe.plan import wishes_of
from watchtower.sources.probe.result import Result
from watchtower.sources.probe.runner import Job, ProbeLimits, Runner
from watchtower.sources.probe.shares import holds
from watchtower.sources.probe.source import ProbeSource

if TYPE_CHECKING:
    from watchtower.inventory.sites import SiteKey
    from watchtower.model import Trouble
    from watchtower.sources.probe.prober import Probe

PLACES = {
    "file": {"file": "/etc/watchtower/sites.txt"},
    "http_sd": {"http_sd": "http://sd.example/"},
    "route53": {"from": "route53"},
    "cloudfront": {"from": "cloudfront"},
    "alb": {"from": "alb"},
}


def following(kind: str, rule: str = "SiteDown") -> Any:
    known = ask(rule)
    where = type(known.query.targets).model_validate(PLACES[kind])
    return type(known)(rule, known.query.model_copy(update={"targets": where}), 60, 3, known.priority)


async def troubles(rig: Rig) -> list[Trouble]:
    told: list[Trouble] = []
    for unit in rig.source.plan(rig.asks, ()):
        found = await rig.source.poll(Poll(unit, 0, rig.memory.get(unit.id), START))
        rig.memory[unit.id] = found.memory
        told.extend(found.troubles)
    return told


@pytest.mark.parametrize("odd", ["x" * 2049, "a b", "", "\ud800.example", "bad\x00.example", "é" * 300])
@pytest.mark.parametrize("kind", PLACES)
async def test_an_odd_entry_is_left_out_and_told_and_all_other_targets_are_probed(kind: str, odd: str) -> None:
    rig = Rig((following(kind), ask("TillDown", targets=["till.example"])))
    account = "prod" if "from" in PLACES[kind] else ""
    listed = frozenset(Site(name, Labels({"scheme": "internet-facing"})) for name in (*names(40), odd))
    rig.lists.known[kind, account] = Known(listed, True)

    [told] = await troubles(rig)
    answers = await rig.look()

    assert (told.reason, told.source) == (TroubleReason.INVALID, "probe")
    assert told.detail.startswith("targets of SiteDown: ")
    assert "is left out: " in told.detail
    assert len(told.detail) < 300
    assert targets(answers["SiteDown"]) == names(40)
    assert answers["SiteDown"].complete
    assert targets(answers["TillDown"]) == ["till.example"]


async def test_a_secret_in_an_odd_entry_is_not_told() -> None:
    rig = Rig((following("http_sd"),))
    odd = "https://me:hunter2secret@x.example/ " + "x" * 2049
    rig.lists.known["http_sd", ""] = Known(frozenset({Site(odd)}), True)

    [told] = await troubles(rig)

    assert "hunter2secret" not in told.detail


class BrokenLists(Lists):
    """A list at which we are mistaken."""

    async def sites(self, key: SiteKey) -> Known[Site]:
        if key.kind == "cloudfront":
            raise KeyError("Aliases")
        return await super().sites(key)


async def test_a_mistake_with_one_list_leaves_the_targets_of_the_other_rules_and_its_own() -> None:
    rig = Rig((following("cloudfront"), following("route53", "ZoneDown"), ask("TillDown", targets=["till.example"])))
    for kind in ("cloudfront", "route53"):
        rig.lists.known[kind, "prod"] = Known(frozenset(Site(name) for name in names(9)), True)
    before = await rig.look()
    rig.lists = BrokenLists(rig.lists.known)

    told = await troubles(rig)
    after = await rig.look()

    assert {(one.reason, one.detail.split(":")[0]) for one in told} == {(TroubleReason.INTERNAL, "targets of SiteDown")}
    assert [targets(after[rule]) for rule in before] == [targets(before[rule]) for rule in before]
    assert [after[rule].complete for rule in ("SiteDown", "ZoneDown", "TillDown")] == [False, True, True]


async def test_a_rule_that_asks_otherwise_by_now_is_not_asked_for_targets_that_it_cannot_ask() -> None:
    tcp = ask(http=None, tcp={}, targets={"from": "route53"})
    rig = Rig((tcp,))
    rig.lists.known["route53", "prod"] = Known(frozenset({Site("a.example:443"), Site("b.example:443")}), True)
    await rig.look()
    rig.asks = (ask(http=None, dns={"type": "A"}, targets={"from": "route53"}), ask("Till", targets=["till.example"]))
    rig.lists.known["route53", "prod"] = Known(None, False, "throttled", TroubleReason.THROTTLED)

    answers = await rig.look()

    assert targets(answers["Till"]) == ["till.example"]
    assert not answers["SiteDown"].complete


async def test_a_mistake_with_one_rule_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig((ask("Broken", targets=["a.example"]), ask("Till", targets=["a.example"]), following("route53", "Zone")))
    broken = type(rig.asks[0].query.asked)
    job = broken.job

    def fails(self: Any, target: Any) -> Any:
        if self is rig.asks[0].query.asked:
            raise RuntimeError("what nobody thought of")
        return job(self, target)

    monkeypatch.setattr(broken, "job", fails)
    rig.knows("b.example")

    told = await troubles(rig)
    answers = await rig.look()

    assert [one.detail for one in told] == ["Broken: a mistake of Watchtower's, RuntimeError: what nobody thought of"]
    assert (targets(answers["Broken"]), answers["Broken"].complete) == ([], False)
    assert (targets(answers["Till"]), targets(answers["Zone"])) == (["a.example"], ["b.example"])


async def test_a_mistake_with_one_answer_leaves_the_other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = probing._reason

    def fails(asked: Any, *rest: Any) -> str:
        if asked.rule == "Broken":
            raise RuntimeError("what nobody thought of")
        return truth(asked, *rest)

    monkeypatch.setattr(probing, "_reason", fails)
    asks = [ask(rule, targets=["127.0.0.1:1"]) for rule in ("Broken", "Whole")]
    source = ProbeSource(SystemClock(), ProbeLimits(spread=0.0), resolver=Names())
    try:
        [unit] = source.plan(asks, ())
        found = await source.poll(Poll(unit, 60, None, START))
    finally:
        await source.close()

    assert [answer.rule for answer in found.answers] == ["Whole"]
    assert [one.reason for one in found.troubles] == [TroubleReason.INTERNAL]


class Jury:
    """A judge of failures that fails itself for one target."""

    async def judge(self, result: Result, scope: object, begun: float) -> Result:
        if result.reason == "odd":
            raise RuntimeError("what nobody thought of")
        return result


class Probes:
    """Probes whose reason is their key."""

    async def probe(self, probe: Probe) -> Result:
        return Result(success=True, reason=probe.key)


async def test_a_mistake_with_one_probe_is_an_unknown_result_and_ends_no_other() -> None:
    probe = wishes_of(ask("A", targets=["a.example"]).query)[0].probe
    jobs = {key: Job(type(probe)(key, "http", probe.job, 5.0), "a.example", None) for key in ("odd", "even")}
    runner = Runner(SystemClock(), ProbeLimits(spread=0.0), Probes(), Jury())  # type: ignore[arg-type]

    run = await runner.run(jobs, 60.0)

    assert run.results["even"].success
    assert (run.results["odd"].success, run.results["odd"].trouble) == (None, TroubleReason.INTERNAL)


async def test_a_target_that_another_unit_has_by_now_is_not_gone_from_this_one() -> None:
    rig = Rig()
    rig.knows(*names(40))
    await rig.look()
    [first, *others] = rig.source.plan(rig.asks, ())
    elsewhere = next(unit for unit in others if any(holds(unit, name) for name in names(40)))

    found = await rig.source.poll(Poll(first, 0, rig.memory[elsewhere.id], START))

    assert [answer.gone for answer in found.answers] == [()]
