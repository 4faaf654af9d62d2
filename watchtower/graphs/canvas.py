"""From a figure to a PNG, with Pillow: drawn twice as large and scaled down, which makes smooth lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from watchtower.words import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchtower.graphs.figure import Figure, Limit

#: Pixels of the picture, and of its margins around the plot.
WIDTH, HEIGHT = 1000, 400
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 66, 36
#: Bytes of a picture that is sent.
MOST_BYTES = 200_000
_SCALE = 2
_COLOURS = 64
#: The sides of a point without neighbours, and of one that breaches, in pixels.
_DOT, _BREACH = 3, 3.5
#: Points that are marked one by one; more would be a carpet.
_MARKED = 200

Colour = tuple[int, int, int]
_PAPER: Colour = (255, 255, 255)
_FRAME: Colour = (203, 208, 214)
_GRID: Colour = (231, 234, 238)
_INK: Colour = (32, 38, 46)
_PALE: Colour = (98, 107, 118)
_LINE: Colour = (38, 103, 172)
_BELOW: Colour = (38, 103, 172)
_EXPECTED: Colour = (176, 190, 205)
_LIMITS: dict[Priority, Colour] = {
    Priority.P1: (196, 22, 42),
    Priority.P2: (214, 96, 18),
    Priority.P3: (160, 120, 0),
    Priority.P4: (62, 124, 80),
    Priority.P5: (98, 107, 118),
}


def png(figure: Figure) -> bytes:
    """The picture, at most MOST_BYTES: what would be larger gets a palette."""
    image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE), _PAPER)
    _draw(_Pen(image, figure))
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    written = BytesIO()
    small.save(written, "PNG", optimize=True)
    if written.tell() > MOST_BYTES:
        written = BytesIO()
        small.quantize(_COLOURS, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _SCALE)


@dataclass(slots=True)
class _Pen:
    """Draws in the figure's own coordinates, or in pixels of the finished picture."""

    image: Image.Image
    figure: Figure

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def x(self, at: float) -> float:
        wide = WIDTH - LEFT - RIGHT
        return LEFT + wide * (at - self.figure.start) / (self.figure.end - self.figure.start)

    def y(self, value: float) -> float:
        tall = HEIGHT - TOP - BOTTOM
        share = (value - self.figure.low) / (self.figure.high - self.figure.low)
        return HEIGHT - BOTTOM - tall * min(max(share, 0.0), 1.0)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1) -> None:
        self.draw.line(_large(points), fill=colour, width=round(width * _SCALE), joint="curve")

    def dashes(self, y: float, colour: Colour, start: float = LEFT, end: float = WIDTH - RIGHT) -> None:
        x = start
        while x < end:
            self.line([(x, y), (min(x + 9, end), y)], colour, 1.5)
            x += 14

    def shade(self, points: Sequence[tuple[float, float]], colour: Colour, strength: float) -> None:
        """Fill an area so that what lies under it stays visible."""
        if len(points) < 3:
            return
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).polygon(_large(points), fill=round(255 * strength))
        self.image.paste(colour, mask=mask)

    def dot(self, x: float, y: float, colour: Colour, radius: float) -> None:
        box = [(x - radius) * _SCALE, (y - radius) * _SCALE, (x + radius) * _SCALE, (y + radius) * _SCALE]
        self.draw.ellipse(box, fill=colour, outline=_PAPER, width=_SCALE)

    def text(self, x: float, y: float, said: str, colour: Colour, size: int = 13, anchor: str = "lm") -> None:
        self.draw.text((x * _SCALE, y * _SCALE), said, fill=colour, font=_font(size), anchor=anchor)

    def width(self, said: str, size: int = 13) -> float:
        return _font(size).getlength(said) / _SCALE

    def cut(self, said: str, size: int, room: float) -> str:
        """As much of it as there is room for."""
        if self.width(said, size) <= room:
            return said
        while said and self.width(f"{said}...", size) > room:
            said = said[:-1]
        return f"{said.rstrip()}..."

    def tag(self, x: float, y: float, said: str, colour: Colour, anchor: str) -> None:
        """Words on a strip of paper, so that no line runs through them."""
        wide = self.width(said, 12)
        left = x - wide if anchor == "rm" else x
        box = [(left - 4) * _SCALE, (y - 8) * _SCALE, (left + wide + 4) * _SCALE, (y + 8) * _SCALE]
        self.draw.rounded_rectangle(box, radius=3 * _SCALE, fill=_PAPER)
        self.text(x, y, said, colour, 12, anchor)


