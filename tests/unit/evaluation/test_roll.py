"""The roll: who is known of a rule's series, who is missing, who is one too many."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evaluation.making import MINUTE, START, level, rule
from watchtower.evaluation.roll import Called, Census, Register, Roll, call, decode, digest, encode
from watchtower.model import Answer, Labels, Observation, Truth
from watchtower.rulebook.rule import Farewell, Rule, Vanished

HOT_RULE = rule(level("P3", "> 80"))


def name(number: int | str) -> Labels:
    return Labels({"account": "test", "InstanceId": f"i-{number}"})


def there(*names: int | str, complete: bool = True, gone: tuple[Labels, ...] = ()) -> Answer:
    return Answer("RdsCpuHigh", tuple(Observation(name(each)) for each in names), complete, gone)


def leaving(do: Farewell, after: int = 2) -> Rule:
    return replace(HOT_RULE, vanished=Vanished(after, do))


class Rollcalls:
    """Answers called one after the other, through the blob between any two."""

    def __init__(self, rule: Rule, *alerts: Labels, limit: int = 100) -> None:
        self.rule, self.alerts, self.limit = rule, alerts, limit
        self.blob, self.census, self.tick = b"", None, START  # type: bytes, Census | None, int

    def call(self, answer: Answer, *, again: bool = False) -> Called:
        self.tick += 0 if again else MINUTE
        roll = decode(self.blob).get(self.rule.name, Roll())
        register = Register(roll, self.census, self.alerts)
        called = call(self.rule, answer, register, tick=self.tick, again=again, limit=self.limit)
        self.blob, self.census = encode({self.rule.name: called.roll}), called.census
        return called


def test_a_firing_series_vanishes_when_enough_complete_answers_come_without_it() -> None:
    register = Rollcalls(leaving(Farewell.RESOLVE, after=3), name(1))
    assert [register.call(there(2)).vanished for _ in range(4)] == [(), (), (name(1),), (name(1),)]


def test_an_answer_that_is_not_complete_counts_nothing() -> None:
    register = Rollcalls(leaving(Farewell.RESOLVE), name(1))
    answers = [there(), there(complete=False), there(complete=False), there()]
    assert [register.call(answer).vanished for answer in answers] == [(), (), (), (name(1),)]


def test_a_tick_that_is_repeated_counts_once() -> None:
    register = Rollcalls(leaving(Farewell.RESOLVE), name(1))
    register.call(there())
    assert register.call(there(), again=True).vanished == ()
    assert register.call(there()).vanished == (name(1),)


def test_a_series_that_is_back_is_counted_from_the_start() -> None:
    register = Rollcalls(leaving(Farewell.RESOLVE), name(1))
    register.call(there())
    register.call(there(1))
    assert register.call(there()).vanished == ()


def test_a_series_that_could_not_be_seen_is_there() -> None:
    register = Rollcalls(leaving(Farewell.RESOLVE, after=1), name(1))
    forbidden = Answer("RdsCpuHigh", (Observation(name(1), truth=Truth.FORBIDDEN),))
    assert register.call(forbidden).vanished == ()


def test_a_series_that_was_well_is_missed_only_where_the_rule_fires() -> None:
    for do, missed in [(Farewell.FIRE, (name(1),)), (Farewell.RESOLVE, ()), (Farewell.HOLD, ())]:
        register = Rollcalls(leaving(do))
        register.call(there(1, 2))
        register.call(there(2))
        assert register.call(there(2)).vanished == missed


def test_who_is_missed_is_missed_until_back() -> None:
    register = Rollcalls(leaving(Farewell.FIRE, after=1))
    register.call(there(1, 2))
    assert [register.call(there(2)).vanished for _ in range(3)] == [(name(1),)] * 3
    assert register.call(there(1, 2)).vanished == ()
    assert register.call(there(1, complete=False)).vanished == ()
    assert register.call(there(1)).vanished == (name(2),)


def test_a_resource_that_is_gone_is_not_missed() -> None:
    register = Rollcalls(leaving(Farewell.FIRE, after=1))
    register.call(there(1, 2))
    assert register.call(there(2, gone=(name(1),))).vanished == ()
    assert register.call(there(2)).vanished == ()


def test_what_is_there_before_the_limit_stays_and_what_is_new_is_ignored() -> None:
    register = Rollcalls(HOT_RULE, limit=3)
    register.call(there(7, 8, 9))
    called = register.call(there(1, 7, 2, 8, 9))
    assert {each.identity for each in called.answer.observations} == {name(7), name(8), name(9)}
    assert called.census == Census("RdsCpuHigh", 3, START + MINUTE, None, ignored=2)
    later = register.call(there(1, 2, 8, 9))
    assert {each.identity for each in later.answer.observations} == {name(8), name(9), name(1)}
    assert register.call(there(1, 8, 9)).census == Census("RdsCpuHigh", 3, START + MINUTE, None, ignored=0)


def test_an_incomplete_answer_does_not_make_old_series_new() -> None:
    register = Rollcalls(HOT_RULE, limit=2)
    register.call(there(8, 9))
    register.call(there(complete=False))
    called = register.call(there(1, 8, 9))
    assert {each.identity for each in called.answer.observations} == {name(8), name(9)}


def test_a_census_says_since_when_a_rule_is_empty() -> None:
    register = Rollcalls(HOT_RULE)
    assert register.call(there(complete=False)).census is None
    assert register.call(there()).census == Census("RdsCpuHigh", 0, START + 120, START + 120)
    assert register.call(there()).census == Census("RdsCpuHigh", 0, START + 120, START + 120)
    assert register.call(there(complete=False)).census == Census("RdsCpuHigh", 0, START + 120, START + 120)
    assert register.call(there(1)).census == Census("RdsCpuHigh", 1, START + 120)
    assert register.call(there()).census == Census("RdsCpuHigh", 0, START + 120, START + 360)


def test_a_blob_is_the_same_for_the_same_roll_and_garbage_is_an_empty_one() -> None:
    roll = Roll(frozenset({digest(name(1)), digest(name(2))}), frozenset({name(2), name(1)}), {name(3): 1})
    assert encode({"A": roll}) == encode({"A": replace(roll, known=frozenset({name(1), name(2)}))})
    assert decode(encode({"A": roll, "B": Roll()})) == {"A": roll, "B": Roll()}
    assert decode(b"garbage") == {}
    assert decode(None) == {}


def test_ten_thousand_series_take_less_than_two_hundred_kilobytes() -> None:
    roll = Roll(frozenset(digest(name(number)) for number in range(10_000)))
    assert len(encode({"A": roll})) < 120_000


@given(st.lists(st.tuples(st.sets(st.integers(1, 5)), st.booleans()), min_size=1, max_size=12), st.integers(1, 3))
def test_a_series_vanishes_exactly_when_it_was_away_that_often_in_a_row(
    answers: list[tuple[set[int], bool]], after: int
) -> None:
    register = Rollcalls(leaving(Farewell.FIRE, after))
    away: dict[int, int] = {}
    for present, complete in answers:
        called = register.call(there(*present, complete=complete))
        for each in present:
            away[each] = 0 if complete else away.get(each, 0)
        if complete:
            away = {each: 0 if each in present else count + 1 for each, count in away.items()}
        expected = {name(each) for each, count in away.items() if count >= after}
        assert set(called.vanished) == expected
