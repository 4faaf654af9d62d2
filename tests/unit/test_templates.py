from __future__ import annotations

import time

import pytest

from watchtower.errors import TemplateError
from watchtower.model import Labels
from watchtower.schema import Model
from watchtower.templates import MAX_OUTPUT, Template, label_names, used_names


def render(text: str, **context: object) -> str:
    return Template(text).render(**context)


def test_a_text_without_braces_is_itself() -> None:
    assert render("CPU is high % {") == "CPU is high % {"


def test_a_template_is_filled_from_labels_and_value() -> None:
    text = "{{ labels.DBInstanceIdentifier }}: CPU at {{ value | round(1) }} %"
    assert render(text, labels=Labels({"DBInstanceIdentifier": "db-1"}), value=81.26) == "db-1: CPU at 81.3 %"


def test_a_label_wins_over_a_method_of_the_same_name() -> None:
    assert render("{{ labels.items }} {{ labels.only }}", labels=Labels({"items": "a", "only": "b"})) == "a b"


def test_labels_can_be_walked_and_taken_apart() -> None:
    labels = Labels({"LoadBalancer": "app/shop/1234"})
    assert render("{{ labels.LoadBalancer.split('/')[1] }}", labels=labels) == "shop"
    assert render("{% for k, v in labels.items() %}{{ k }}={{ v }}{% endfor %}", labels=labels) == (
        "LoadBalancer=app/shop/1234"
    )


def test_a_duration_can_be_written_as_people_read_it() -> None:
    assert render("{{ value | duration }}", value=5400) == "1h30m"


def test_an_absent_label_is_an_error_not_an_empty_text() -> None:
    with pytest.raises(TemplateError, match="tenant"):
        render("{{ labels.tenant }}", labels=Labels())


def test_a_value_that_is_none_cannot_be_rounded() -> None:
    with pytest.raises(TemplateError):
        render("{{ value | round(1) }}", value=None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{ labels.a", "bad template: "),
        ("{% if value %}x", "bad template: "),
        ("{{ lables.a }}", "`lables` is not known here (did you mean `labels`?); known are labels, value"),
        ("{{ value | roud }}", "no filter named `roud`"),
        ("{{ value | center(99) }}", "no filter named `center`"),
        ("{{ value is odd }}", "no test named `odd`"),
        ("{{ range(9) }}", "`range` is not known here"),
        ("{{ labels.x.format(1) }}", "only these can be called"),
        ("{% include 'x' %}", "include is not allowed"),
        ("{% macro x() %}{% endmacro %}", "macro is not allowed"),
        ("{% set x %}{{ reason }}{% endset %}", "assignblock is not allowed"),
        (3 * "{% for a in reason %}" + 3 * "{% endfor %}", "loops may stand in each other 2 deep"),
    ],
)
def test_a_bad_template_is_refused_when_it_is_read(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Template(text)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ labels.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__ }}",
        "{% for a in reason %}{% for b in reason %}{{ reason }}{% endfor %}{% endfor %}",
        "{% for a in reason %}{% for b in reason %}{% endfor %}{% endfor %}",
        "{% for a in reason %}{% endfor %}" * 3,
        "{% for a in reason if a == 'y' %}{% endfor %}" * 3,
        "{% set a = reason ~ reason %}" + "{% set a = a ~ a %}" * 40,
        "{% set a = reason + reason %}" + "{% set a = a + a %}" * 40,
        "{% set a = reason.split('x') %}" + "{% set a = a + a %}" * 40,
        "{{ (reason ~ 1) in ((reason ~ 2), [" + "reason ~ " * 200 + "1]) }}",
        "{{ reason" + " | replace('x', reason)" * 9 + " }}",
        "{{ reason" + ".replace('x', reason)" * 9 + " }}",
        "{{ reason" + " | join(reason)" * 9 + " }}",
        "{{ 1.5 | round(1000000000, 'ceil') }}",
    ],
)
def test_nothing_in_a_template_can_exhaust_or_escape_the_process(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TemplateError):
        render(text, labels=Labels(), reason="x" * 500)
    assert time.process_time() - began < 1


def test_what_people_write_stays_possible() -> None:
    text = "{% for k, v in labels.items() %}{% for w in v.split() %}{{ loop.index ~ k + w }};{% endfor %}{% endfor %}"
    assert render(text, labels=Labels({"a": "x y", "b": "z"})) == "1ax;2ay;1bz;"
    assert render("{{ ['a', 'b'] | join(', ') ~ '!' }}{{ 1 + 2 }}") == "a, b!3"
    assert (
        render("{{ 'aab' | replace('a', 'c') }}{{ 'aab'.replace('a', 'c', 1) }}{{ 2.345 | round(2) }}") == "ccbcab2.35"
    )


def test_each_rendering_has_its_own_bounds() -> None:
    for _ in range(3):
        assert render("{% for a in reason %}{% endfor %}", reason="x" * 900) == ""


def test_output_is_bounded() -> None:
    assert len(render("{{ reason }}", reason="x" * MAX_OUTPUT)) == MAX_OUTPUT
    with pytest.raises(TemplateError, match="more than 4096"):
        render("{{ reason }}!", reason="x" * MAX_OUTPUT)


def test_every_mistake_of_a_template_is_told_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        Template("{{ frob }} {{ value | roud }} {{ lables.a }} {{ labels.x.format(1) }}")
    sentences = ("no filter named `roud`", "`frob` is not known", "`lables` is not known", "only these can be called")
    assert all(sentence in str(caught.value) for sentence in sentences)


def test_a_bad_template_tells_its_labels_as_long_as_it_can_be_parsed() -> None:
    assert label_names("{{ labels.a }} {{ frob }} {{ labels.b | roud }}") == {"a", "b"}
    assert label_names("{{ labels.a }} {{ labels.") == frozenset()


def test_a_template_names_the_labels_it_cannot_do_without() -> None:
    text = "{{ labels.a }} {{ labels['b-c'] | upper }} {{ labels.get('maybe', '') }} {{ annotations.other }}"
    assert label_names(text) == {"a", "b-c"}
    assert label_names("plain labels.a") == frozenset()


def test_templates_are_values() -> None:
    assert Template("{{ value }}") == Template("{{ value }}")
    assert len({Template("x"), Template("x"), Template("y")}) == 2
    assert repr(Template("{{ value }}")) == "Template(text='{{ value }}')"


def test_a_model_reads_text_and_numbers_as_templates_and_refuses_the_rest() -> None:
    class Holder(Model):
        text: Template

    assert Holder.model_validate({"text": 5}).text == Template("5")
    for wrong in (None, True, {"a": 1}, ["x"]):
        with pytest.raises(ValueError, match="must be text"):
            Holder.model_validate({"text": wrong})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tenant-{{ labels.tenant }}", {"labels"}),
        ("{{ priority }} {% if value > labels.x %}{{ reason }}{% endif %}", {"labels", "priority", "reason", "value"}),
        ("{% for name in labels %}{{ name }}{% endfor %}", {"labels"}),
        ("plain", set()),
        ("{{ broken", set()),
    ],
)
def test_a_template_tells_what_it_uses(text: str, names: set[str]) -> None:
    assert used_names(text) == names
