"""What is known of a target goes with it into another unit, from whoever knows it best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.sources.probe.test_following import Lists, Probed, ask
from watchtower.aws.config import AwsConfig
from watchtower.sources.probe import memory as probes
from watchtower.sources.probe.finding import Finder
from watchtower.sources.probe.followed import Memory, decode, encode
from watchtower.sources.probe.following import FollowingProbes
from watchtower.sources.probe.kinds.http.content import Content
from watchtower.sources.probe.memory import Entry
from watchtower.sources.probe.moving import moved
from watchtower.sources.probe.plan import wishes_of
from watchtower.sources.probe.shares import holds
from watchtower.sources.probe.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.sources.base import Ask, Unit

SOURCE = FollowingProbes(Probed(), Finder(Lists(), AwsConfig()))  # type: ignore[arg-type]
OLD, NEW = Content("Shop", "ca", (1, 2)), Content("Hacked", "en", (3,))


def shop(count: int = 1, **keys: Any) -> Ask:
    given = {"http": {"url": "https://{{ target }}/", "integrity": ["title"]}, "value": "content", "interval": "4s"}
    return ask("Changed", **{**given, "timeout": "1s", "targets": names(count), **keys})


def unrelated(interval: str = "4s") -> Ask:
    return ask("Other", http=None, tcp={}, targets={"http_sd": "http://sd/"}, interval=interval, timeout="1s")


def names(count: int) -> list[str]:
    return [f"site-{number}.example" for number in range(count)]


def keys_of(one: Ask) -> dict[str, str]:
    return {wish.probe.key: wish.target.target for wish in wishes_of(one.query)}


def stored(
    one: Ask, units: Sequence[Unit], slot: int = 100, content: Content = OLD, **heeded: float
) -> dict[str, bytes]:
    """The memories of these units after a look at all targets, that went badly."""
    found: dict[str, bytes] = {}
    for unit in units:
        mine = {key: name for key, name in keys_of(one).items() if holds(unit, name)}
        known = probes.Memory(
            {key: (Entry(slot, 0.0, None, None, 0.5),) for key in mine}, dict.fromkeys(mine, content), names=mine
        )
        words = {name.replace("_", "-") + ".example": at for name, at in heeded.items()}
        found[unit.id] = encode(Memory({}, words, probes.encode(known)))
    return found


def accepted(blobs: Mapping[str, bytes]) -> dict[str, Content]:
    found: dict[str, Content] = {}
    for blob in blobs.values():
        found.update(probes.decode(decode(blob).probes).accepted)
    return found


def after(units: Sequence[Unit], stored: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the units of a new plan remember."""
    return {unit.id: blob for unit in units if (blob := moved(units, stored).get(unit.id, stored.get(unit.id, b"")))}


@pytest.mark.parametrize("count", [1, 12, 60])
def test_a_rule_more_that_cuts_an_interval_otherwise_takes_nothing_from_the_others(count: int) -> None:
    one = shop(count)
    before, later = SOURCE.plan([one], ()), SOURCE.plan([one, unrelated()], ())
    assert {unit.of for unit in before} != {unit.of for unit in later}

    there = after(later, stored(one, before))
    back = after(before, there)

    for units, blobs in ((later, there), (before, back)):
        for unit in units:
            mine = {key for key, name in keys_of(one).items() if holds(unit, name)}
            known = probes.decode(decode(blobs.get(unit.id, b"")).probes)
            assert mine <= set(known.accepted)
            assert all(known.of(key)[0].success == 0 for key in mine)
    assert set(accepted(back).values()) == {OLD}


def test_a_list_that_grows_over_the_room_of_its_units_moves_some_targets_with_what_is_known() -> None:
    few, many = shop(600, interval="1m"), shop(641, interval="1m")
    before, later = SOURCE.plan([few], ()), SOURCE.plan([many], ())
    assert (len(before), len(later)) == (30, 33)

    given = stored(few, before)
    taken = moved(later, given)

    assert set(taken) == {"probe/60/30", "probe/60/31", "probe/60/32"}, "no unit but the new ones is disturbed"
    there = after(later, given)
    for unit in later:
        mine = {key for key, name in keys_of(few).items() if holds(unit, name)}
        assert mine <= set(accepted({"": there.get(unit.id, b"")}))


def test_an_event_that_shortens_the_interval_begins_and_ends_without_forgetting() -> None:
    slow, fast = shop(9, interval="1m"), shop(9, interval="10s")
    usual, peak = SOURCE.plan([slow], ()), SOURCE.plan([fast], ())

    back = after(usual, after(peak, stored(slow, usual)))

    assert accepted(back) == dict.fromkeys(keys_of(slow), OLD)


def test_what_a_unit_knows_itself_stays_unless_another_of_its_interval_knows_better() -> None:
    one = shop()
    [here] = SOURCE.plan([one], ())
    [elsewhere] = [f"probe/4/{99}"]

    def taken(slot: int, holder: str) -> dict[str, Content]:
        [other] = stored(one, [here], slot, NEW).values()
        return accepted(moved([here], {**stored(one, [here], 100), holder: other}))

    assert taken(99, elsewhere) == {}
    assert set(taken(104, elsewhere).values()) == {NEW}
    assert taken(104, "probe/60/3") == {}, "another interval's look is another's"


def test_a_plan_that_moves_nothing_changes_nothing() -> None:
    one = shop(9)
    units = SOURCE.plan([one], ())

    assert moved(units, stored(one, units)) == {}
    assert moved(units, {}) == {}
    assert moved([], stored(one, units)) == {}


def test_the_targets_of_a_list_go_to_their_new_unit_so_that_a_list_that_fails_loses_none() -> None:
    one = ask("Zone", interval="4s", timeout="1s")
    before, later = SOURCE.plan([one], ()), SOURCE.plan([one, shop(400)], ())
    given = {
        unit.id: encode(Memory({"Zone": tuple(Target(target=name) for name in names(50) if holds(unit, name))}))
        for unit in before
    }

    there = after(later, given)

    for unit in later:
        known = {one.target for one in decode(there.get(unit.id)).targets.get("Zone", ())}
        assert {name for name in names(50) if holds(unit, name)} <= known


def test_a_word_that_was_heeded_is_not_heeded_again_and_one_that_was_not_still_is() -> None:
    one = shop()
    [before], later = SOURCE.plan([one], ()), SOURCE.plan([one, unrelated()], ())
    [there] = [unit for unit in later if holds(unit, names(1)[0])]
    assert there.id != before.id

    heeded = moved(later, stored(one, [before], site_0=50.0))
    [unheeded] = stored(one, [before]).values()
    met = moved(later, {before.id: unheeded, there.id: encode(Memory({}, {"site-0.example": 50.0}))})

    assert decode(heeded[there.id]).heeded == {"site-0.example": 50.0}
    assert decode(met[there.id]).heeded == {}, "it was heard there while the target was here"
