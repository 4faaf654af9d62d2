"""Watchtower itself: whether it works in time, tells in time, and what it owes."""

from __future__ import annotations

from dashboards.grafana import Dashboard, Panel, stat

_METRICS = "operations.md#metrics"
_ITSELF = "operations.md#when-watchtower-itself-fails"
_AWS = "operations.md#when-aws-fails"
_VENDOR = "operations.md#when-a-vendor-fails"
_STORE = "operations.md#when-the-store-fails"
_CANARIES = "configuration.md#canaries"


def _quantiles(metric: str) -> dict[str, str]:
    """The median and the slowest of twenty and of a hundred, read off a histogram."""
    buckets = f'sum by (le) (rate({metric}_bucket{{job=~"$job"}}[$__rate_interval]))'
    shares = {"half": 0.5, "95 of 100": 0.95, "99 of 100": 0.99}
    return {name: f"histogram_quantile({share}, {buckets})" for name, share in shares.items()}


def _grown(metric: str, *labels: str) -> dict[str, str]:
    """How much a counter grew, by labels."""
    by = ", ".join(labels)
    legend = " ".join(f"{{{{{label}}}}}" for label in labels) or "all"
    return {legend: f'sum by ({by}) (increase({metric}{{job=~"$job"}}[$__rate_interval]))'}


def _newest(metric: str) -> dict[str, str]:
    """A channel's figure; workers that share a store tell the same one."""
    return {"{{channel}}": f'max by (channel) ({metric}{{job=~"$job"}})'}


