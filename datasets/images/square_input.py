"""The input of a model that sees photographs: in a manifest, and before a run."""

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
    images = [tensor for tensor in entry.inputs if tuple(tensor.shape) == expected]
    if len(images) != 1 or ids_of(entry.inputs, images[0].name) is None:
        shown = {tensor.name: list(tensor.shape) for tensor in entry.inputs}
        yield Misfit(
            "inputs",
            f"must be one image of shape {list(expected)}, as layout and preprocess.size say, "
            f"not {shown}",
        )
        return
    (tensor,) = images
    try:
        Normaliser(preprocess, entry.layout, tensor.dtype)
    except ValueError as error:
        yield Misfit(f"inputs.{tensor.name}", str(error))


def square_input(
    inputs: Sequence[ModelInput], layout: str, preprocess: PixelPreprocess
) -> ModelInput:
    """The input of a model that takes the squares.

    Args:
        inputs: Its inputs.
        layout: ``NCHW`` or ``NHWC``.
        preprocess: What makes the squares.

    Raises:
        InputError: There are inputs of another kind beside it, or it does not take the squares.
    """
    if layout not in _LAYOUTS:
        raise InputError(f"layout '{layout}' is not one of: {', '.join(_LAYOUTS)}", _FIX)
    given = image_shape(preprocess, layout)
    fitting = [one for one in inputs if tuple(one.shape) == given] or list(inputs)
    if len(fitting) != 1 or ids_of(inputs, fitting[0].name) is None:
        raise InputError(f"expected one input of images, this model has {len(inputs)} inputs", _FIX)
    tensor = fitting[0]
    if tuple(tensor.shape) != given:
        raise InputError(
            f"input '{tensor.name}' is {tensor.dtype} {tuple(tensor.shape)}, but the"
            f" preprocessing gives {given} ({layout})",
            _FIX,
        )
    return tensor


def ids_of(inputs: Sequence[ModelInput], image: str) -> Sequence[ModelInput] | None:
    """The inputs beside an image, where each takes one number a sample; None where one does not.

    What exporters leave there is an id that comes out again; it is fed the sample's index.
    """
    others = [one for one in inputs if one.name != image]
    plain = all(tuple(one.shape) in ((), (1,)) and one.dtype != "bool" for one in others)
    return others if plain else None
