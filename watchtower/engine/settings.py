"""The engine's constants in one place, with their units and the reason for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from watchtower.notifiers.base import REQUEST_TIMEOUT


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Seconds unless said otherwise.

    ``unit_lease`` and ``channel_lease`` are on the store's clock; the timeouts are real seconds and shorter, so that
    a worker gives up before its lease does.
    """

    unit_lease: float = 60.0
    poll_timeout: float = 45.0
    channel_lease: float = 30.0
    #: Real seconds that a vendor may take to answer.
    request_timeout: float = REQUEST_TIMEOUT
    units_at_once: int = 64
    retry_first: float = 5.0
    retry_most: float = 300.0
    send_retry_first: float = 1.0
    send_retry_most: float = 60.0
    #: A permanent rejection of an urgent delivery is tried again this often: somebody may mend the credential.
    rejected_retry: float = 300.0
    #: Failures in a row after which a channel rests; the rest doubles with each probe that fails.
    failures_to_rest: int = 5
    rest_first: float = 30.0
    rest_most: float = 300.0
    #: What is urgent is tried this often however long the channel rests.
    rest_urgent: float = 60.0
    #: P3 to P5 give up after this; P1 and P2 never do.
    give_up_after: float = 86_400.0
    #: … and only after so many tries: a clock that was set forward a day, or a day without daemon, is no day of trying.
    give_up_tries: int = 100
    #: How long after a digest what would be a message waits for company: a storm that lasts is read in parts.
    gathers_for: float = 30.0
    idle: float = 5.0
    #: Real seconds of a stop, together well below the 10 s of the promise, also where a busy machine doubles them.
    drain_ticks: float = 2.0
    drain_flush: float = 0.5
    drain_sends: float = 3.5

    def at_pace(self, pace: float) -> EngineSettings:
        """The same for a clock that runs ``pace`` times as fast: leases must outlive the same real seconds."""
        return replace(self, unit_lease=self.unit_lease * pace, channel_lease=self.channel_lease * pace)
