"""The networks that a ``state-dict`` artifact can name."""

import difflib
from collections.abc import Callable

from torch import nn

from loadscope.errors import InputError
from loadscope.sut.architectures.efficientnet_lite import EfficientNetLite0
from loadscope.sut.architectures.resnet import ResNet50

ARCHITECTURES: dict[str, Callable[[int, int], nn.Module]] = {
    "efficientnet-lite0": EfficientNetLite0,
    "resnet50-v1.5": ResNet50,
}
"""Makes a network of random weights from (classes, pixels along a side of the square input)."""


def build_architecture(name: str, classes: int, size: int) -> nn.Module:
    """Make a network by name, in evaluation mode.

    Args:
        name: A key of ``ARCHITECTURES``.
        classes: The length of the output.
        size: Pixels along a side of the square input.

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
