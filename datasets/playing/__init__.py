"""A sample that somebody gives by hand, and an answer taken apart so that it can be shown.

What is shown is of a few kinds, whatever the task: a page draws the kinds and names no task.
"""

from loadscope.datasets.playing.asked import Ask, Shown
from loadscope.datasets.playing.parts import (
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
    plain_data,
    top_bars,
)
from loadscope.datasets.playing.pictures import Picture, Region, picture, region
from loadscope.datasets.playing.sounds import waveform
from loadscope.datasets.playing.volumes import cuts

__all__ = [
    "Ask",
    "Bar",
    "Bars",
    "BeforeAfter",
    "Box",
    "Boxes",
    "Cuts",
    "Marked",
    "Masks",
    "Part",
    "Picture",
    "Plain",
    "Region",
    "Shown",
    "Timed",
    "Token",
    "Tokens",
    "Waveform",
    "cuts",
    "picture",
    "plain_data",
    "region",
    "top_bars",
    "waveform",
]
