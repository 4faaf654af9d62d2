"""What Watchtower polls from AWS: the shipped packs' values, balance, and what scans of images find."""

from __future__ import annotations

from dashboards.grafana import Dashboard, Panel, stat, table

_COST = "operations.md#what-metrics-cost"
_PLACE = 'account_id=~"$account_id", region=~"$region"'
ESTATE = Dashboard(
    "watchtower-cloudwatch",
    "Watchtower / CloudWatch estate",
    "What the shipped rule packs poll, under the names that CloudWatch exporters use. Values are gone two periods "
    "after their newest datapoint.",
    {
        "RDS and Aurora": (
            Panel(
                "CPU",
                "Average CPU of each instance.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_cpuutilization_average{{{_PLACE}}}"},
                "rules.md#cloudwatch",
                "percent",
                limits={"yellow": 80, "red": 90},
            ),
            Panel(
                "Connections",
                "The most connections of a period.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_database_connections_maximum{{{_PLACE}}}"},
                "rules.md#cloudwatch",
            ),
            Panel(
                "Free storage",
                "Instances with volumes of their own; Aurora's volume grows by itself.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_free_storage_space_minimum{{{_PLACE}}}"},
                "rules.md#cloudwatch",
                "decbytes",
            ),
            Panel(
                "Free local storage",
                "Room for temporary tables and logs of an Aurora instance.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_free_local_storage_minimum{{{_PLACE}}}"},
                "rules.md#cloudwatch",
                "decbytes",
            ),
            Panel(
                "Aurora replica lag",
                "How far readers are behind; 20 ms is ordinary.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_aurora_replica_lag_average{{{_PLACE}}}"},
                "rules.md#cloudwatch",
                "ms",
            ),
            Panel(
                "Replica lag",
                "How far replicas are behind; -1 means that replication stands still.",
                {"{{dimension_DBInstanceIdentifier}}": f"aws_rds_replica_lag_average{{{_PLACE}}}"},
                "rules.md#cloudwatch",
                "s",
            ),
        ),
        "EC2 and load balancers": (
            Panel(
                "Instances that fail their checks",
                "EC2's own status checks; only those that fail are shown.",
                {"{{dimension_InstanceId}}": f"aws_ec2_status_check_failed_maximum{{{_PLACE}}} > 0"},
                "rules.md#cloudwatch",
            ),
            Panel(
                "Disk left, the ten fullest",
                "Per cent of a disk that is left.",
                {
                    "{{instance_id}} {{path}}": "bottomk(10, "
                    'watchtower_rule_value{alert="Ec2DiskLow", region=~"$region"})'
                },
                "rules.md#cloudwatch",
                "percent",
            ),
            Panel(
                "Requests that fail",
                "The share of a load balancer's requests that are answered with a 5xx; absent with few requests.",
                {"{{load_balancer}}": 'watchtower_rule_value{alert="AlbErrors", region=~"$region"}'},
                "rules.md#cloudwatch",
                "percent",
                limits={"yellow": 5, "red": 20},
            ),
            Panel(
                "Targets that are not healthy",
                "Per cent of a target group.",
                {"{{target_group}}": 'watchtower_rule_value{alert="AlbUnhealthyHosts", region=~"$region"}'},
                "rules.md#cloudwatch",
                "percent",
            ),
        ),
        "What it costs": (
            Panel(
                "CloudWatch metrics asked for",
                "As AWS bills them, by the rule that asked first.",
                {"{{rule}}": "topk(10, sum by (rule) (rate(watchtower_metrics_billed_total[$__rate_interval])))"},
                _COST,
                "cps",
            ),
            Panel(
                "Cost of thirty days at this pace",
                "GetMetricData at $0.01 for 1,000 metrics.",
                {"all rules": "sum(rate(watchtower_metrics_billed_total[1h])) * 30 * 86400 * 0.01 / 1000"},
                _COST,
                "currencyUSD",
            ),
        ),
    },
    {
        "account_id": "label_values(aws_rds_cpuutilization_average, account_id)",
        "region": "label_values(watchtower_rule_value, region)",
    },
)

