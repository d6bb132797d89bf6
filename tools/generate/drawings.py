"""Drawings that a detector of COCO's categories takes for what they show."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Draw = Callable[[Image, int, int, int], None]
"""Draws on an RGB image, at a centre (x, y), with a radius, pixels."""

_SIDES = ((416, 320), (320, 416), (480, 360), (640, 480))
_INK = (30, 25, 20)


def drawing(seed: int) -> Image:
    """A picture of one to three things on the ground under the sky, ``(height, width, 3)``, RGB.

    The same seed gives the same picture.
    """
    random = np.random.default_rng(seed)
    width, height = _SIDES[seed % len(_SIDES)]
    image = np.empty((height, width, 3), np.uint8)
    shade = random.integers(120, 236, 3)
    image[:] = np.clip(shade + np.linspace(0, 40, height)[:, None, None], 0, 255)
    image[height * 3 // 4 :] = random.integers(70, 150, 3)
    places = random.permutation(3)[: random.integers(1, 4)]
    for place in places.tolist():
        radius = int(random.integers(width // 14, width // 8))
        x = width * (2 * place + 1) // 6
        y = int(random.integers(height // 4, height // 2))
        _THINGS[int(random.integers(len(_THINGS)))](image, x, y, radius)
    return image


def _stop_sign(image: Image, x: int, y: int, radius: int) -> None:
    angles = np.deg2rad(22.5 + 45 * np.arange(8))
    corners = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    outline = corners.round().astype(np.int32)
    line = max(2, radius // 12)
    cv2.rectangle(image, (x - line, y + radius), (x + line, y + 3 * radius), (120, 120, 120), -1)
    cv2.fillPoly(image, [outline], (200, 20, 30))
    cv2.polylines(image, [outline], True, (255, 255, 255), line)
    start = (x - int(radius * 0.72), y + int(radius * 0.22))
    cv2.putText(image, "STOP", start, cv2.FONT_HERSHEY_SIMPLEX, radius / 38, (255, 255, 255), line)


def _clock(image: Image, x: int, y: int, radius: int) -> None:
    cv2.circle(image, (x, y), radius, (250, 250, 245), -1)
    cv2.circle(image, (x, y), radius, _INK, max(2, radius // 10))
    for hour in range(12):
        angle = np.deg2rad(30 * hour)
        inner, outer = (
            (x + int(part * radius * np.cos(angle)), y + int(part * radius * np.sin(angle)))
            for part in (0.78, 0.9)
        )
        cv2.line(image, inner, outer, _INK, 2)
    cv2.line(image, (x, y), (x + radius // 2, y - radius // 3), _INK, 4)
    cv2.line(image, (x, y), (x - radius // 5, y - int(radius * 0.7)), _INK, 3)


def _ball(image: Image, x: int, y: int, radius: int) -> None:
    cv2.circle(image, (x, y), radius, (240, 150, 40), -1)
    cv2.ellipse(image, (x, y), (radius, radius // 3), 0, 0, 360, _INK, 2)
    cv2.line(image, (x, y - radius), (x, y + radius), _INK, 2)


def _kite(image: Image, x: int, y: int, radius: int) -> None:
    tips = [
        (x, y - radius),
        (x + radius * 2 // 3, y),
        (x, y + radius * 13 // 10),
        (x - radius * 2 // 3, y),
    ]
    colours = ((230, 40, 60), (250, 210, 40), (40, 120, 220), (60, 190, 80))
    for side, colour in enumerate(colours):
        corners = np.array([(x, y), tips[side], tips[(side + 1) % 4]], np.int32)
        cv2.fillPoly(image, [corners], colour)
    cv2.line(image, tips[2], (x + radius, y + 3 * radius), (240, 240, 240), 1)


def _screen(image: Image, x: int, y: int, radius: int) -> None:
    wide, thick = radius * 3 // 2, max(3, radius // 10)
    cv2.rectangle(image, (x - wide, y - radius), (x + wide, y + radius), _INK, -1)
    inner = (x - wide + thick, y - radius + thick), (x + wide - thick, y + radius - thick)
    cv2.rectangle(image, *inner, (60, 110, 190), -1)
    foot = (x - radius // 3, y + radius), (x + radius // 3, y + radius * 6 // 5)
    cv2.rectangle(image, *foot, _INK, -1)


_THINGS: tuple[Draw, ...] = (_stop_sign, _clock, _ball, _kite, _screen)
