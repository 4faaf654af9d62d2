"""What was owed in a run, what the vendors have in their books, and which promises were broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING

import orjson

from tests.support.crash_matrix.scripts import Kind
from tests.support.crash_matrix.world import OTHER_KEY
from watchtower.demo.pagerduty import DEMO_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.support.crash_matrix.world import World
    from watchtower.demo.pagerduty import PagerDutyIncident
    from watchtower.demo.slack import SlackMessage


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the outbox, as the store has it in the end."""

    id: str
    channel: str
    event: str
    state: str
    attempts: int
    digest: str | None
    open: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """The store in the end."""

    rows: tuple[Row, ...] = ()
    unpaid: int = 0
    #: Possible duplicates by channel, as the store counted them.
    counted: Mapping[str, int] = field(default_factory=dict)

    @property
    def unrest(self) -> int:
        """How much is on its way or owed; one where the store cannot be read."""
        return self.unpaid + sum(row.open for row in self.rows) if self.rows else 1


@dataclass
class Counts:
    """One run's books, or the sum of many. Messages of a digest count once for each site."""

    runs: int = 0
    pages_owed: int = 0
    pages_delivered: int = 0
    lost: int = 0
    resolves_owed: int = 0
    resolves_missing: int = 0
    second_incidents: int = 0
    phones_rung: int = 0
    phones_expected: int = 0
    ambiguous: int = 0
    duplicates_slack: int = 0
    duplicates_webhook: int = 0
    duplicates_sns: int = 0
    possible_duplicates: int = 0
    astray: int = 0
    kills: int = 0
    pauses: int = 0
    steps_missed: int = 0
    overtaken: int = 0
    late: int = 0

    def add(self, other: Counts) -> None:
        """Sum."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass
class Verdict:
    """What a run came to."""

    counts: Counts = field(default_factory=Counts)
    broken: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, object]:
        """For the report."""
        return {**asdict(self.counts), "broken": self.broken}


def unheard(world: World, channel: str | None = None) -> int:
    """How many are still to hear of how many sites; all, or one channel."""
    known = _unheard(world)
    return len(known[channel]) if channel else sum(map(len, known.values()))


def missing(world: World) -> str:
    """Who has not heard of the beginning, and who not of the end, for the timeline."""
    waiting = {channel: those for channel, those in _unheard(world).items() if those}
    return f"not told: {waiting}, not ended: {_unresolved(world)}"


def _unheard(world: World) -> dict[str, list[str]]:
    """By channel, the sites that it has not heard of."""
    kind, targets = world.script.kind, world.script.targets
    known: dict[str, set[str]] = {}
    if kind is not Kind.DIGEST:
        known["oncall"] = _rung(world, DEMO_KEY)
    if kind is Kind.ESCALATION:
        known["lead"] = _rung(world, OTHER_KEY)
    known["ops"] = {target for target in targets if any(target in _whole(one) for one in _posts(world))}
    known["hook"] = {target for target in targets if _hooked(world, target, "FIRING")}
    known["audit"] = {target for target in targets if _published(world, target, "trigger")}
    return {channel: [one for one in targets if one not in those] for channel, those in known.items()}


def _rung(world: World, routing_key: str) -> set[str]:
    """The sites of which a pager knows what there is to know at last: the highest tier, the newest round."""
    found = set()
    for target in world.script.targets:
        mine = [one for one in incidents_of(world, target) if one.routing_key == routing_key]
        if world.script.kind is Kind.RISE:
            mine = [one for one in mine if one.severity == "critical"]
        if mine:
            found.add(target)
    return found


def incidents_of(world: World, target: str) -> list[PagerDutyIncident]:
    """PagerDuty's incidents about a site."""
    return [one for one in world.pagerduty.incidents if target in one.summary]


def unrepeated(world: World) -> int:
    """Of how many sites the acknowledgement did not run out yet, so that no pager rang anew."""
    keys = [{one.key for one in incidents_of(world, target)} for target in world.script.targets]
    return sum(not any(key.endswith(":2") for key in found) for found in keys)


