"""The polled values as a scrape sees them."""

from __future__ import annotations

from watchtower.live import Samples
from watchtower.model import Labels, Sample


def sample(value: float, at: float = 0.0, **labels: str) -> Sample:
    return Sample("probe", "probe_success", Labels(labels), value, at, "Whether the probe succeeded.")


def rendered(samples: Samples, now: float = 1.0) -> list[str]:
    return [line for line in samples.render("probe", now).splitlines() if not line.startswith("#")]


def test_a_value_is_rendered_with_help_and_type() -> None:
    samples = Samples()
    samples.put("u", [sample(1, target="a")], period=60, grace=0)

    assert samples.render("probe", 1.0) == (
        '# HELP probe_success Whether the probe succeeded.\n# TYPE probe_success gauge\nprobe_success{target="a"} 1\n'
    )


def test_a_value_is_gone_two_periods_after_its_datapoint_ended() -> None:
    samples = Samples()
    samples.put("u", [sample(1, at=0.0)], period=60, grace=30)

    assert rendered(samples, now=209)
    assert not rendered(samples, now=210)


def test_a_series_that_two_units_poll_stands_once_with_its_newest_value() -> None:
    samples = Samples()
    samples.put("slow", [sample(1, at=0.0, target="a")], period=3600, grace=0)
    samples.put("fast", [sample(0, at=60.0, target="a")], period=60, grace=0)

    assert rendered(samples) == ['probe_success{target="a"} 0']


def test_labels_are_escaped() -> None:
    samples = Samples()
    samples.put("u", [sample(1, target='a"b\\c\nd')], period=60, grace=0)

    assert rendered(samples) == ['probe_success{target="a\\"b\\\\c\\nd"} 1']


def test_a_unit_that_left_the_plan_takes_its_values_along() -> None:
    samples = Samples()
    samples.put("u", [sample(1)], period=60, grace=0)

    samples.keep_only({"other"})

    assert not rendered(samples)


def test_another_family_is_not_shown() -> None:
    samples = Samples()
    samples.put("u", [sample(1)], period=60, grace=0)

    assert samples.render("aws", 1.0) == ""
