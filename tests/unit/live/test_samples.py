"""The polled values as a scrape sees them."""

from __future__ import annotations

import pytest

from watchtower.live import Samples
from watchtower.model import Labels, Sample


def sample(value: float, at: float = 0.0, **labels: str) -> Sample:
    return Sample("probe", "probe_success", Labels(labels), value, at, "Whether the probe succeeded.")


def rendered(samples: Samples, now: float = 1.0) -> list[str]:
    return [line for line in samples.render("probe", now).decode().splitlines() if not line.startswith("#")]


def test_a_value_is_rendered_with_help_and_type() -> None:
    samples = Samples()
    samples.put("u", [sample(1, target="a")], period=60, grace=0)

    assert samples.render("probe", 1.0) == (
        b'# HELP probe_success Whether the probe succeeded.\n# TYPE probe_success gauge\nprobe_success{target="a"} 1\n'
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

    assert samples.render("aws", 1.0) == b""


def test_openmetrics_is_told_the_unit_that_a_name_ends_in() -> None:
    samples = Samples()
    took = Sample("probe", "probe_duration_seconds", Labels({"target": "a"}), 0.1, 0.0, 'Took "so" long.')
    samples.put("u", [took, sample(1)], period=60, grace=0)

    text = samples.render("probe", 1.0, openmetrics=True).decode()

    assert text.startswith(
        '# HELP probe_duration_seconds Took \\"so\\" long.\n# TYPE probe_duration_seconds gauge\n'
        '# UNIT probe_duration_seconds seconds\nprobe_duration_seconds{target="a"} 0.1\n'
    )
    assert text.count("# UNIT") == 1


def test_a_name_stands_once_whichever_units_have_it_and_goes_with_its_last_value() -> None:
    samples = Samples()
    samples.put("one", [sample(1, target="a")], period=60, grace=0)
    samples.put("two", [sample(1, target="b")], period=600, grace=0)

    assert samples.render("probe", 1.0).count(b"# TYPE") == 1
    assert rendered(samples, now=500) == ['probe_success{target="b"} 1']
    assert samples.render("probe", 5000.0) == b""


def test_a_series_that_a_second_unit_no_longer_polls_is_the_first_ones_again() -> None:
    samples = Samples()
    samples.put("slow", [sample(1, at=0.0, target="a")], period=3600, grace=0)
    samples.put("fast", [sample(0, at=60.0, target="a")], period=60, grace=0)

    samples.put("fast", [], period=60, grace=0)

    assert rendered(samples) == ['probe_success{target="a"} 1']


def test_beyond_the_limit_who_was_there_stays_and_the_others_are_counted() -> None:
    samples = Samples(limit=2)
    samples.put("one", [sample(1, target="a")], period=60, grace=0)
    samples.put("two", [sample(1, target="y"), sample(1, target="z")], period=60, grace=0)

    samples.put("two", [sample(0, target="x"), sample(0, target="y"), sample(0, target="z")], period=60, grace=0)

    assert rendered(samples) == ['probe_success{target="a"} 1', 'probe_success{target="y"} 0']
    assert samples.dropped == {"watchtower": 0, "probe": 3, "aws": 0}


def test_what_left_makes_room_and_a_series_twice_takes_the_place_of_one() -> None:
    samples = Samples(limit=1)
    samples.put("one", [sample(1, target="a")], period=60, grace=0)
    samples.put("other", [sample(1, at=1.0, target="a")], period=60, grace=0)
    samples.keep_only({"none"})

    samples.put("two", [sample(1, target="b")], period=60, grace=0)

    assert rendered(samples) == ['probe_success{target="b"} 1']
    assert samples.dropped["probe"] == 0


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (3.0, "3"), (1e21, "1e+21"), (float("nan"), "nan")])
def test_values_are_written_as_short_as_they_read_back(value: float, text: str) -> None:
    samples = Samples()
    samples.put("u", [sample(value)], period=60, grace=0)

    assert rendered(samples) == [f"probe_success {text}"]
