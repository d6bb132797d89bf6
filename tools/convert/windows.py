"""Windows that slide over an image: convolution and pooling."""

from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError
from loadscope.tools.convert.graph import Node


@dataclass(frozen=True)
class Window:
    """A window over two axes, height first.

    Attributes:
        sizes: The image.
        kernel: The window.
        strides: The steps.
        dilations: The distances between the window's cells.
        before: Padding at top and left.
        after: Padding at bottom and right.
    """

    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    def is_same(self) -> bool:
        """Whether the padding is TensorFlow's ``SAME``.

        That is as much as makes ``ceil(size / stride)`` results, the odd cell at the end.
        """
        for size, kernel, stride, dilation, before, after in zip(
            self.sizes,
            self.kernel,
            self.strides,
            self.dilations,
            self.before,
            self.after,
            strict=True,
        ):
            reach = (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1
            total = max(0, reach - size)
            if (before, after) != (total // 2, total - total // 2):
                return False
        return True


def window(path: Path, node: Node, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """Read the window of a Conv or a pooling operator.

    Args:
        path: The ONNX file, for messages.
        node: The operator.
        sizes: The image's height and width.
        kernel: The window's height and width.

    Raises:
        InputError: It has other than two axes, or padding that depends on the size.
    """
    attributes = node.attributes
    pads = tuple(attributes.get("pads", (0, 0, 0, 0)))
    ceil = attributes.get("ceil_mode", 0)
    if (
        len(kernel) != 2
        or len(sizes) != 2
        or ceil
        or attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    ):
        raise InputError(
            f"{path}: {node.op} '{node.name}' has automatic padding, rounds up, or has other "
            "than two axes",
            "export the model with explicit padding",
        )
    return Window(
        tuple(sizes),
        tuple(kernel),
        tuple(attributes.get("strides", (1, 1))),
        tuple(attributes.get("dilations", (1, 1))),
        pads[:2],
        pads[2:],
    )
