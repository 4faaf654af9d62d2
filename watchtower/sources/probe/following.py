"""The probe source as the engine knows it: targets that follow a list, and content that somebody accepted.

What follows no list is left to the probes as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from watchtower.clock import epoch
from watchtower.inventory.steady import judge as believe
from watchtower.model import Answer, Labels, PollResult, Trouble, TroubleReason
from watchtower.redaction import mistake
from watchtower.sources.probe import memory as remembered
from watchtower.sources.probe.finding import asked_of, left_out
from watchtower.sources.probe.followed import Memory, decode, encode
from watchtower.sources.probe.moving import moved
from watchtower.sources.probe.plan import wishes_of
from watchtower.sources.probe.shares import holds, narrowed, resolved, share_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchtower.sources.base import Ask, Place, Poll, Received, Unit
    from watchtower.sources.probe.finding import Finder, Found
    from watchtower.sources.probe.source import ProbeSource
    from watchtower.sources.probe.targets import Target

log = structlog.get_logger("watchtower.probe")

#: What somebody says of a target: its content is right as it is now.
ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class _Share:
    """The targets of one rule in one unit; ``gone`` are those that its list had and has no more."""

    ask: Ask
    targets: tuple[Target, ...]
    gone: tuple[Target, ...] = ()
    complete: bool = True
    troubles: tuple[Trouble, ...] = ()

    @property
    def narrowed(self) -> Ask | None:
        return narrowed(self.ask, self.targets)


class FollowingProbes:
    """The probe source as the engine knows it; what follows no list is left to the probes as it is."""

    name = "probe"

    def __init__(self, probes: ProbeSource, finder: Finder) -> None:
        self._probes = probes
        self._finder = finder

    def plan(self, asks: Sequence[Ask], places: Sequence[Place]) -> list[Unit]:
        """Units as ever; of an interval in which some rule follows a list, units by share."""
        following = {ask.period for ask in asks if ask.query.where is not None}
        units = self._probes.plan([ask for ask in asks if ask.period not in following], places)
        elsewhere = len({ask.period for ask in asks}) > 1
        for period in sorted(following):
            units.extend(share_units([ask for ask in asks if ask.period == period], elsewhere=elsewhere))
        return units

    def owns(self, unit: Unit, rule: str, identity: Labels) -> bool:
        """Whether the identity's target is in this unit's share, or one of those that it lists."""
        asks = [ask for ask in unit.asks if ask.rule == rule]
        if all(ask.query.where is None for ask in asks):
            return self._probes.owns(unit, rule, identity)
        rest = {name: value for name, value in identity.items() if name != "target"}
        return holds(unit, identity.get("target", "")) and any(rest in ask.query.identities for ask in asks)

    def moved(self, units: Sequence[Unit], memories: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """What is known of targets that another unit has by now."""
        return moved(units, memories)

    def hears(self, unit: Unit) -> bool:
        """People's words about content."""
        return any(ask.query.value == "content" for ask in unit.asks)

    async def compares(self, asks: Sequence[Ask], target: str) -> bool:
        """Whether some of these rules compares the content of a target with an accepted one."""
        for ask in (ask for ask in asks if ask.query.value == "content"):
            listed = (
                ask.query.all_targets if ask.query.where is None else (await self._finder.find(ask)).targets.values()
            )
            if any(target == one.target for one in listed):
                return True
        return False

    async def poll(self, poll: Poll) -> PollResult:
        """Find the targets, forget what somebody accepted another state of, and probe."""
        before = decode(poll.memory)
        shares = [await self._share(poll.unit, ask, before) for ask in poll.unit.asks]
        asks = tuple(ask for share in shares if (ask := share.narrowed) is not None)
        unit, unsound = _sound(poll.unit, asks)
        inner = _forgetful(before, unit.asks, poll.received)
        polled = await self._polled(replace(poll, unit=unit, memory=inner or None))
        answers = {answer.rule: answer for answer in polled.answers}
        memory = Memory(
            {share.ask.rule: share.targets for share in shares if share.ask.query.where is not None},
            {one.target: epoch(one.at) for one in poll.received if one.kind == ACCEPT},
            polled.memory if polled.memory is not None else inner,
        )
        found = [one for share in shares for one in share.troubles]
        troubles = tuple(dict.fromkeys([*polled.troubles, *unsound, *found]))
        told = tuple(_told(share, answers.get(share.ask.rule)) for share in shares)
        return replace(polled, answers=told, memory=encode(memory), troubles=troubles)

    async def close(self) -> None:
        """Let the probes end."""
        await self._finder.close()
        await self._probes.close()

    async def _polled(self, poll: Poll) -> PollResult:
        return await self._probes.poll(poll) if poll.unit.asks else PollResult(())

    async def _share(self, unit: Unit, ask: Ask, before: Memory) -> _Share:
        if ask.query.where is None:
            return _Share(ask, ask.query.all_targets)
        try:
            return _judged(unit, ask, await self._finder.find(ask, partial(holds, unit)), before)
        except Exception as error:
            # A mistake of ours with one list must not take the targets of other rules with it.
            log.exception("probe.list_failed", rule=ask.rule, unit=unit.id)
            trouble = Trouble("probe", "", "", TroubleReason.INTERNAL, f"targets of {ask.rule}: {mistake(error)}")
            return _Share(ask, tuple(_known(unit, ask, before).values()), complete=False, troubles=(trouble,))


