from __future__ import annotations

import pytest

from watchtower.sources.cloudwatch.naming import label_name, metric_name


@pytest.mark.parametrize(
    ("namespace", "metric", "statistic", "name"),
    [
        ("AWS/RDS", "CPUUtilization", "Average", "aws_rds_cpuutilization_average"),
        ("AWS/RDS", "DatabaseConnections", "Average", "aws_rds_database_connections_average"),
        (
            "AWS/ApplicationELB",
            "HTTPCode_Target_5XX_Count",
            "Sum",
            "aws_applicationelb_httpcode_target_5_xx_count_sum",
        ),
        ("AWS/EC2", "StatusCheckFailed_System", "Maximum", "aws_ec2_status_check_failed_system_maximum"),
        ("AWS/EC2", "NetworkIn", "SampleCount", "aws_ec2_network_in_sample_count"),
        ("AWS/ApplicationELB", "TargetResponseTime", "p99.9", "aws_applicationelb_target_response_time_p99_9"),
        ("Shop", "Orders", "Sum", "aws_shop_orders_sum"),
        ("CWAgent", "disk_used_percent", "Average", "aws_cwagent_disk_used_percent_average"),
        ("System/Linux", "disk %", "Average", "aws_system_linux_disk__percent_average"),
        ("Glue", "glue.driver.aggregate.bytesRead", "Sum", "aws_glue_driver_aggregate_bytes_read_sum"),
        (
            "/aws/sagemaker/TrainingJobs",
            "CPUUtilization",
            "Average",
            "aws_sagemaker_trainingjobs_cpuutilization_average",
        ),
        ("AWS/Firehose", "DeliveryToS3.Records", "Sum", "aws_firehose_delivery_to_s3_records_sum"),
        ("Shop", "Größe", "TM(10%:90%)", "aws_shop_gr__e_tm_10_percent_90_percent_"),
    ],
)
def test_polled_values_are_named_as_dashboards_know_them(
    namespace: str, metric: str, statistic: str, name: str
) -> None:
    assert metric_name(namespace, metric, statistic) == name


def test_dimensions_and_tags_become_labels_with_their_own_capitals() -> None:
    assert label_name("dimension", "DBInstanceIdentifier") == "dimension_DBInstanceIdentifier"
    assert label_name("tag", "cost-center") == "tag_cost_center"