def unheld(world: World) -> int:
    """How many of PagerDuty's incidents nobody has in hand."""
    return sum(one.state not in {"acknowledged", "resolved"} for one in all_incidents(world))


def unended(world: World) -> int:
    """How many heard of a beginning and not of its end."""
    return len(_unresolved(world))


def _unresolved(world: World) -> list[str]:
    missing = [f"PagerDuty {one.key}" for one in all_incidents(world) if one.open]
    for target in world.script.targets:
        if any(target in _whole(one) for one in _posts(world)) and not _slack_ended(world, target):
            missing.append(f"Slack {target}")
        if _hooked(world, target, "FIRING") and not _hooked(world, target, "RESOLVED"):
            missing.append(f"Slack webhook {target}")
        if _published(world, target, "trigger") and not _published(world, target, "resolve"):
            missing.append(f"SNS {target}")
    return missing


def all_incidents(world: World) -> list[PagerDutyIncident]:
    """PagerDuty's incidents about any site of the run."""
    return [one for one in world.pagerduty.incidents if about(world, one.summary)]


def about(world: World, text: str) -> bool:
    """Whether a text names a site of the run."""
    return any(target in text for target in world.script.targets)


def _posts(world: World) -> list[SlackMessage]:
    """The bot's messages that stand by themselves."""
    return [one for one in world.slack.in_channel("ops") if one.thread_ts is None]


def _slack_ended(world: World, target: str) -> bool:
    return any(target in _whole(one) and "RESOLVED" in one.text.upper() for one in _posts(world))


def _whole(message: SlackMessage) -> str:
    return message.text + "".join(message.earlier) + orjson.dumps(message.blocks).decode()


def _hooked(world: World, target: str, word: str) -> int:
    return sum(target in _whole(one) and word in _whole(one).upper() for one in world.hook.messages)


def _published(world: World, target: str, event: str) -> list[str]:
    """The delivery ids of what SNS took about a site, one for each time."""
    found = []
    for request in world.sns.requests:
        if request.acted and target in request.payload["Message"]:
            said = _attributes(request.payload)
            if said["event"] == event:
                found.append(said["delivery_id"])
    return found


def _attributes(call: Mapping[str, str]) -> dict[str, str]:
    names = {key.removesuffix(".Name"): value for key, value in call.items() if key.endswith(".Name")}
    return {name: call[f"{entry}.Value.StringValue"] for entry, name in names.items()}


def repeated(ids: Iterable[str]) -> int:
    """How many are there a second, third … time."""
    return sum(count - 1 for count in Counter(ids).values())


def duplicates(world: World, ledger: Ledger) -> dict[str, int]:
    """By channel, messages that are there more than once; a webhook's carry no id, so they are only counted."""
    sns = [_attributes(one.payload)["delivery_id"] for one in world.sns.requests if one.acted]
    hooked = {row.digest or row.id for row in ledger.rows if (row.channel, row.state) == ("hook", "accepted")}
    surplus = max(0, len(world.hook.messages) - len(hooked))
    return {"ops": repeated(world.slack.posted), "hook": surplus, "audit": repeated(sns)}


#: Incidents that PagerDuty is to have of one site at one destination.
_INCIDENTS = {Kind.RISE: (1, 2), Kind.ROUNDS: (2, 2), Kind.DIGEST: (0, 0)}


def judge(world: World, ledger: Ledger, possible: Mapping[str, int], late: Sequence[str] = ()) -> Verdict:
    """Hold the books against what was promised; ``possible`` is the daemon's own count by channel."""
    verdict = Verdict()
    verdict.counts.late = bool(late)
    _count_pages(world, verdict)
    _count_rings(world, verdict)
    _count_duplicates(world, ledger, possible, verdict)
    verdict.counts.runs = 1
    verdict.counts.resolves_missing = len(_unresolved(world))
    verdict.broken += [f"no resolve: {one}" for one in _unresolved(world)]
    if ledger.unrest:
        waits = [f"{row.channel} {row.event} {row.state} {row.id[:8]}" for row in ledger.rows if row.open]
        verdict.broken.append(f"the store is not at rest: {len(waits)} wait {waits[:4]}, {ledger.unpaid} debts")
    verdict.broken += [f"not in time: {what}" for what in late]
    return verdict


