"""CloudWatch's filter pattern language, evaluated here: which log lines would a metric filter count?

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from watchtower.logpattern.pattern import MAX_PATTERN, Pattern, compile_pattern, normalised
from watchtower.logpattern.scanner import PatternError

__all__ = ["MAX_PATTERN", "Pattern", "PatternError", "compile_pattern", "normalised"]
