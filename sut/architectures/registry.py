"""The networks that a ``state-dict`` artifact can name."""

import difflib
from collections.abc import Callable
from functools import partial

from torch import nn

from loadscope.errors import InputError
from loadscope.sut.architectures.bert import SHAPES, BertForSpans, BertForTexts
from loadscope.sut.architectures.dlrm import DLRM_SHAPES, Dlrm
from loadscope.sut.architectures.efficientnet_lite import EfficientNetLite0
from loadscope.sut.architectures.fashion_cnn import FashionCnn
from loadscope.sut.architectures.llama import LLAMAS, Llama
from loadscope.sut.architectures.mask_queries import MaskQueries
from loadscope.sut.architectures.resnet import ResNet50
from loadscope.sut.architectures.unet3d import WIDTHS, UNet3d
from loadscope.sut.architectures.yolox import YoloxNano

ARCHITECTURES: dict[str, Callable[[int, int], nn.Module]] = {
    "efficientnet-lite0": EfficientNetLite0,
    "fashion-cnn": FashionCnn,
    "mask-queries": MaskQueries,
    "resnet50-v1.5": ResNet50,
    "yolox-nano": YoloxNano,
    **{name: partial(BertForSpans, shape) for name, shape in SHAPES.items()},
    **{name: partial(Llama, shape) for name, shape in LLAMAS.items()},
    **{name: partial(Dlrm, shape) for name, shape in DLRM_SHAPES.items()},
    **{name: partial(UNet3d, widths) for name, widths in WIDTHS.items()},
    **{f"{name}-texts": partial(BertForTexts, shape) for name, shape in SHAPES.items()},
}
"""Makes a network of random weights from the length of its output and the size of its input:
pixels along a side of a square image or a cubic window, or the longest text in tokens."""

DECODERS = frozenset(LLAMAS)
"""Those that generate token by token."""


def build_architecture(name: str, classes: int, size: int) -> nn.Module:
    """Make a network by name, in evaluation mode.

    Args:
        name: A key of ``ARCHITECTURES``.
        classes: The length of the output.
        size: Pixels along a side of the square input, or the longest text in tokens.

    Raises:
        InputError: There is no architecture of that name; the message lists the known ones.
    """
    try:
        make = ARCHITECTURES[name]
    except KeyError:
        near = difflib.get_close_matches(name, ARCHITECTURES, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"unknown architecture '{name}'", f"{hint}known: {', '.join(ARCHITECTURES)}"
        ) from None
    return make(classes, size).eval()