def _count_pages(world: World, verdict: Verdict) -> None:
    unheard = _unheard(world)
    owed = len(unheard) * len(world.script.targets)
    lost = [f"{channel} never heard of {target}" for channel, those in unheard.items() for target in those]
    counts = verdict.counts
    counts.pages_owed, counts.pages_delivered, counts.lost = owed, owed - len(lost), len(lost)
    counts.resolves_owed = owed - len(lost)
    verdict.broken += [f"lost: {one}" for one in lost]


def _count_rings(world: World, verdict: Verdict) -> None:
    least, most = _INCIDENTS.get(world.script.kind, (1, 1))
    for target in world.script.targets:
        mine = incidents_of(world, target)
        for key in {(one.routing_key, one.key) for one in mine}:
            same = [one for one in mine if (one.routing_key, one.key) == key]
            if len(same) > 1:
                verdict.counts.second_incidents += len(same) - 1
                verdict.broken.append(f"PagerDuty opened {len(same)} incidents under {key[1]}")
        for routing_key in {one.routing_key for one in mine}:
            keys = {one.key for one in mine if one.routing_key == routing_key}
            if not least <= len(keys) <= most:
                verdict.counts.second_incidents += max(0, len(keys) - most)
                verdict.broken.append(f"PagerDuty has {sorted(keys)} for {target}")
        verdict.counts.phones_rung += sum(one.rang for one in mine)
        verdict.counts.phones_expected += len({(one.routing_key, one.key) for one in mine})


def _count_duplicates(world: World, ledger: Ledger, possible: Mapping[str, int], verdict: Verdict) -> None:
    found = duplicates(world, ledger)
    counts = verdict.counts
    counts.duplicates_slack, counts.duplicates_webhook = found["ops"], found["hook"]
    counts.duplicates_sns = found["audit"]
    counts.possible_duplicates = sum(int(possible.get(channel, 0)) for channel in found)
    for channel, there in found.items():
        counted, most = int(possible.get(channel, 0)), there + _astray(world, ledger, channel)
        counts.astray += counted - there
        if not there <= counted <= most:
            allowed = f"{there}" if there == most else f"{there} to {most}"
            verdict.broken.append(
                f"{channel} has {there} duplicates: the daemon counted {counted} instead of {allowed}"
            )
    if found["ops"] and not world.script.withheld:
        verdict.broken.append(f"Slack has {found['ops']} duplicates although its history showed everything")


def _astray(world: World, ledger: Ledger, channel: str) -> int:
    """How many attempts after a first one may be counted without a second message: one of the two never arrived.

    Where every attempt arrived this is 0, and what the daemon counted must be equal to what is there.
    """
    there = _arrived(world, channel)
    tries: Counter[str] = Counter()
    for row in ledger.rows:
        if row.channel == channel:
            name = row.digest or row.id
            tries[name] = max(tries[name], row.attempts)
            if row.digest and channel != "hook":
                tries[row.id] = max(tries[row.id], row.attempts)  # it may have left by itself before
    if channel == "hook":
        return max(0, sum(tries.values()) - len(world.hook.messages))
    return sum(count - max(1, there[name]) for name, count in tries.items() if count > there[name])


def _arrived(world: World, channel: str) -> Counter[str]:
    """How often each delivery's id is in a vendor's books; a webhook's messages carry none."""
    if channel == "ops":
        return Counter(world.slack.posted)
    return Counter(_attributes(one.payload)["delivery_id"] for one in world.sns.requests if one.acted)
