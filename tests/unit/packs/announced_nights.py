"""Nights of the rules about what AWS announces, and of the services whose failures are metrics."""

from tests.support.nights import Told

GIB = 1024**3

FIRING = (
    Told(
        "EcsDeploymentFailed",
        "the circuit breaker goes back, and three good looks end it",
        "0x3 1x4 0x4",
        "4: P3, 10: OK",
    ),
    Told(
        "EcsTasksMissing", "tasks that do not come back in ten minutes and three looks", "0x3 2x5 0x4", "6: P3, 11: OK"
    ),
    Told("EcsTaskFailed", "a nightly report fails, and its retry too", "0x3 1 0x4 1 0x10", "4: P4, 19: OK"),
    Told("AsgShort", "launches fail for a quarter of an hour and three looks", "0x3 4x5 0x6", "6: P3, 13: OK"),
    Told("AsgSuspended", "a deployment left processes suspended for six hours", "0x2 2x3 0x3", "3: P4, 7: OK"),
    Told("Ec2Retirement", "an instance is to be retired until it was moved", "0x2 1x3 0x3", "3: P3, 7: OK"),
    Told("Ec2Maintenance", "a reboot is scheduled and done", "0x2 1x3 0x3", "3: P4, 7: OK"),
    Told(
        "QuotaNearlyUsed",
        "warns above 80 %, more urgently above 95 %, 75 % is not enough to end it",
        "60x3 85x3 96x3 75x2 70x4",
        "6: P4, 9: P3, 14: OK",
    ),
    Told("SesStatus", "on probation, then paused, then well", "0x2 1x3 2x3 0x3", "4: P3, 7: P2, 10: OK"),
    Told("SesQuotaNearlyUsed", "nine tenths of a day's mail", "50x2 91x2 86 80x3", "3: P3, 7: OK"),
    Told(
        "SesBounceRate",
        "above 4 % it is told, above 7 % more urgently, 3.5 % keeps it",
        "0.01x2 0.05x2 0.08x2 0.035 0.02x3",
        "4: P4, 6: P3, 9: OK",
    ),
    Told(
        "SesComplaintRate",
        "above 0.08 % it is told, above 0.3 % more urgently, 0.07 % keeps it",
        "0.0001x2 0.001x2 0.004x2 0.0007 0.0001x3",
        "4: P4, 6: P3, 9: OK",
    ),
    Told("SesRejects", "a virus is found in what was sent", "0x2 3 0x5", "3: P4, 7: OK"),
    Told("LambdaErrors", "a bad release fails for a quarter of an hour", "0.1x3 12x4 3 0x3", "6: P3, 10: OK"),
    Told("LambdaFailed", "an asynchronous call fails all three times", "0x2 3 0x3", "3: P4, 5: OK"),
    Told("LambdaThrottled", "the concurrency is used up for a quarter of an hour", "0x3 40x4 0x3", "6: P3, 9: OK"),
    Told("SchedulerDropped", "a target cannot be reached by any retry", "0x2 1 0x7", "3: P3, 9: OK"),
    Told("SchedulerTargetErrors", "the target refuses for a quarter of an hour", "0x2 2x4 0x4", "5: P4, 9: OK"),
    Told(
        "CloudFrontErrors",
        "an origin fails for a quarter of an hour, 12 % keeps it",
        "1x3 40x4 12 2x4",
        "6: P3, 11: OK",
    ),
    Told("Route53Unhealthy", "an endpoint is away for ten minutes", "1x3 0x10 1x6", "8: P3, 18: OK"),
    Told(
        "EfsBurstCreditsLow",
        "credits run out and come back",
        f"{2000 * GIB}x2 {190 * GIB}x4 {200 * GIB}x2 {300 * GIB}x4",
        "5: P3, 11: OK",
    ),
)

ORDINARY = (
    Told("EcsDeploymentFailed", "deployments that succeed", "0x20"),
    Told("EcsTasksMissing", "a task that is replaced within two looks", "0x3 1x2 0x3 1x2 0x3"),
    Told("EcsTaskFailed", "tasks that end well, and no tasks", "0x6 _x4 0x6"),
    Told("AsgShort", "two looks after the grace the last instance is there", "0x3 1x2 0x5"),
    Told("AsgSuspended", "nothing is suspended", "0x8"),
    Told("Ec2Retirement", "nothing is scheduled", "0x8"),
    Told("Ec2Maintenance", "nothing is scheduled", "0x8"),
    Told("QuotaNearlyUsed", "a rolling deployment for ten minutes, and nothing used", "60x3 97x2 60x3 _x5"),
    Told("SesStatus", "healthy, with one odd answer", "0x4 1 0x4"),
    Told("SesQuotaNearlyUsed", "a newsletter takes 90 % of the quota", "50x2 90x2 40x4"),
    Told("SesBounceRate", "one bad quarter of an hour, and no mail", "0.01x3 0.06 0.02x3 _x4"),
    Told("SesComplaintRate", "one bad quarter of an hour, and no mail", "0.0001x3 0.002 0.0001x3 _x4"),
    Told("SesRejects", "mail without viruses, and no mail", "0x4 _x4"),
    Told("LambdaErrors", "ten bad minutes, and a night without calls", "0.1x3 30x2 0.1x3 _x6"),
    Told("LambdaFailed", "two failures whose retry succeeded", "0x2 2 0x3 _x3"),
    Told("LambdaThrottled", "a burst of ten minutes", "0x3 500x2 0x4"),
    Told("SchedulerDropped", "schedules that are called", "0x6 _x3"),
    Told("SchedulerTargetErrors", "two retries", "0x2 1x2 0x4"),
    Told("CloudFrontErrors", "ten minutes of scanners", "2x3 60x2 2x4 _x4"),
    Told("Route53Unhealthy", "four minutes of a deployment", "1x4 0x4 1x4"),
    Told("EfsBurstCreditsLow", "a backup takes some", f"{2000 * GIB}x2 {191 * GIB}x2 {400 * GIB}x4 _x3"),
)
