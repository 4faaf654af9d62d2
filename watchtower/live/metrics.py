"""Watchtower's own metrics, under the names of design section 8."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """One registry a process; counters begin at zero with it, as Prometheus expects."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ticks = self._counter("ticks", "Ticks committed.", "source")
        self.ticks_fenced = self._counter("ticks_fenced", "Ticks thrown away because another worker had them.")
        self.ticks_skipped = self._counter("ticks_skipped", "Slots jumped over because a newer one was due.")
        self.tick_lag = Histogram(
            "watchtower_tick_lag_seconds",
            "How long after it was due a tick began.",
            buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
            registry=self.registry,
        )
        self.poll_failures = self._counter(
            "poll_failures", "Polls that failed, wholly or in part.", "source", "account", "region", "reason"
        )
        self.deliveries = self._counter("deliveries", "Attempts by outcome.", "channel", "event", "outcome")
        self.ambiguous = self._counter("ambiguous", "Attempts whose outcome nobody knows.", "channel")
        self.detection = Histogram(
            "watchtower_detection_to_accepted_seconds",
            "From the transition's commit to the vendor's acceptance of its trigger.",
            buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800),
            registry=self.registry,
        )
        self.billed = self._counter("metrics_billed", "CloudWatch metrics requested, as AWS bills them.", "rule")
        self.outbox_depth = self._gauge("outbox_depth", "Deliveries not settled yet.", "channel", "priority")
        self.outbox_oldest = self._gauge(
            "outbox_oldest_seconds", "Age of the oldest delivery not settled yet.", "channel"
        )
        self.resolves_owed = self._gauge("resolves_owed", "Resolves owed and not accepted yet.", "channel")
        self.heartbeats = self._counter("heartbeats", "Heartbeats to the outside by outcome.", "outcome")
        self.channel_open = self._gauge("channel_open", "Whether a channel rests after failures.", "channel")
        self.alerts = self._gauge("alerts", "Alerts that are not OK.", "alert", "priority", "state")
        self.reload_ok = self._gauge("config_last_reload_successful", "Whether the last reload was accepted.")
        self.store_failures = self._counter("store_failures", "Store operations that failed and were retried.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"watchtower_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"watchtower_{name}", text, labels, registry=self.registry)
