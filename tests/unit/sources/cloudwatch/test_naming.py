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


@pytest.mark.parametrize(
    ("namespace", "metric", "statistic", "published"),
    [
        ("AWS/ApplicationELB", "TargetResponseTime", "Average", "aws_applicationelb_target_response_time_average"),
        ("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", "aws_applicationelb_un_healthy_host_count_maximum"),
        ("AWS/ApplicationELB", "RequestCount", "Sum", "aws_applicationelb_request_count_sum"),
        (
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            "Maximum",
            "aws_sqs_approximate_age_of_oldest_message_maximum",
        ),
        ("AWS/Lambda", "ConcurrentExecutions", "Maximum", "aws_lambda_concurrent_executions_maximum"),
        ("AWS/Lambda", "Throttles", "Sum", "aws_lambda_throttles_sum"),
        ("AWS/Lambda", "Duration", "p99", "aws_lambda_duration_p99"),
        (
            "AWS/ElastiCache",
            "DatabaseMemoryUsagePercentage",
            "Average",
            "aws_elasticache_database_memory_usage_percentage_average",
        ),
        ("AWS/ElastiCache", "EngineCPUUtilization", "Average", "aws_elasticache_engine_cpuutilization_average"),
        ("AWS/ES", "ClusterStatus.yellow", "Maximum", "aws_es_cluster_status_yellow_maximum"),
        ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", "aws_dynamodb_consumed_read_capacity_units_sum"),
        ("AWS/NATGateway", "BytesOutToDestination", "Sum", "aws_natgateway_bytes_out_to_destination_sum"),
        ("AWS/RDS", "FreeStorageSpace", "Average", "aws_rds_free_storage_space_average"),
        ("AWS/ECS", "CPUUtilization", "Average", "aws_ecs_cpuutilization_average"),
    ],
)
def test_names_are_those_that_published_dashboards_and_rules_ask_for(
    namespace: str, metric: str, statistic: str, published: str
) -> None:
    assert metric_name(namespace, metric, statistic) == published


def test_dimensions_and_tags_become_labels_with_their_own_capitals() -> None:
    assert label_name("dimension", "DBInstanceIdentifier") == "dimension_DBInstanceIdentifier"
    assert label_name("tag", "cost-center") == "tag_cost_center"
