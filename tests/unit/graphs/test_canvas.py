"""The picture is a PNG that something is drawn on, of a size that Slack and people bear."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from PIL import Image

from tests.unit.graphs.drawing import above, below, minutes, shown
from watchtower.graphs.canvas import HEIGHT, MOST_BYTES, WIDTH, png
from watchtower.graphs.series import Past
from watchtower.graphspec import GraphLimit
from watchtower.model import Priority

P1, P2, P3, P4, P5 = Priority
_RANDOM = random.Random(1)
_SPIKY = minutes(*(_RANDOM.choice([5.0, 20.0, 90.0]) for _ in range(180)))
_EXPECTED = Past(_SPIKY.points, tuple((at, 10.0, 50.0) for at, _ in _SPIKY.points))

SHAPES = {
    "spiky": (_SPIKY, [above(P2, 80), above(P1, 95)]),
    "flat": (minutes(*[7.0] * 180), [below(P2, 10)]),
    "gaps": (minutes(1, None, None, 8, None, 9, 9), [above(P2, 5)]),
    "one point": (minutes(3), [above(P2, 0)]),
    "huge": (minutes(1e300, 2e300, 1e9), [above(P2, 1e299)]),
    "tiny": (minutes(1e-9, 3e-9), [above(P2, 2e-9)]),
    "zero": (minutes(0, 0, 0), [below(P2, 1)]),
    "band": (_EXPECTED, [GraphLimit(P2, "above band", ((1e-9, None),), of_band=True)]),
    "many limits": (minutes(1, 2, 3), [above(priority, 2 + number / 100) for number, priority in enumerate(Priority)]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_becomes_a_picture_in_several_colours(shape: str) -> None:
    past, limits = SHAPES[shape]
    picture = png(shown(past, *limits))
    assert len(picture) <= MOST_BYTES
    image = Image.open(BytesIO(picture))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    colours = image.convert("RGB").getcolors(WIDTH * HEIGHT)
    assert colours is not None
    assert len(colours) > 20


def test_the_breach_is_drawn_in_the_colour_of_its_priority() -> None:
    """The same picture but for the priority that was reached."""
    marked, unmarked = (shown(minutes(1, 2, 90), above(P1, 50), above(P5, 40), priority=it) for it in (P1, P5))
    assert _red(png(marked)) > _red(png(unmarked))


def _red(picture: bytes) -> int:
    colours = Image.open(BytesIO(picture)).convert("RGB").getcolors(WIDTH * HEIGHT) or []
    reds = [count for count, shade in colours if isinstance(shade, tuple) and shade[0] > 180 and shade[1] < 60]
    return sum(reds)
