"""The store: everything Watchtower must not forget, in one database.

Each method is one transaction, committed when it returns. A method raises :class:`StoreError` when the database
cannot do it (unreachable, locked, full, read-only) and has then changed nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from watchtower.store import (
    acknowledging,
    debts,
    digests,
    explain,
    flush,
    inbox,
    letters,
    lookups,
    migrate,
    newest,
    nudges,
    opening,
    owed,
    prune,
    pulse,
    renaming,
    sending,
    setback,
    silences,
    stranded,
    ticks,
    units,
    uptime,
)
from watchtower.store import channels as channel_leases
from watchtower.store.values import STAY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from watchtower.clock import Clock
    from watchtower.incidents.audit import Owed
    from watchtower.incidents.digests import Batch
    from watchtower.incidents.model import Debt, FlushInput, FlushPlan, Incident
    from watchtower.incidents.reports import Heard, Report
    from watchtower.incidents.silences import Silence
    from watchtower.lookup import Lookup
    from watchtower.model import AlertKey, AlertState, Delivery, Priority, Transition
    from watchtower.sources.base import Received
    from watchtower.sources.uptime.ledger import Totals
    from watchtower.store.database import Database
    from watchtower.store.lockfile import FileLock
    from watchtower.store.values import (
        ChannelHealth,
        ClaimedUnit,
        Explanation,
        OutboxDepth,
        Removal,
        Settled,
        Standing,
        TickCommit,
        UnitHealth,
        UnitRow,
    )


class Store:
    """An open store.

    ``store_id`` is minted once, when the store is made; ``fresh`` says that this open made it.
    """

    def __init__(self, database: Database, lock: FileLock | None, store_id: str, *, fresh: bool) -> None:
        self._database = database
        self._lock = lock
        self.store_id = store_id
        self.fresh = fresh

    @classmethod
    async def open(cls, url: str, *, clock: Clock) -> Self:
        """Open ``sqlite:///path`` or ``postgresql://...`` and bring its tables up to date.

        A SQLite store is held by one process: StoreLocked names the other one. Whoever holds it is alone, so
        leases that an earlier process left are ended; rows it left in ``sending`` stay, for they are ambiguous.
        """
        database, lock, store_id, fresh = await opening.writable(url, clock)
        return cls(database, lock, store_id, fresh=fresh)

    @classmethod
    async def open_readonly(cls, url: str, *, clock: Clock) -> Self:
        """Look into a store beside the daemon that holds it; every method that writes raises StoreError."""
        database, store_id = await opening.readable(url, clock)
        return cls(database, None, store_id, fresh=False)

    async def close(self) -> None:
        """Close every connection and let the next process have the store."""
        try:
            await self._database.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    async def touch(self) -> timedelta | None:
        """Prove that the store can be written; how long ago somebody last did, None when nobody has."""
        return await self._database.write(pulse.touch)

    async def ping(self) -> None:
        """Return if the store can be reached."""
        await self._database.read(migrate.store_id)

    # the plan and its ticks

    async def sync_units(self, rows: Sequence[UnitRow], removal: Removal = STAY) -> None:
        """Make these the work units: new ones as given, unlisted ones deleted, known ones as they are.

        A known unit whose fingerprint changed keeps its memory and is due no later than the given ``due_at``;
        ``removal`` says what goes to another one.
        """
        await self._database.write(units.sync, rows, removal)

    async def claim_units(
        self, worker: str, *, limit: int, lease: float, exclude: Collection[str] = ()
    ) -> list[ClaimedUnit]:
        """Lease up to ``limit`` due units to ``worker`` for ``lease`` seconds, the oldest due first."""
        return await self._database.write(units.claim, worker, limit=limit, lease=lease, exclude=exclude)

    async def commit_ticks(self, commits: Sequence[TickCommit]) -> frozenset[str]:
        """Commit many ticks in one transaction and end their leases; returns the units committed.

        A tick whose epoch no longer holds, or that was committed already, is discarded whole.
        """
        if not commits:
            return frozenset()
        return await self._database.write(ticks.commit, commits)

    async def next_unit_due(self) -> datetime | None:
        """When the next unit can be claimed."""
        return await self._database.read(units.next_due)

    async def nudge(self, units: Collection[str], *, gap: float) -> Mapping[str, datetime]:
        """Make these units due, each at least ``gap`` seconds after the last time; what is heard until then is in it.

        Returns the moment for each that will be looked at.
        """
        return await self._database.write(nudges.nudge, units, gap)

    async def unit_health(self) -> list[UnitHealth]:
        """How every unit fares."""
        return await self._database.read(units.health)

    async def alert_states(
        self, rules: Collection[str] | None = None, *, include_ok: bool = False, include_memories: bool = False
    ) -> list[AlertState]:
        """What is remembered of alerts that are not plainly OK; of all with ``include_ok``.

        With ``include_memories`` also of those that are OK and whose past the next evaluation must know.
        """
        return await self._database.read(ticks.states, rules, include_ok=include_ok, include_memories=include_memories)

    async def commit_orphans(
        self, states: Sequence[AlertState], transitions: Sequence[Transition], *, wakes: Sequence[str] = ()
    ) -> None:
        """Commit what a change of the plan ended (rule removed, target gone), outside of any unit.

        ``wakes`` are the units that this makes due at once.
        """
        await self._database.write(ticks.commit_orphans, states, transitions, wakes=wakes)

    # what comes in by itself

    async def receive(self, source: str, news: Received, *, wakes: Sequence[str] = ()) -> None:
        """Keep the newest of its kind about a target, and make these units due at once."""
        await self._database.write(inbox.receive, source, news, wakes)

    async def received(self, source: str) -> tuple[Received, ...]:
        """What is known of a source's targets, in the order of their names."""
        return await self._database.read(inbox.received, source)

    async def forget_received(self, source: str, targets: Collection[str]) -> None:
        """Forget what came from any other target of this source."""
        await self._database.write(inbox.forget, source, targets)

    # the flush

    async def flush(self, decide: Callable[[FlushInput], FlushPlan], *, inhibits_for: float | None = None) -> FlushPlan:
        """Read, decide and commit in one transaction that no other flush overlaps.

        With ``inhibits_for`` it reads all alerts that fire too, and those that ended within so many seconds.
        ``decide`` is pure; when it raises, or its plan is empty, nothing is written. A plan that opens a second
        incident taking members for one route and group is refused as a whole.
        """
        return await self._database.write(flush.run, self.store_id, decide, inhibits_for)

    async def next_incident_due(self) -> datetime | None:
        """When the next incident that has not ended wants to be looked at."""
        return await self._database.read(flush.next_due)

    async def open_incidents(self) -> list[Incident]:
        """Incidents that have not ended, with their members, the newest last."""
        return await self._database.read(flush.open_incidents)

    async def outside(self) -> dict[str, newest.LastWord]:
        """What was last said of each alert that fires and is in no open incident."""
        return await self._database.read(newest.outside)

    async def acknowledge(
        self, incident_id: str, *, by: str, via: str, until: datetime | None = None
    ) -> Incident | None:
        """Note that ``by`` has an open incident in hand; None when no single one is meant.

        ``incident_id`` may be its first 8 characters or more. ``via`` is the channel that said so, which is not told
        again, or ``cli`` or ``api``. Without ``until`` its route says when the acknowledgement ends, if ever. Again
        while it holds changes nothing but a later end. The flush tells the other channels.
        """
        return await self._database.write(acknowledging.acknowledge, incident_id, by, via, until)

    async def heed(self, report: Report, *, via: str) -> Heard:
        """Take over what somebody did at the vendor of channel ``via``, and say why or why not.

        An acknowledgement, or for an hour the same when it was closed there while it fires. Told again it changes
        nothing.
        """
        return await self._database.write(acknowledging.heed, report, via, self.store_id)

    # silences

    async def silences(self, *, ended: bool = False) -> list[Silence]:
        """Silences that have not ended, the earliest first; with ``ended`` also those that ended within 5 days."""
        return await self._database.read(silences.silences, ended=ended)

    async def save_silence(self, silence: Silence) -> None:
        """Keep a silence, over the one of the same id; every open incident is looked at again."""
        await self._database.write(silences.save, silence)

    async def expire_silence(self, silence_id: str, now: datetime) -> bool:
        """End a silence now; what it held back is looked at again. False when it is unknown or ended already."""
        return await self._database.write(silences.expire, silence_id, now)

    async def clock_set_back(self, *, retries_after: float = 0.0) -> None:
        """Make due now what waits for a time that is ahead only because the clock was set back since.

        Retries that are at most ``retries_after`` seconds ahead stay as they are.
        """
        await self._database.write(setback.mend, retries_after)

    # sending

    async def claim_channel(self, channel: str, worker: str, *, lease: float) -> int | None:
        """Lease a channel for ``lease`` seconds; its new epoch, or None while another worker holds it."""
        return await self._database.write(channel_leases.claim, channel, worker, lease=lease)

    async def next_delivery(self, channel: str, epoch: int) -> Delivery | None:
        """The most urgent delivery that may be sent now, marked ``sending`` before this returns.

        Its ``state`` is the one it had before: pending, ambiguous, or sending when a crash left it so; its
        ``attempts`` are those before this one. None also when the channel is no longer ours. Extends the lease.
        """
        return await self._database.write(sending.next_delivery, channel, epoch)

    async def finish(self, delivery: Delivery, epoch: int, settled: Settled, standing: Standing | None = None) -> bool:
        """Write how the attempt ended, what is owed since and how the channel fares (None: as before).

        False, and nothing, when it was fenced. A channel that no longer rests sends at once what waited for its next
        try.
        """
        return await self._database.write(debts.finish, delivery, epoch, settled, standing)

    async def next_parcel(self, channel: str, epoch: int, new_id: Callable[[], str]) -> Delivery | Batch | None:
        """As :meth:`next_delivery`, of a channel that takes digests: several rows may leave as one message.

        ``new_id`` names a digest that is new; one that may have arrived keeps its name and its rows.
        """
        return await self._database.write(digests.next_parcel, channel, epoch, new_id)

    async def finish_batch(
        self, batch: Batch, epoch: int, settled: Sequence[Settled], standing: Standing, *, gathers_for: float
    ) -> bool:
        """As :meth:`finish` for every row of a batch, in the order of its rows, all at once or none.

        After a new digest what would be a message waits ``gathers_for`` seconds for company, at most a minute.
        """
        return await self._database.write(digests.finish, batch, epoch, settled, standing, gathers_for)

    async def count_duplicate(self, channel: str, epoch: int) -> bool:
        """Count, before it leaves, a message that may be there twice from then on; False when it must not leave.

        Then another worker has the channel, and with it the message.
        """
        return await self._database.write(channel_leases.count_duplicate, channel, epoch)

    async def standings(self) -> dict[str, Standing]:
        """By name, how each channel fares that was ever configured or used."""
        return await self._database.read(channel_leases.standings)

    async def rename_channels(self, today: Mapping[str, str]) -> dict[str, str]:
        """Keep what channels hold whose destination has a new name ``today``; the new names by the old ones.

        ``today`` are the configured destinations by name, and are remembered. Nothing may leave on those channels
        meanwhile: what is under way would be recorded under a name that is gone.
        """
        return await self._database.write(renaming.rename, today)

    async def known_destinations(self) -> dict[str, str]:
        """Where each channel led when it was configured last, by name."""
        return await self._database.read(renaming.known)

    async def retarget(self, channel: str, known: Collection[str], today: str) -> int:
        """Lead open rows whose destination is none of ``known`` to ``today``'s; how many rows that were."""
        return await self._database.write(channel_leases.retarget, channel, known, today)

    async def strays(self, channel: str, known: Collection[str]) -> list[str]:
        """The destinations of the channel's open rows that are none of ``known``."""
        return await self._database.read(channel_leases.strays, channel, known)

    async def release_channel(self, channel: str, epoch: int) -> None:
        """Let another worker have the channel at once."""
        await self._database.write(channel_leases.release, channel, epoch)

    async def next_send_due(self, channels: Collection[str]) -> dict[str, datetime]:
        """By channel, when something could be sent; only channels that have open rows."""
        return await self._database.read(channel_leases.next_due, channels)

    async def show(self, row: Delivery, lookup: Lookup, lines: tuple[str, ...]) -> bool:
        """Keep evidence that was late wherever its alert is told of; whether the row that tells of it may leave."""
        return await self._database.write(lookups.show, row, lookup, lines)

    # looks

    async def accepted_since(self, moment: datetime) -> bool:
        """Whether any vendor accepted anything since."""
        return await self._database.read(pulse.accepted_since, moment)

    async def outbox(self, lost: Collection[tuple[str, str]] = ()) -> list[OutboxDepth]:
        """How many rows are open, by channel and tier; at the ``lost`` channels and destinations only the pages."""
        return await self._database.read(explain.outbox, lost)

    async def places_owed(self) -> frozenset[tuple[str, str]]:
        """Every channel and destination that is owed something, or for which something waits."""
        return await self._database.read(stranded.places)

    async def write_off(self, channel: str, destinations: Collection[str], by: str) -> int:
        """Owe these destinations of a channel nothing any more; how many resolves were owed."""
        return await self._database.write(stranded.write_off, channel, destinations, by)

    async def channel_health(self) -> dict[str, ChannelHealth]:
        """By name, how each channel fares that was ever configured or used."""
        return await self._database.read(letters.health)

    async def open_tiers(self) -> dict[Priority, int]:
        """How many incidents are open, by tier."""
        return await self._database.read(letters.open_tiers)

    async def dead_letters(self, *, limit: int) -> list[Delivery]:
        """What was given up and is still kept, the newest first."""
        return await self._database.read(letters.dead_letters, limit=limit)

    async def audit_debts(
        self, decide: Callable[[Sequence[Owed], Mapping[str, Incident]], tuple[Delivery, ...]]
    ) -> tuple[Delivery, ...]:
        """Write what ``decide`` answers to the debts of ended incidents that no resolve is on its way for.

        ``decide`` is pure, and given the debts with their incidents by id.
        """
        return await self._database.write(owed.audit, decide)

    async def debts(self) -> list[Debt]:
        """Every resolve that is owed, the oldest first."""
        return await self._database.read(debts.unpaid)

    async def explain(self, rule: str, identity_subset: Mapping[str, str]) -> list[Explanation]:
        """What is known of the alerts of ``rule`` whose labels include these, newest first, bounded."""
        return await self._database.read(explain.explain, rule, identity_subset)

    async def explain_incident(self, prefix: str) -> list[Explanation]:
        """What is known of the incidents whose id begins with ``prefix``, newest first, bounded."""
        return await self._database.read(explain.explain_incident, prefix)

    async def prune(self, *, before: datetime) -> None:
        """Forget what is older than ``before`` and owes nothing, a step at a time."""
        for step in (partial(prune.step, before=before), uptime.compact):
            while await self._database.write(step):
                pass

    # uptime

    async def uptime(
        self, rules: Collection[str] | None, begins: Mapping[int, int]
    ) -> dict[AlertKey, dict[int, Totals]]:
        """What was booked of the series of these rules (None: of all), by window, since each window's beginning."""
        return await self._database.read(uptime.totals, rules, begins)
