"""What Watchtower knows of the sites and of whoever must be told: the overview, and the probes."""

from __future__ import annotations

from dashboards.grafana import Dashboard, Panel, stat, table

OPS = "operations.md"
METRICS, OWN, VENDOR = f"{OPS}#metrics", f"{OPS}#watchtowers-own-alerts", f"{OPS}#when-a-vendor-fails"
AWS_FAILS, ITSELF = f"{OPS}#when-aws-fails", f"{OPS}#when-watchtower-itself-fails"
PROBES, SLO, UPTIME = "configuration.md#probes", "rules.md#slo", f"{OPS}#uptime"
JOB = {"job": "label_values(watchtower_ticks_total, job)"}

OVERVIEW = Dashboard(
    "watchtower-overview",
    "Watchtower / Overview",
    "What fires, what is down, and whether those who must know were told.",
    {
        "Now": (
            stat(
                "P1 firing",
                "Alerts of priority P1 that are not OK.",
                'sum(max by (alert, state) (watchtower_alerts{job=~"$job", priority="P1"})) or vector(0)',
                f"{OPS}#why-an-alert-did-what-it-did",
                red=1,
            ),
            stat(
                "P2 firing",
                "Alerts of priority P2 that are not OK.",
                'sum(max by (alert, state) (watchtower_alerts{job=~"$job", priority="P2"})) or vector(0)',
                f"{OPS}#why-an-alert-did-what-it-did",
                red=1,
            ),
            stat(
                "P3 to P5 firing",
                "Alerts of the other priorities that are not OK.",
                "sum(max by (alert, priority, state) "
                '(watchtower_alerts{job=~"$job", priority=~"P3|P4|P5"})) or vector(0)',
                f"{OPS}#why-an-alert-did-what-it-did",
                yellow=1,
            ),
            stat(
                "Targets down",
                "Targets whose newest probe failed. One failure is not an alert yet: rules ask for several.",
                "count(min by (target) (probe_success) == 0) or vector(0)",
                "rules.md#probe",
                red=1,
            ),
            stat(
                "Oldest page that waits",
                "Age of the oldest delivery that no vendor has accepted yet.",
                'max(watchtower_outbox_oldest_seconds{job=~"$job"})',
                VENDOR,
                "s",
                yellow=60,
                red=300,
            ),
            stat(
                "Own alerts",
                "What Watchtower says about itself: a source that fails, a channel that fails, ticks that are late.",
                'sum(max by (alert, state) (watchtower_alerts{job=~"$job", alert=~"Watchtower.*"})) or vector(0)',
                OWN,
                red=1,
            ),
        ),
        "Alerts": (
            table(
                "What fires",
                "Alerts that are not OK, by rule; `watchtower why` explains each.",
                'max by (alert, priority, state) (watchtower_alerts{job=~"$job"})',
                f"{OPS}#why-an-alert-did-what-it-did",
            ),
            Panel(
                "Alerts by priority",
                "How many alerts were not OK.",
                {
                    "{{priority}}": "sum by (priority) "
                    '(max by (alert, priority, state) (watchtower_alerts{job=~"$job"}))'
                },
                METRICS,
                width=12,
                stack=True,
            ),
        ),
        "Sites and pages": (
            Panel(
                "Targets that answer",
                "The share of the targets whose newest probe succeeded.",
                {"targets": "avg(min by (target) (probe_success))"},
                "rules.md#probe",
                "percentunit",
            ),
            Panel(
                "Attempts by outcome",
                "Requests to vendors. Ambiguous: nobody knows whether it arrived; it is sent again.",
                {
                    "{{channel}} {{outcome}}": "sum by (channel, outcome) "
                    '(increase(watchtower_deliveries_total{job=~"$job"}[$__rate_interval]))'
                },
                VENDOR,
            ),
            Panel(
                "Resolves owed",
                "Ends that a vendor has not accepted yet. An open incident owes one; without any this must be 0.",
                {"{{channel}}": 'max by (channel) (watchtower_resolves_owed{job=~"$job"})'},
                VENDOR,
            ),
        ),
    },
    JOB,
)