ITSELF = Dashboard(
    "watchtower-itself",
    "Watchtower / Watchtower itself",
    "Whether it works in time, tells in time, and what it owes. The alerts for it are in watchtower.rules.yml.",
    {
        "Now": (
            stat(
                "Scraped",
                "Processes that answer. Nothing inside Watchtower can tell you that Watchtower is gone.",
                'sum(up{job=~"$job"})',
                _ITSELF,
            ),
            stat(
                "Evaluations a second",
                "Ticks committed, by all processes.",
                'sum(rate(watchtower_ticks_total{job=~"$job"}[$__rate_interval]))',
                _ITSELF,
                "cps",
            ),
            stat(
                "Oldest page that waits",
                "Age of the oldest delivery that is not settled.",
                'max(watchtower_outbox_oldest_seconds{job=~"$job"})',
                _VENDOR,
                "s",
                yellow=60,
                red=300,
            ),
            stat(
                "Resolves owed",
                "An open incident owes one.",
                'sum(max by (channel) (watchtower_resolves_owed{job=~"$job"}))',
                _VENDOR,
            ),
            stat(
                "Given up",
                "Deliveries that were given up within thirty days; `watchtower status` lists them.",
                'sum(max by (channel) (watchtower_dead_letters{job=~"$job"}))',
                "operations.md#status",
                yellow=1,
            ),
            stat(
                "Reload refused",
                "1 after a configuration with faults; the one before it holds.",
                '1 - min(watchtower_config_last_reload_successful{job=~"$job"})',
                "operations.md#signals",
                red=1,
            ),
        ),
        "Work": (
            Panel(
                "Evaluations",
                "Ticks committed, by source.",
                {"{{source}}": 'sum by (source) (rate(watchtower_ticks_total{job=~"$job"}[$__rate_interval]))'},
                _METRICS,
                "cps",
                stack=True,
            ),
            Panel(
                "How late ticks begin",
                "WatchtowerTickLate fires after two minutes and two periods.",
                _quantiles("watchtower_tick_lag_seconds"),
                "operations.md#watchtowers-own-alerts",
                "s",
            ),
            Panel(
                "Ticks that did not count",
                "Skipped: a newer one was due. Fenced: another worker had it.",
                {
                    "skipped": 'sum(increase(watchtower_ticks_skipped_total{job=~"$job"}[$__rate_interval]))',
                    "fenced": 'sum(increase(watchtower_ticks_fenced_total{job=~"$job"}[$__rate_interval]))',
                },
                _ITSELF,
            ),
            Panel(
                "Polls that failed",
                "Wholly or in part; the state of what was not seen is held.",
                _grown("watchtower_poll_failures_total", "source", "account", "region", "reason"),
                _AWS,
            ),
            Panel(
                "How late probes begin",
                "In no measured time.",
                _quantiles("watchtower_probe_lag_seconds"),
                "configuration.md#probes",
                "s",
            ),
            Panel(
                "Operations of the store that failed",
                "They are tried again every second; nothing is half written.",
                _grown("watchtower_store_failures_total"),
                _STORE,
            ),
        ),
        "Telling": (
            Panel(
                "From decision to acceptance",
                "From the commit of what is to be told to the vendor's acceptance.",
                _quantiles("watchtower_detection_to_accepted_seconds"),
                _VENDOR,
                "s",
            ),
            Panel(
                "Deliveries that wait",
                "Not settled yet, by channel and priority.",
                {"{{channel}} {{priority}}": 'max by (channel, priority) (watchtower_outbox_depth{job=~"$job"})'},
                _VENDOR,
                stack=True,
            ),
            Panel("The oldest of them", "Its age.", _newest("watchtower_outbox_oldest_seconds"), _VENDOR, "s"),
            Panel(
                "Attempts",
                "By channel and outcome.",
                _grown("watchtower_deliveries_total", "channel", "outcome"),
                _VENDOR,
            ),
            Panel(
                "Nobody knows whether it arrived",
                "Attempts without an answer.",
                _grown("watchtower_ambiguous_total", "channel"),
                _VENDOR,
            ),
            Panel(
                "Possibly twice",
                "Messages that were sent again although they may have arrived.",
                {
                    "{{channel}}": "max by (channel) "
                    '(increase(watchtower_possible_duplicates_total{job=~"$job"}[$__rate_interval]))'
                },
                _ITSELF,
            ),
            Panel(
                "Resting channels",
                "1 while a channel rests after failures.",
                _newest("watchtower_channel_open"),
                _VENDOR,
                "bool_on_off",
            ),
            Panel(
                "Since a vendor accepted anything",
                "A quiet channel is no fault; canaries tell a quiet one from a broken one.",
                {"{{channel}}": 'time() - max by (channel) (watchtower_last_accepted_timestamp_seconds{job=~"$job"})'},
                _VENDOR,
                "s",
            ),
            Panel(
                "Pages in the place of another channel",
                "What fallbacks got.",
                _grown("watchtower_fallbacks_total", "channel"),
                "configuration.md#fallback",
            ),
            Panel(
                "Digests",
                "Messages that told of several incidents at once.",
                _grown("watchtower_digests_total", "channel"),
                "operations.md#when-many-things-fail-at-once",
            ),
            Panel(
                "Unanswered questions to PagerDuty",
                "Rounds in which it was asked who has what in hand.",
                _grown("watchtower_read_back_failures_total", "channel"),
                "operations.md#pagerduty",
            ),
        ),
        "Canaries and what comes in": (
            Panel(
                "A canary's way there and back",
                "How long the last one took.",
                _newest("watchtower_canary_round_trip_seconds"),
                _CANARIES,
                "s",
            ),
            Panel(
                "Canaries that did not come back",
                "Two in a row are WatchtowerDeliveryFailing.",
                _grown("watchtower_canary_failures_total", "channel"),
                _CANARIES,
            ),
            Panel(
                "Since a canary came back",
                "A way that nobody has tried for long may be broken.",
                {
                    "{{channel}}": "time() - max by (channel) "
                    '(watchtower_canary_last_success_timestamp_seconds{job=~"$job"})'
                },
                _CANARIES,
                "s",
            ),
            Panel(
                "Heartbeats to the outside",
                "Withheld ones are how the outside learns that work stands still.",
                _grown("watchtower_heartbeats_total", "outcome"),
                "configuration.md#heartbeat",
            ),
            Panel(
                "Log lines behind alerts",
                "Late ones follow their page, or are given up.",
                _grown("watchtower_evidence_total", "outcome"),
                "operations.md#late-evidence",
            ),
            Panel(
                "Pings of jobs",
                "What /ping took and refused.",
                _grown("watchtower_pings_total", "outcome"),
                "rules.md#heartbeat",
            ),
            Panel(
                "Messages of event queues",
                "Woken: a unit was made due.",
                _grown("watchtower_events_total", "queue", "outcome"),
                "configuration.md#events",
            ),
        ),
        "The scrape": (
            Panel(
                "Series that found no room",
                "More polled values than scrape_series_limit.",
                _grown("watchtower_scrape_series_dropped_total", "family"),
                "configuration.md#the-keys",
                width=12,
            ),
        ),
    },
    {"job": "label_values(watchtower_ticks_total, job)"},
)
