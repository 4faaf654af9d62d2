"""Which filter a rule means, and the sentences for those that are not there."""

from __future__ import annotations

from dataclasses import replace

from watchtower.inventory.log_filters import MetricFilter, literal_prefix
from watchtower.sources.logs.agreement import MAX_SAMPLES, samples
from watchtower.sources.logs.evidence import MAX_LINE, shown
from watchtower.sources.logs.matching import faults, find
from watchtower.sources.logs.memory import Memory, decode, encode
from watchtower.sources.logs.query import LogsQuery

IDIOM = '[(w1="*CRITICAL*") && (w1!="*Errore da Ignorare*")]'
QUERY = LogsQuery.model_validate({"log_group": "*", "pattern": IDIOM})
FILTER = MetricFilter("/a", "critical", '[(w1="*CRITICAL*")&&(w1!="*Errore da Ignorare*")]', "LogMetrics", "critical")


def test_a_filter_is_found_by_its_pattern_however_it_is_spaced() -> None:
    other = MetricFilter("/a", "all", "", "LogMetrics", "all")
    assert [each.filter for each in find(QUERY, ["/a"], [other, FILTER])] == [FILTER]


def test_a_filter_of_another_log_group_is_none_of_this_one() -> None:
    [found] = find(QUERY, ["/b"], [FILTER])
    assert (found.filter, found.fault) == (
        None,
        "no metric filter with this pattern; `watchtower log-filters` prints how to create it",
    )


def test_of_two_filters_the_one_without_dimensions_is_polled() -> None:
    sized = replace(FILTER, name="a-first", dimensions=("Host",))
    assert find(QUERY, ["/a"], [sized, FILTER])[0].filter == FILTER
    [found] = find(QUERY, ["/a"], [sized])
    assert found.fault == "the metric of filter a-first has dimensions (Host); only one without is polled"


def test_log_groups_with_one_fault_are_told_together_and_few_are_named() -> None:
    found = find(LogsQuery.model_validate({"log_group": "*", "filter": "errors"}), [f"/{n}" for n in range(5)], [])
    [said] = faults("Errors", found)
    assert said.startswith("Errors: /0, /1, /2 and 2 more: no metric filter called errors; `watchtower log-filters` ")


def test_what_is_remembered_comes_back_and_what_is_unreadable_is_forgotten() -> None:
    memory = Memory(frozenset({FILTER, replace(FILTER, log_group="/b", dimensions=("x",))}), {"A": frozenset({"/a"})})
    assert decode(encode(memory)) == memory
    for blob in (None, b"", b"junk", encode(memory)[:-3]):
        assert decode(blob) == Memory(frozenset(), {})


def test_the_beginning_of_a_glob_narrows_the_listing() -> None:
    assert [literal_prefix(glob) for glob in ("/ecs/*/pms", "/a?", "*", r"/a\*b", "/exact")] == [
        "/ecs/", "/a", "", "/a*b", "/exact",
    ]  # fmt: skip


def test_the_samples_of_a_pattern_hold_its_words_alone_and_together() -> None:
    lines = samples(IDIOM)
    assert "2026-01-05 12:00:00 CRITICAL and more" in lines
    assert any("CRITICAL" in line and "Errore da Ignorare" in line for line in lines)
    assert all(lines)
    assert len(samples(" ".join(f"word{n}" for n in range(200)))) <= MAX_SAMPLES


def test_a_line_is_shown_on_one_line_without_its_secrets_and_cut() -> None:
    assert shown("ERROR\n\tpassword=hunter2\n") == "ERROR password=[redacted]"
    assert len(shown("x y " * 1000)) == MAX_LINE
