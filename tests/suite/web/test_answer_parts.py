"""Each kind of part of an answer has its drawing."""

from typing import get_args

import numpy as np
import pytest

from loadscope.datasets.playing import (
    Ask,
    Bar,
    Bars,
    BeforeAfter,
    Box,
    Boxes,
    Cuts,
    Marked,
    Masks,
    Part,
    Plain,
    Timed,
    Token,
    Tokens,
    Waveform,
    cuts,
    picture,
    plain_data,
    region,
    waveform,
)
from loadscope.suite.web.rendering import find_template

LEFT = np.array([[True, False]])
SMALL = picture(np.zeros((1, 2), np.uint8), "bicubic")
DRAWN: dict[type[Part], tuple[Part, *tuple[str, ...]]] = {
    Bars: (Bars((Bar("<cat>", 0.5, "50.0 %"),)), "&lt;cat&gt;", 'width="50.0"'),
    Boxes: (Boxes((Box("cat", 0.9, 0, 0.25, 0.5, 1),)), 'y="0.25" width="0.5" height="0.75"'),
    Masks: (Masks((region(LEFT, "road"),)), 'mask="url(#part-1)"', "50.0 %", "/play/1/given/image"),
    BeforeAfter: (BeforeAfter(SMALL, SMALL, "+2 dB"), "bicubic, 2", 'type="range"', "+2 dB"),
    Cuts: (cuts(np.zeros((1, 1, 2)), LEFT[None].astype(int), {1: "tumour"}),
           "first axis, 1 of 1", 'id="part-3-1"', "tumour"),
    Waveform: (waveform(np.array([0.5, -1.0]), 2, "two words", [Timed("two", 0, 0.5)]),
               "M0.5 -0.5V0.5M1.5 -1.0V1.0", "two words", "0.00 to 0.50 s", "/play/1/given/audio",
               "<span>amplitude</span>"),
    Tokens: (Tokens((Token("It", 8.0), Token(" is", 2.0))), '"25.0"', "the first after 8.00 ms",
             "8.000 ms", "<span>token 2</span>"),
    Marked: (Marked("a <b> c", 2, 5), "<mark>&lt;b&gt;</mark>"),
    Plain: (Plain(""), "no answer"),
}  # fmt: skip


@pytest.mark.parametrize("kind", get_args(Part))
def test_a_part_is_drawn(kind):
    part, *says = DRAWN[kind]
    asks = [Ask("image", "Picture", "image"), Ask("audio", "Recording", "audio")]
    page = find_template(f"answer/{part.kind}.html").render(
        part=plain_data(part),
        mark="part",
        addresses={ask.name: (ask, f"/play/1/given/{ask.name}") for ask in asks},
    )
    for text in says:
        assert text in page
