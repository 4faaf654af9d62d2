"""Namespaces whose metrics are in one region alone, wherever their resources are."""

from __future__ import annotations

#: The region of each such namespace, in the commercial partition:
#:
#: - https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
#: - https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html
#: - https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
#: - https://docs.aws.amazon.com/awssupport/latest/user/cloudwatch-metrics-ta.html
#: - https://docs.aws.amazon.com/global-accelerator/latest/dg/cloudwatch-monitoring.html
HOMES = {
    "AWS/CloudFront": "us-east-1",
    "AWS/Route53": "us-east-1",
    "AWS/Billing": "us-east-1",
    "AWS/TrustedAdvisor": "us-east-1",
    "AWS/GlobalAccelerator": "us-west-2",
}
#: How the names of regions begin in partitions that keep their metrics to themselves.
OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eusc-", "eu-isoe-")