def _judged(unit: Unit, ask: Ask, found: Found, before: Memory) -> _Share:
    """A rule's share, of which this was found.

    A list that could not be read leaves the targets that were known. A share that loses half of its targets since the
    last look, which a restart may lie between, is believed when this process has known the list long enough.
    """
    known = _known(unit, ask, before)
    new = dict(found.targets)
    troubles = (*found.troubles, *left_out(ask.rule, found.odd))
    if not found.complete:
        kept = tuple(one for _, one in sorted({**known, **new}.items()))
        return _Share(ask, kept, complete=False, troubles=troubles)
    belief = believe(frozenset(known), frozenset(new), doubted=found.settled, until="it is so for some time")
    if not belief.fresh:
        doubt = Trouble("probe", "", "", TroubleReason.PARTIAL, f"targets of {ask.rule}: {belief.detail}")
        return _Share(ask, tuple(known.values()), complete=False, troubles=(*troubles, doubt))
    gone = tuple(one for name, one in known.items() if name not in new)
    return _Share(ask, tuple(one for _, one in sorted(new.items())), gone, troubles=troubles)


def _known(unit: Unit, ask: Ask, before: Memory) -> dict[str, Target]:
    """The targets that the rule's list had, of this share, as far as the rule as it is now can ask them."""
    mine = (one for one in before.targets.get(ask.rule, ()) if holds(unit, one.target))
    askable = (asked_of(ask, one.target, one.labels)[0] for one in mine)
    return {one.target: one for one in askable if one is not None}


def _sound(unit: Unit, asks: tuple[Ask, ...]) -> tuple[Unit, tuple[Trouble, ...]]:
    """The unit with the targets of all rules that can be asked, and what is wrong with the others."""
    try:
        return resolved(unit, asks), ()
    except Exception:  # noqa: BLE001 - whose it is, is found below
        wrong = {ask.rule: error for ask in asks if (error := _wrong(ask)) is not None}
    for rule, error in wrong.items():
        log.error("probe.rule_failed", rule=rule, unit=unit.id, exc_info=error)
    troubles = (Trouble("probe", "", "", TroubleReason.INTERNAL, f"{rule}: {mistake(e)}") for rule, e in wrong.items())
    return resolved(unit, tuple(ask for ask in asks if ask.rule not in wrong)), tuple(troubles)


def _wrong(ask: Ask) -> Exception | None:
    try:
        wishes_of(ask.query)
    except Exception as error:  # noqa: BLE001 - it is told as a trouble of this rule alone
        return error
    return None


def _forgetful(before: Memory, asks: Sequence[Ask], received: Sequence[Received]) -> bytes:
    """The probes' memory without the content of targets of which another was accepted: the next look is accepted."""
    new = {one.target for one in received if one.kind == ACCEPT and epoch(one.at) > before.heeded.get(one.target, 0.0)}
    keys = {wish.probe.key for ask in asks for wish in wishes_of(ask.query) if wish.target.target in new}
    if not keys or not before.probes:
        return before.probes
    known = remembered.decode(before.probes)
    kept = {key: content for key, content in known.accepted.items() if key not in keys}
    return remembered.encode(replace(known, accepted=kept))


def _told(share: _Share, answer: Answer | None) -> Answer:
    """The rule's answer, with what is known of its list."""
    gone = tuple(
        Labels({"target": target.target, **identity})
        for target in share.gone
        for identity in share.ask.query.identities
    )
    plain = answer or Answer(share.ask.rule, (), complete=not share.targets)
    return replace(plain, complete=plain.complete and share.complete, gone=gone)
