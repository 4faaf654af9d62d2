"""Watchtower's own metrics, under the names of design section 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable


class Kept(Collector):
    """A counter that is kept elsewhere: what the store counts goes on where an earlier process was killed."""

    def __init__(self, name: str, text: str, label: str) -> None:
        self._name = name
        self._text = text
        self._label = label
        self.values: dict[str, float] = {}

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for labelled, value in self.values.items():
            family.add_metric([labelled], value)
        yield family


class Metrics:
    """One registry a process; counters begin at zero with it, as Prometheus expects."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._of_ticks()
        self._of_polls()
        self._of_probes_and_pings()
        self._of_attempts()
        self._of_the_outbox()
        self._of_canaries()
        self._of_this_process()

    def _of_ticks(self) -> None:
        self.ticks = self._counter("ticks", "Ticks committed.", "source")
        self.ticks_fenced = self._counter("ticks_fenced", "Ticks thrown away because another worker had them.")
        self.ticks_skipped = self._counter("ticks_skipped", "Slots jumped over because a newer one was due.")
        self.tick_lag = self._seconds(
            "tick_lag", "How long after it was due a tick began.", (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300)
        )

    def _of_polls(self) -> None:
        self.poll_failures = self._counter(
            "poll_failures", "Polls that failed, wholly or in part.", "source", "account", "region", "reason"
        )
        self.billed = self._counter("metrics_billed", "CloudWatch metrics requested, as AWS bills them.", "rule")
        self.events = self._counter("events", "Messages of event queues by outcome.", "queue", "outcome")
        self.scrape_dropped = self._kept(
            "scrape_series_dropped", "Polled values that found no room in the scrape.", "family"
        )

    def _of_probes_and_pings(self) -> None:
        self.probe_lag = self._seconds(
            "probe_lag", "How long after its time a probe began.", (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30)
        )
        self.probe_missed = self._counter("probe_missed", "Probes that found no place before their time was over.")
        self.pings = self._counter("pings", "Pings of heartbeats by outcome.", "outcome")

    def _of_attempts(self) -> None:
        """What is sent, and what came of it."""
        self.deliveries = self._counter("deliveries", "Attempts by outcome.", "channel", "event", "outcome")
        self.evidence = self._counter("evidence", "Evidence that costs calls, by what became of it.", "outcome")
        self.digests = self._counter("digests", "Messages that told of several incidents at once.", "channel")
        self.ambiguous = self._counter("ambiguous", "Attempts whose outcome nobody knows.", "channel")
        self.possible_duplicates = self._kept(
            "possible_duplicates", "Messages sent again that may have arrived before, unseen.", "channel"
        )
        self.fallbacks = self._counter("fallbacks", "Pages that a channel got in the place of another.", "channel")
        self.detection = self._seconds(
            "detection_to_accepted",
            "From the transition's commit to the vendor's acceptance of its trigger.",
            (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
        )
        self.read_back_failures = self._counter(
            "read_back_failures", "Rounds of questions to a channel's vendor that were not answered.", "channel"
        )

    def _of_the_outbox(self) -> None:
        """What is not settled, and how the channels stand."""
        self.outbox_depth = self._gauge("outbox_depth", "Deliveries not settled yet.", "channel", "priority")
        self.outbox_oldest = self._gauge(
            "outbox_oldest_seconds", "Age of the oldest delivery not settled yet.", "channel"
        )
        self.resolves_owed = self._gauge("resolves_owed", "Resolves owed and not accepted yet.", "channel")
        self.dead_letters = self._gauge("dead_letters", "Deliveries given up, of those still kept.", "channel")
        self.last_accepted = self._gauge(
            "last_accepted_timestamp_seconds", "When the vendor accepted anything last.", "channel"
        )
        self.channel_open = self._gauge("channel_open", "Whether a channel rests after failures.", "channel")

    def _of_canaries(self) -> None:
        self.canary_round_trip = self._gauge(
            "canary_round_trip_seconds", "How long a channel's last canary took to its vendor and back.", "channel"
        )
        self.canary_failures = self._counter("canary_failures", "Canaries that did not come back.", "channel")
        self.canary_heard = self._gauge(
            "canary_last_success_timestamp_seconds", "When a channel's canary came back last.", "channel"
        )

    def _of_this_process(self) -> None:
        """What it holds true, and how it fares itself."""
        self.alerts = self._gauge("alerts", "Alerts that are not OK.", "alert", "priority", "state")
        self.heartbeats = self._counter("heartbeats", "Heartbeats to the outside by outcome.", "outcome")
        self.reload_ok = self._gauge("config_last_reload_successful", "Whether the last reload was accepted.")
        self.store_failures = self._counter("store_failures", "Store operations that failed and were retried.")

    def bill(self, rule: str, metrics: int) -> None:
        """Count metrics that AWS bills, by the rule that asked for them."""
        self.billed.labels(rule).inc(metrics)

    def _kept(self, name: str, text: str, label: str) -> Kept:
        kept = Kept(f"watchtower_{name}", text, label)
        self.registry.register(kept)
        return kept

    def _seconds(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        whole = f"watchtower_{name}_seconds"
        return Histogram(whole, text, unit="seconds", buckets=buckets, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"watchtower_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"watchtower_{name}", text, labels, unit=_unit(name), registry=self.registry)


def _unit(name: str) -> str:
    """What OpenMetrics tells beside the name; nothing for counts of things."""
    return "seconds" if name.endswith("_seconds") else ""
