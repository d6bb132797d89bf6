"""Parts of answers, as plain data that a page draws and a terminal prints."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from loadscope.datasets.playing import (
    Bar,
    Bars,
    BeforeAfter,
    Box,
    Boxes,
    Marked,
    Masks,
    Plain,
    Timed,
    Token,
    Tokens,
    cuts,
    picture,
    plain_data,
    region,
    waveform,
)


def pixels(png):
    return np.array(Image.open(io.BytesIO(base64.b64decode(png))))


def test_a_region_is_where_its_mask_is_and_is_named_on_itself():
    mask = np.zeros((4, 10), bool)
    mask[1:3, 2:8] = True
    mask[1:3, 4:6] = False
    found = region(mask, "road")
    assert (pixels(found.png) == mask).all() and found.text == "20.0 %"
    assert mask[int(found.y * 4), int(found.x * 10)], "the middle lies in the hole"
    assert region(mask, "car", "0.93").text == "0.93"


def test_a_large_picture_is_made_small_and_says_its_size():
    found = picture(np.full((30, 3000, 3), 200, np.uint8), "after")
    assert (found.width, found.height) == (3000, 30)
    assert pixels(found.png).shape == (10, 1024, 3) and (pixels(found.png) == 200).all()


def test_a_volume_is_cut_where_something_is_marked():
    volume = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    classes = np.zeros_like(volume)
    classes[1, 3, 4], classes[1, 3, 5] = 1, 2
    found = cuts(volume, classes, {1: "kidney"}, "Dice 0.9")
    assert [row.label for row in found.rows] == [
        "first axis, 2 of 4", "second axis, 4 of 5", "third axis, 5 of 6",
    ]  # fmt: skip
    assert [(row.height, row.width) for row in found.rows] == [(5, 6), (4, 6), (4, 5)]
    first = found.rows[0]
    assert [one.label for one in first.regions] == ["kidney"]
    assert np.argwhere(pixels(first.regions[0].png)).tolist() == [[3, 4]]
    assert np.array_equal(pixels(first.png), (volume[1] * (255 / 119)).round())
    assert found.lines()[:2] == ["Dice 0.9", "first axis, 2 of 4, kidney 3.3 %"]
    nothing = cuts(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), {1: "kidney"})
    assert [row.regions for row in nothing.rows] == [(), (), ()]


def test_a_recording_has_the_peaks_of_its_pieces():
    sound = np.zeros(1600)
    sound[801], sound[1599] = -0.5, 2.0
    found = waveform(sound, 16_000, "go", [Timed("go", 0.05, 0.1)])
    assert found.seconds == 0.1 and len(found.peaks) == 400
    assert {at: peak for at, peak in enumerate(found.peaks) if peak} == {200: 0.5, 399: 1.0}
    assert waveform(np.zeros(0), 16_000, "").lines() == ["nothing heard"]


def test_the_first_token_is_told_apart_from_the_mean_of_the_rest():
    found = Tokens((Token("It", 50.0), Token(" is", 4.0), Token(" so", 6.0)))
    assert found.lines() == ["It is so", "3 tokens, the first after 50.00 ms, then 5.00 ms a token"]
    assert Tokens(()).lines() == ["no token"]


PICTURE = picture(np.zeros((2, 3), np.uint8), "before")


@pytest.mark.parametrize(
    ("part", "lines"),
    [
        (Bars((Bar("cat", 0.5, "50.0 %"),)), ["  50.0 %  cat"]),
        (Boxes(()), ["nothing found"]),
        (Boxes((Box("cat", 0.9, 0, 0.1, 0.5, 1),)), ["cat 0.90 at 0.000, 0.100, 0.500, 1.000"]),
        (Masks(()), ["nothing found"]),
        (BeforeAfter(PICTURE, PICTURE, "31.2 dB"), ["before: 3 x 2 pixels"] * 2 + ["31.2 dB"]),
        (Marked("a text", 2, 6), []),
        (Plain("42"), ["42"]),
    ],
)
def test_a_part_says_in_words_what_it_draws(part, lines):
    told = json.loads(json.dumps(plain_data(part)))
    assert told["lines"] == lines and told["kind"] == part.kind