def _large(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _draw(pen: _Pen) -> None:
    _grid(pen)
    _zones(pen)
    _bands(pen)
    _series(pen)
    _limits(pen)
    _beginning(pen)
    _words(pen)


def _grid(pen: _Pen) -> None:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value, said in pen.figure.value_marks:
        y = pen.y(value)
        pen.line([(LEFT, y), (right, y)], _GRID)
        pen.text(LEFT - 8, y, said, _PALE, anchor="rm")
    for at, said in pen.figure.time_marks:
        x = pen.x(at)
        pen.line([(x, TOP), (x, bottom)], _GRID)
        half = pen.width(said) / 2
        pen.text(min(max(x, LEFT + half - 20), WIDTH - 6 - half), bottom + 14, said, _PALE, anchor="mm")
    pen.line([(LEFT, TOP), (LEFT, bottom), (right, bottom)], _FRAME)


def _zones(pen: _Pen) -> None:
    """Where the priority holds that was reached."""
    colour = _LIMITS[pen.figure.priority]
    for bottom, top in pen.figure.zones:
        left, right, low, high = LEFT, WIDTH - RIGHT, pen.y(bottom), pen.y(top)
        pen.shade([(left, low), (right, low), (right, high), (left, high)], colour, 0.07)


def _bands(pen: _Pen) -> None:
    for run in pen.figure.bands:
        lower = [(pen.x(at), pen.y(low)) for at, low, _ in run]
        upper = [(pen.x(at), pen.y(high)) for at, _, high in run]
        pen.shade([*lower, *reversed(upper)], _EXPECTED, 0.55)
    if pen.figure.bands and pen.figure.expected:
        at, _, high = pen.figure.bands[0][0]
        y = max(TOP + 10, pen.y(high) - 11)
        pen.tag(pen.x(at) + 8, y, pen.figure.expected, _LIMITS[pen.figure.priority], "lm")


def _series(pen: _Pen) -> None:
    ground = pen.y(max(pen.figure.low, min(0.0, pen.figure.high)))
    for run in pen.figure.lines:
        points = [(pen.x(at), pen.y(value)) for at, value in run]
        if len(points) == 1:
            pen.dot(*points[0], _LINE, _DOT)
            continue
        if not pen.figure.bands:
            pen.shade([(points[0][0], ground), *points, (points[-1][0], ground)], _BELOW, 0.10)
        pen.line(points, _LINE, 2)
    colour = _LIMITS[pen.figure.priority]
    for at, value in pen.figure.breaches[-_MARKED:]:
        pen.dot(pen.x(at), pen.y(value), colour, _BREACH)


def _limits(pen: _Pen) -> None:
    taken: list[float] = []
    for limit in sorted(pen.figure.limits, key=lambda limit: limit.priority):
        colour = _LIMITS[limit.priority]
        if not limit.beyond:
            pen.dashes(pen.y(limit.value), colour)
        y = _free(_height(pen, limit), taken)
        taken.append(y)
        pen.tag(LEFT + 8, y, _told(limit), colour, "lm")  # what matters is at the right


def _told(limit: Limit) -> str:
    return f"{limit.text}  ({'above' if limit.beyond > 0 else 'below'})" if limit.beyond else limit.text


def _height(pen: _Pen, limit: Limit) -> float:
    """Above its line, or at the edge beyond which it lies."""
    if limit.beyond:
        return TOP + 10 if limit.beyond > 0 else HEIGHT - BOTTOM - 10
    above = pen.y(limit.value) - 11
    return above if above >= TOP + 8 else pen.y(limit.value) + 11


def _free(y: float, taken: Sequence[float]) -> float:
    """The nearest height at which no other label stands."""
    offsets = (sign * step for step in range(0, 200, 17) for sign in (1, -1))
    places = (y + offset for offset in offsets)
    inside = (place for place in places if TOP + 8 <= place <= HEIGHT - BOTTOM - 8)
    return next((place for place in inside if all(abs(place - other) >= 16 for other in taken)), y)


def _beginning(pen: _Pen) -> None:
    """When the alert began, if that is within the picture."""
    if not pen.figure.start <= pen.figure.began <= pen.figure.end:
        return
    x, colour = pen.x(pen.figure.began), _LIMITS[pen.figure.priority]
    pen.line([(x, TOP), (x, HEIGHT - BOTTOM)], colour, 1.5)
    said = f"{pen.figure.priority} fires"
    left = x + pen.width(said, 12) + 10 > WIDTH - RIGHT
    pen.tag(x - 8 if left else x + 8, HEIGHT - BOTTOM - 12, said, colour, "rm" if left else "lm")


def _words(pen: _Pen) -> None:
    pen.text(LEFT, 24, pen.cut(pen.figure.title, 18, WIDTH - LEFT - 200), _INK, 18)
    pen.text(LEFT, 48, pen.cut(pen.figure.subtitle, 13, WIDTH - LEFT - RIGHT), _PALE, 13)
    pen.text(WIDTH - RIGHT, 24, f"{pen.figure.day}, UTC", _PALE, 13, "rm")
    pen.line([(0, 0), (WIDTH - 0.5, 0), (WIDTH - 0.5, HEIGHT - 0.5), (0, HEIGHT - 0.5), (0, 0)], _FRAME)
