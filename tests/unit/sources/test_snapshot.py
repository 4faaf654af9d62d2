"""What sources that look at resources share, with a reader that says what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from watchtower.aws.config import AwsConfig
from watchtower.clock import from_epoch
from watchtower.errors import SourceError
from watchtower.model import Answer, Labels, PollResult, Priority, TroubleReason, Truth
from watchtower.sources.announced.ec2_events import Ec2EventsQuery
from watchtower.sources.base import Ask, Place, Poll
from watchtower.sources.snapshot import Look, Reader, Seen, SnapshotSource, Unseen, Visit, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

START = 1_800_000_000
DENIED = SourceError(TroubleReason.FORBIDDEN, "not allowed")


class Told(Reader["dict[str, float]"]):
    """A reader whose next look is set by the test."""

    def __init__(self) -> None:
        self.next: Look[dict[str, float]] = Look({})
        self.well = False
        self.additive = False
        self.unmeant: tuple[str, ...] = ()
        self.own: Any = None

    async def look(self, visit: Visit) -> Look[dict[str, float]]:
        self.own = visit.own
        return self.next

    def judge(self, ask: Ask, facts: dict[str, float], now: int) -> Iterable[Seen]:
        assert ask.rule
        assert now >= START
        return [Seen(name, value) for name, value in facts.items()]

    def absent(self, query: Any, resource: str) -> Seen | None:
        return Seen(resource, reason="all is well") if self.well else super().absent(query, resource)

    def lacks(self, query: Any, unseen: Unseen) -> bool:
        return super().lacks(query, unseen) and unseen.part not in self.unmeant

    def counts(self, query: Any) -> bool:
        return self.additive or super().counts(query)


@dataclass
class Looking:
    """One rule, looked at slot by slot."""

    reader: Told = field(default_factory=Told)
    memory: bytes | None = None
    tick: int = START
    query: Ec2EventsQuery = field(default_factory=Ec2EventsQuery)

    async def look(self, look: Look[dict[str, float]] | dict[str, float], *, later: int = 300) -> PollResult:
        self.tick += later
        self.reader.next = look if isinstance(look, Look) else Look(look)
        source = SnapshotSource("ec2_events", self.reader, AwsConfig())
        [unit] = source.plan([Ask("Rule", self.query, 300, 3, Priority.P3)], [Place("main", "eu-west-1")])
        result = await source.poll(Poll(unit, self.tick, self.memory, from_epoch(self.tick)))
        self.memory = self.memory if result.memory is None else result.memory
        return result

    async def answer(self, look: Look[dict[str, float]] | dict[str, float], *, later: int = 300) -> Answer:
        return (await self.look(look, later=later)).answers[0]


def values(answer: Answer) -> dict[str, list[float]]:
    return {one.identity["resource"]: [value for _, value in one.points] for one in answer.observations}


async def test_slots_are_remembered_as_far_as_the_rule_looks() -> None:
    looking = Looking()
    for value in (1.0, 2.0, 3.0, 4.0):
        answer = await looking.answer({"a": value})
    assert values(answer) == {"a": [2.0, 3.0, 4.0]}
    [seen] = answer.observations
    assert seen.identity == Labels({"account": "main", "region": "eu-west-1", "resource": "a"})
    assert [at for at, _ in seen.points] == [looking.tick - 900, looking.tick - 600, looking.tick - 300]


async def test_a_slot_that_is_looked_at_twice_has_the_newer_value_and_counts_add_up() -> None:
    looking = Looking()
    await looking.answer({"a": 1.0})
    assert values(await looking.answer({"a": 5.0}, later=0)) == {"a": [5.0]}
    looking.reader.additive = True
    assert values(await looking.answer({"a": 2.0}, later=0)) == {"a": [7.0]}
    assert values(await looking.answer({"a": 1.0})) == {"a": [7.0, 1.0]}


async def test_a_part_that_was_not_seen_keeps_its_state_and_its_slots() -> None:
    looking = Looking()
    await looking.answer({"a": 1.0, "b": 2.0})
    result = await looking.look(Look({"a": 1.0}, unseen=(Unseen(DENIED),)))
    [answer] = result.answers
    truths = {one.identity["resource"]: (one.truth, one.reason) for one in answer.observations}
    assert truths == {"a": (Truth.VALUE, ""), "b": (Truth.FORBIDDEN, "not allowed")}
    assert (answer.complete, answer.gone) == (False, ())
    assert [(one.source, one.reason) for one in result.troubles] == [("ec2_events", TroubleReason.FORBIDDEN)]
    assert values(await looking.answer({"a": 1.0, "b": 3.0}))["b"] == [2.0, 3.0]


LOCKED = Unseen(DENIED, "locked")


def truths(answer: Answer) -> dict[str, str]:
    return {one.identity["resource"]: str(one.truth) for one in answer.observations}


async def test_only_what_lies_in_the_part_that_was_not_seen_keeps_its_state() -> None:
    looking = Looking()
    known = {"main/a": 1.0, "main/b": 1.0, "main/c": 1.0, "locked/a": 1.0, "lockedout/a": 1.0}
    await looking.answer(known)
    answer = await looking.answer(Look({"main/a": 1.0, "main/b": 1.0, "lockedout/a": 1.0}, unseen=(LOCKED,)))
    assert [one["resource"] for one in answer.gone] == ["main/c"]
    assert truths(answer) == {"main/a": "value", "main/b": "value", "lockedout/a": "value", "locked/a": "forbidden"}
    assert not answer.complete


async def test_what_is_absent_and_well_is_so_though_another_part_is_never_seen() -> None:
    looking = Looking()
    looking.reader.well = True
    await looking.answer({"main/a": 1.0, "locked/a": 1.0})
    for _ in range(4):
        answer = await looking.answer(Look({}, unseen=(LOCKED,)))
    assert values(answer) == {"main/a": [0.0, 0.0, 0.0], "locked/a": []}


async def test_half_of_what_could_be_seen_is_doubted_once_though_another_part_is_never_seen() -> None:
    looking = Looking()
    await looking.answer({"main/a": 1.0, "main/b": 1.0, "locked/a": 1.0, "locked/b": 1.0, "locked/c": 1.0})
    half = Look({"main/a": 1.0}, unseen=(LOCKED,))
    result = await looking.look(half)
    assert truths(result.answers[0])["main/b"] == "not_fetched"
    assert {one.reason for one in result.troubles} == {TroubleReason.FORBIDDEN, TroubleReason.PARTIAL}
    assert [one["resource"] for one in (await looking.answer(half)).gone] == ["main/b"]


async def test_a_part_that_a_rule_does_not_ask_for_is_nothing_that_it_lacks() -> None:
    looking = Looking()
    looking.reader.unmeant = ("locked",)
    await looking.answer({"main/a": 1.0, "main/b": 1.0, "main/c": 1.0})
    result = await looking.look(Look({"main/a": 1.0, "main/b": 1.0}, unseen=(LOCKED,)))
    assert result.answers[0].complete
    assert [one["resource"] for one in result.answers[0].gone] == ["main/c"]
    assert [one.detail for one in result.troubles] == ["not allowed"], "and still it is a trouble of the place"


async def test_a_trouble_that_hides_nothing_is_told_and_holds_nothing() -> None:
    looking = Looking()
    await looking.answer({"a": 1.0, "b": 1.0, "c": 1.0})
    result = await looking.look(Look({"a": 1.0, "b": 1.0}, troubles=(DENIED,)))
    assert [one["resource"] for one in result.answers[0].gone] == ["c"]
    assert [one.reason for one in result.troubles] == [TroubleReason.FORBIDDEN]


async def test_where_absence_is_well_nothing_is_ever_gone() -> None:
    looking = Looking()
    looking.reader.well = True
    await looking.answer({"a": 1.0})
    answer = await looking.answer({})
    assert (values(answer), answer.gone, answer.complete) == ({"a": [1.0, 0.0]}, (), True)
    assert answer.observations[0].reason == "all is well"


async def test_a_rule_that_was_edited_lets_go_at_once_of_what_it_does_not_mean_any_more() -> None:
    looking = Looking()
    await looking.answer({"a": 1.0, "b": 1.0, "c": 1.0})
    looking.query = Ec2EventsQuery(value="impaired")
    result = await looking.look({"a": 1.0})
    assert result.troubles == ()
    assert [one["resource"] for one in result.answers[0].gone] == ["b", "c"]


async def test_nothing_that_can_be_seen_is_no_trouble_where_the_reader_says_so() -> None:
    result = await Looking().look(Look({}, complete=False))
    assert (result.troubles, result.answers[0].complete) == ((), False)


async def test_what_the_reader_wants_to_remember_comes_back_at_the_next_look() -> None:
    looking = Looking()
    await looking.answer(Look({"a": 1.0}, own={"since": 5}))
    await looking.answer({"a": 1.0})
    assert looking.reader.own == {"since": 5}


async def test_equal_looks_at_one_slot_leave_the_memory_as_it_is() -> None:
    looking = Looking()
    await looking.look({"a": 1.0})
    assert (await looking.look({"a": 1.0}, later=0)).memory is None


async def test_each_value_is_shown_under_the_name_of_its_rule() -> None:
    [sample] = (await Looking().look({"a": 4.0})).samples
    assert (sample.value, sample.labels["alert"], sample.labels["resource"]) == (4.0, "Rule", "a")


@pytest.mark.parametrize("blob", [None, b"", b"nonsense", b"x\x9c\xab\xae\x05\x00\x01u\x00\xf9"])
def test_a_memory_that_cannot_be_read_is_forgotten(blob: bytes | None) -> None:
    assert decode(blob).rules == {}