SITES = Dashboard(
    "watchtower-probes",
    "Watchtower / Probes and SLO",
    "What the newest probes saw, how the time was booked, and what is left of the error budgets.",
    {
        "Targets": (
            Panel(
                "Up",
                "1 while every way in which a target is probed succeeds.",
                {"{{target}}": 'min by (target) (probe_success{target=~"$target"})'},
                "rules.md#probe",
                "bool_on_off",
            ),
            Panel(
                "How long a probe took",
                "From the look for the address to the last byte, on a fresh connection.",
                {"{{target}}": 'max by (target) (probe_duration_seconds{target=~"$target"})'},
                "rules.md#probe",
                "s",
            ),
            Panel(
                "Where an http probe spends its time",
                "The mean over the targets, by phase.",
                {"{{phase}}": 'avg by (phase) (probe_http_duration_seconds{target=~"$target"})'},
                "rules.md#http",
                "s",
                stack=True,
            ),
            table(
                "Status codes",
                "The newest status of each target; 0 without an answer.",
                'max by (target) (probe_http_status_code{target=~"$target"})',
                "rules.md#http",
                "none",
            ),
            table(
                "Certificates, the next to end first",
                "Time until the earliest end of a certificate in the chain that was trusted.",
                "bottomk(20, min by (target) (probe_ssl_last_chain_expiry_timestamp_seconds"
                '{target=~"$target"}) - time())',
                "rules.md#tls",
                "s",
            ),
        ),
        "Service levels": (
            table(
                "Uptime of thirty days",
                "The share of the judged time in which a target was up, worst first.",
                'sort(min by (alert, target) (watchtower_uptime_ratio{window="30d", target=~"$target"}))',
                UPTIME,
                "percentunit",
            ),
            Panel(
                "Booked time",
                "What thirty days consist of. Unknown: the prober was blind; unwatched: nobody looked.",
                {
                    "{{state}}": "sum by (state) "
                    '(max by (alert, target, state) (watchtower_uptime_seconds{target=~"$target"}))'
                },
                UPTIME,
                "s",
                width=12,
                stack=True,
            ),
            Panel(
                "Error budget left",
                "Of each objective; below zero it is overspent.",
                {
                    "{{alert}} {{target}}": "min by (alert, target) "
                    '(watchtower_error_budget_remaining_ratio{target=~"$target"})'
                },
                SLO,
                "percentunit",
                width=12,
                limits={"yellow": 0, "green": 0.25},
                base="red",
            ),
            Panel(
                "Burn rate",
                "1 spends a budget exactly within its window; 14.4 spends a month's in fifty hours.",
                {
                    "{{alert}} {{target}} {{window}}": "max by (alert, target, window) "
                    '(watchtower_burn_rate{window=~"5m|1h|6h|3d", target=~"$target"})'
                },
                SLO,
                width=12,
                limits={"yellow": 1, "red": 14.4},
            ),
        ),
        "The prober": (
            Panel(
                "How late probes begin",
                "In no measured time: a prober that is late measures right, but seldom.",
                {
                    "half": "histogram_quantile(0.5, "
                    "sum by (le) (rate(watchtower_probe_lag_seconds_bucket[$__rate_interval])))",
                    "99 of 100": "histogram_quantile(0.99, "
                    "sum by (le) (rate(watchtower_probe_lag_seconds_bucket[$__rate_interval])))",
                },
                PROBES,
                "s",
            ),
            Panel(
                "Probes that found no place",
                "Above zero the machine, or the limit of probes at once, is too small.",
                {"missed": "sum(increase(watchtower_probe_missed_total[$__rate_interval]))"},
                PROBES,
            ),
            Panel(
                "Blind",
                "Polls that said nothing about their targets because the canaries did not answer either.",
                {"polls": 'sum(increase(watchtower_poll_failures_total{reason="blind"}[$__rate_interval]))'},
                PROBES,
            ),
        ),
    },
    {"target": "label_values(probe_success, target)"},
)
