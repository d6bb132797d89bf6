"""The one input of a model that sees photographs: in a manifest, and before a run."""

from collections.abc import Iterator, Sequence

from loadscope.datasets.declared import DeclaredModel, Misfit, ModelInput
from loadscope.datasets.images.image_preprocess import Normaliser, PixelPreprocess, image_shape
from loadscope.errors import InputError

_LAYOUTS = ("NCHW", "NHWC")
_FIX = "correct the model's manifest"


def image_misfits(entry: DeclaredModel) -> Iterator[Misfit]:
    """Yield why what a manifest declares does not take the squares that preprocessing gives."""
    preprocess: PixelPreprocess = entry.preprocess
    if entry.layout not in _LAYOUTS:
        yield Misfit("layout", f"an image needs {' or '.join(_LAYOUTS)}")
        return
    expected = image_shape(preprocess, entry.layout)
    if [tuple(tensor.shape) for tensor in entry.inputs] != [expected]:
        shown = {tensor.name: list(tensor.shape) for tensor in entry.inputs}
        yield Misfit(
            "inputs",
            f"must be one image of shape {list(expected)}, as layout and preprocess.size say, "
            f"not {shown}",
        )
        return
    (tensor,) = entry.inputs
    try:
        Normaliser(preprocess, entry.layout, tensor.dtype)
    except ValueError as error:
        yield Misfit(f"inputs.{tensor.name}", str(error))


def square_input(
    model: str, inputs: Sequence[ModelInput], layout: str, preprocess: PixelPreprocess
) -> ModelInput:
    """The one input of a model.

    Args:
        model: What it is, for messages: ``a classifier``.
        inputs: Its inputs.
        layout: ``NCHW`` or ``NHWC``.
        preprocess: What makes the squares.

    Raises:
        InputError: There is another number of inputs, or it does not take the squares.
    """
    if len(inputs) != 1:
        raise InputError(f"{model} has one input, this model has {len(inputs)}", _FIX)
    if layout not in _LAYOUTS:
        raise InputError(f"layout '{layout}' is not one of: {', '.join(_LAYOUTS)}", _FIX)
    tensor, given = inputs[0], image_shape(preprocess, layout)
    if tuple(tensor.shape) != given:
        raise InputError(
            f"input '{tensor.name}' is {tensor.dtype} {tuple(tensor.shape)}, but the"
            f" preprocessing gives {given} ({layout})",
            _FIX,
        )
    return tensor