BALANCE = Dashboard(
    "watchtower-balance",
    "Watchtower / Balance",
    "How evenly the members of a group carry its load: readers of an Aurora cluster, nodes of a cache, other peers.",
    {
        "Groups": (
            Panel(
                "The worst excess over peers",
                "0: even; 1: a member carries twice what its peers do. Idleness (ReaderIdle) goes from 0 to 1.",
                {
                    "{{alert}} {{cluster}}{{cache_cluster_id}}": "watchtower_rule_value"
                    '{alert=~"$alert", region=~"$region"} and on (alert) watchtower_balance_share'
                },
                "rules.md#balance",
                width=12,
            ),
            Panel(
                "Share of the load",
                "The part that each member carries; even is one divided by their number.",
                {"{{member}}": 'max by (alert, member) (watchtower_balance_share{alert=~"$alert", region=~"$region"})'},
                "rules.md#balance",
                "percentunit",
                width=12,
            ),
            table(
                "Shares now",
                "By rule and member.",
                'sort_desc(max by (alert, member) (watchtower_balance_share{alert=~"$alert", region=~"$region"}))',
                "rules.md#balance",
                "percentunit",
            ),
        ),
        "Aurora readers": (
            Panel(
                "CPU",
                "What the readers' balance is computed from; writers are shown too.",
                {"{{dimension_DBInstanceIdentifier}}": 'aws_rds_cpuutilization_average{region=~"$region"}'},
                "rules.md#rds_balance",
                "percent",
                width=12,
            ),
            Panel(
                "Connections",
                "The reader endpoint spreads connections by DNS, not queries.",
                {"{{dimension_DBInstanceIdentifier}}": 'aws_rds_database_connections_maximum{region=~"$region"}'},
                "rules.md#rds_balance",
                width=12,
            ),
            table(
                "Clusters that are built unsafely",
                "Classes that differ, one zone for all, a small failover target, maintenance that waits.",
                'watchtower_rule_value{alert="RdsTopology", region=~"$region"} > 0',
                "rules.md#rds_topology",
            ),
        ),
    },
    {
        "alert": "label_values(watchtower_balance_share, alert)",
        "region": "label_values(watchtower_balance_share, region)",
    },
)

IMAGES = Dashboard(
    "watchtower-images",
    "Watchtower / Image risk",
    "What scans of container images and Amazon Inspector find, as the shipped rules count it. No value is not zero: "
    "what was not scanned is not known.",
    {
        "Now": (
            stat(
                "Repositories with critical findings",
                "By their newest image.",
                'count(watchtower_rule_value{alert="VulnerableImage", region=~"$region"} > 0) or vector(0)',
                "rules.md#ecr",
                red=1,
            ),
            stat(
                "Images that nobody scans",
                "No scan, a failed one, or one that ended with the image's eligibility.",
                'sum(watchtower_rule_value{alert="ImageNotScanned", region=~"$region"}) or vector(0)',
                "rules.md#ecr",
                yellow=1,
            ),
            stat(
                "Exploitable findings",
                "Somebody knows how to use them, and there is a version that ends them.",
                'sum(watchtower_rule_value{alert="ExploitableFinding", region=~"$region"}) or vector(0)',
                "rules.md#inspector",
                red=1,
            ),
            stat(
                "Resources without Inspector",
                "What Inspector should look at and does not.",
                'sum(watchtower_rule_value{alert="InspectorCoverageGap", region=~"$region"}) or vector(0)',
                "rules.md#inspector",
                yellow=1,
            ),
        ),
        "Findings": (
            table(
                "Critical findings by repository",
                "Of the image that was pushed last.",
                'sort_desc(watchtower_rule_value{alert="VulnerableImage", region=~"$region"})',
                "rules.md#ecr",
            ),
            Panel(
                "Critical findings over time",
                "A fix ends them with the next push, a new CVE brings them without one.",
                {"{{repository}}": 'watchtower_rule_value{alert="VulnerableImage", region=~"$region"}'},
                "rules.md#ecr",
                width=12,
            ),
            Panel(
                "Inspector",
                "Findings and gaps by rule, over all resources.",
                {
                    "{{alert}}": "sum by (alert) (watchtower_rule_value"
                    '{alert=~"NewFinding|ExploitableFinding|InspectorCoverageGap", region=~"$region"})'
                },
                "rules.md#inspector",
                width=12,
            ),
            table(
                "Exploitable findings by resource",
                "The worst first.",
                'sort_desc(watchtower_rule_value{alert="ExploitableFinding", region=~"$region"} > 0)',
                "rules.md#inspector",
            ),
        ),
    },
    {"region": "label_values(watchtower_rule_value, region)"},
)
