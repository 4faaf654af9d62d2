"""The statistics CloudWatch knows, as it names them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import difflib
import re

SIMPLE = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")

_PERCENT = r"(?:100(?:\.0+)?|\d{1,2}(?:\.\d{1,10})?)"
_BOUND = r"\d+(?:\.\d+)?%?"
_SHAPES = (
    re.compile(rf"(?:p|tm|tc|ts|wm){_PERCENT}"),
    re.compile(rf"(?:TM|TC|TS|WM|PR)\((?={_BOUND}:|:{_BOUND})(?:{_BOUND})?:(?:{_BOUND})?\)"),
)


def check_statistic(name: str) -> str:
    """The name itself; raises ValueError with a sentence when CloudWatch has no such statistic."""
    if name in SIMPLE or name == "IQM" or any(shape.fullmatch(name) for shape in _SHAPES):
        return name
    if name.lower().startswith("pr") and "%" in name:
        raise ValueError(f"{name!r}: a percentile rank takes values, not percents, like PR(:300)")
    near = difflib.get_close_matches(name.capitalize(), [*SIMPLE, "Iqm"], n=1)
    hint = f"; did you mean {'IQM' if near[0] == 'Iqm' else near[0]}?" if near else ""
    raise ValueError(
        f"{name!r} is not a statistic of CloudWatch ({', '.join(SIMPLE)}, p99, tm95, tc90, ts90, wm95, IQM, "
        f"TM(10%:90%), PR(:300)){hint}"
    )
