"""The files that the PyTorch backend loads, held against what a manifest declares of them."""

import inspect
import pickle
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from loadscope.errors import InputError, near
from loadscope.sut.architectures.bert import BertForTexts
from loadscope.sut.architectures.fold import fold_batch_norms
from loadscope.sut.architectures.llama import Llama
from loadscope.sut.architectures.onednn import use_onednn
from loadscope.sut.architectures.registry import DECODERS
from loadscope.sut.architectures.state_dict import load_network
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.pytorch.settings import HALVES
from loadscope.tensors import ANY_SIZE

Model = Callable[..., Any]
"""Takes tensors in order; gives one tensor, several in order, or several by name."""

_CPU = torch.device("cpu")
_BOX = 5
"""Numbers before the class scores in a row of a detector: a box, and the score of any object."""

_FORMATS_OF = {
    "fold_batch_norm": ("state-dict",),
    "onednn_linear": ("state-dict",),
    "dtype": ("state-dict",),
    "channels_last": ("state-dict", "torchscript"),
    "freeze": ("torchscript",),
    "compile": ("state-dict", "exported-program"),
}
"""Which formats an option has a meaning for; the others were settled when the file was saved."""


def require_format_options(artifact: Artifact) -> None:
    """Check options that are for some formats alone, or stand alone.

    Raises:
        InputError: One is not for this format, or not beside another.
    """
    for name, formats in _FORMATS_OF.items():
        if artifact.options.get(name, False) and artifact.format not in formats:
            raise InputError(
                f"PyTorch: {name} has no meaning for the format {artifact.format}",
                f"leave it out, or give a file of the format {' or '.join(formats)}",
            )
    if artifact.options.get("onednn_linear", False):
        _require_onednn(artifact)


def open_model(artifact: Artifact, device: torch.device = _CPU) -> tuple[Model, list[str]]:
    """Load a file.

    Args:
        artifact: The file; its options are of the backend's.
        device: Where the model is to compute.

    Returns:
        The model, and the names of the declared inputs in the order in which it takes them.

    Raises:
        InputError: The file is not of its format, or the declared tensors are not those of the
            model.
    """
    model, inputs = _READERS[artifact.format](artifact, device)
    if artifact.options.get("channels_last", False):
        model = model.to(memory_format=torch.channels_last)
    if (half := HALVES.get(artifact.options.get("dtype", ""))) is not None:
        model = model.to(half)
    return model.to(device) if isinstance(model, nn.Module) else model, inputs


def declared_outputs(found: Any, names: list[str]) -> dict[str, Tensor]:
    """The declared ones of what a model gave; further ones are left alone.

    Args:
        found: A tensor, a dict of tensors by name, or tensors in the order of ``names``.
        names: The declared outputs.

    Raises:
        InputError: One is missing, or is no tensor.
    """
    if hasattr(found, "_asdict"):
        found = found._asdict()
    if isinstance(found, dict):
        if missing := [name for name in names if name not in found]:
            raise InputError(
                f"the model has no output '{missing[0]}'",
                f"{near(missing[0], map(str, found))}it has: {', '.join(map(str, found))}",
            )
        named = {name: found[name] for name in names}
    else:
        values = list(found) if isinstance(found, (tuple, list)) else [found]
        if len(values) < len(names):
            raise InputError(
                f"the model has {len(values)} output(s), the manifest names {len(names)}",
                "correct outputs in the model's manifest, in the order of the file",
            )
        named = dict(zip(names, values, strict=False))
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise InputError(
                f"output '{name}' is a {type(value).__name__}, not a tensor",
                "correct outputs in the model's manifest, or save a model that gives tensors",
            )
    return named


def _require_onednn(artifact: Artifact) -> None:
    """Refuse to do without oneDNN, and what settles by itself what computes linear layers."""
    onednn: Any = torch.backends.mkldnn
    if not onednn.is_available():
        raise InputError("PyTorch: onednn_linear: this build has no oneDNN", "leave it out")
    options = artifact.options
    others = {
        "compile": options.get("compile", False),
        "dtype": options.get("dtype") in HALVES,
        "device": options.get("device", "cpu") != "cpu",
    }
    for name in (name for name, given in others.items() if given):
        raise InputError(
            f"PyTorch: onednn_linear has no meaning beside {name} = {options[name]}",
            "leave one of them out",
        )


def _state_dict(artifact: Artifact, _: torch.device) -> tuple[Any, list[str]]:
    if artifact.architecture in DECODERS:
        return _decoder(artifact)
    several = len(artifact.inputs) > 1
    rows = several and any(
        info.dtype == "float32" and ANY_SIZE not in info.shape for info in artifact.inputs
    )
    # A row's numbers and categories say all; a network of them has one size.
    if rows:
        classes, size = 1, 1
    else:
        classes, size = _reader(artifact) if several else _classifier(artifact)
    network = load_network(artifact.architecture, classes, size, artifact.path)
    if several and not rows:
        _require_scores(network, artifact)
    if artifact.options.get("fold_batch_norm", False):
        fold_batch_norms(network)
    if artifact.options.get("onednn_linear", False):
        use_onednn(network)
    return network, _parameters(network, artifact) if several else [artifact.inputs[0].name]


def _decoder(artifact: Artifact) -> tuple[Any, list[str]]:
    """A network that generates token by token, with its states among inputs and outputs."""
    scores = artifact.outputs[0]
    network = load_network(artifact.architecture, scores.shape[-1], 0, artifact.path)
    if not isinstance(network, Llama):
        raise TypeError(f"{artifact.architecture} is no decoder")
    for side, declared, wanted in (
        ("input", artifact.inputs, network.tensor_inputs),
        ("output", artifact.outputs, network.tensor_outputs),
    ):
        names = tuple(info.name for info in declared)
        if names != wanted:
            raise InputError(
                f"{artifact.architecture} has the {side}s {', '.join(wanted)}, in this order; "
                f"the manifest has {', '.join(names)}",
                f"correct {side}s and decoder in the model's manifest",
            )
    return network, list(network.tensor_inputs)


def load_torchscript(artifact: Artifact, device: torch.device = _CPU) -> Any:
    """A TorchScript program.

    Raises:
        InputError: The file is none.
    """
    with warnings.catch_warnings():
        # PyTorch warns that TorchScript has had its day.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return torch.jit.load(  # type: ignore[no-untyped-call]
                str(artifact.path), map_location=device
            ).eval()
        except (OSError, RuntimeError, ValueError) as error:
            raise _unusable(artifact, error) from error


def _torchscript(artifact: Artifact, device: torch.device) -> tuple[Any, list[str]]:
    module = load_torchscript(artifact, device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # Before its own 'self'.
        _require_count(artifact, "input", len(module.forward.schema.arguments) - 1)
        if artifact.options.get("freeze", False):
            if artifact.options.get("channels_last", False):
                module = module.to(memory_format=torch.channels_last)
            module = torch.jit.freeze(module)
    return module, [info.name for info in artifact.inputs]


def load_exported(artifact: Artifact) -> Any:
    """A program of ``torch.export.save``.

    Raises:
        InputError: The file is none.
    """
    if not zipfile.is_zipfile(artifact.path):
        raise _unusable(artifact, ValueError("it is no archive of torch.export.save"))
    try:
        return torch.export.load(str(artifact.path))
    except (OSError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise _unusable(artifact, error) from error


def _exported_program(artifact: Artifact, device: torch.device) -> tuple[Any, list[str]]:
    program = load_exported(artifact)
    if device.type != "cpu":
        # Importing it takes a second, which runs on the CPU should not pay.
        from torch.export.passes import move_to_device_pass

        # A program has the device of its export in its constants and its calls.
        program = move_to_device_pass(program, device)
    signature = program.graph_signature
    _require_count(artifact, "input", len(signature.user_inputs))
    # Further outputs are left alone.
    _require_count(artifact, "output", min(len(signature.user_outputs), len(artifact.outputs)))
    return program.module(), [info.name for info in artifact.inputs]


_READERS: dict[str, Callable[[Artifact, torch.device], tuple[Any, list[str]]]] = {
    "state-dict": _state_dict,
    "torchscript": _torchscript,
    "exported-program": _exported_program,
}


def _require_count(artifact: Artifact, side: str, found: int) -> None:
    declared = len(artifact.inputs if side == "input" else artifact.outputs)
    if found != declared:
        raise InputError(
            f"{artifact.path} has {found} {side}(s), the manifest names {declared}",
            f"correct {side}s in the model's manifest, in the order of the file",
        )


def _unusable(artifact: Artifact, error: Exception) -> InputError:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return InputError(
        f"PyTorch cannot load {artifact.path} as {artifact.format}: {first[:200]}",
        "get it again, or correct its path, or source and format in the model's manifest",
    )


def _classifier(artifact: Artifact) -> tuple[int, int]:
    """Classes and side of the image or scan, from the declared tensors."""
    fix = "correct inputs, outputs or layout in the model's manifest"
    axes = [len(info.shape) for info in artifact.outputs]
    # Scores and masks of queries, or one output.
    if len(artifact.inputs) != 1 or (len(axes) != 1 and axes != [2, 3]):
        raise InputError("a state-dict of PyTorch has one input and one output", fix)
    image, scores = artifact.inputs[0], artifact.outputs[0]
    for info in (image, scores):
        if info.dtype != "float32":
            raise InputError(f"'{info.name}' is {info.dtype}; PyTorch's networks are float32", fix)
    if len(image.shape) == 4 and len(set(image.shape[1:])) == 1 and len(scores.shape) == 4:
        # A scan, and a score a class for each of its voxels.
        return scores.shape[0], image.shape[1]
    if artifact.layout != "NCHW" or len(image.shape) != 3 or image.shape[1] != image.shape[2]:
        raise InputError(
            f"input '{image.name}' {list(image.shape)} in layout '{artifact.layout}' is not a "
            "square NCHW image",
            fix,
        )
    if axes == [2, 3]:
        # A query has one score more, for no object.
        return scores.shape[1] - 1, image.shape[1]
    if len(scores.shape) == 2 and scores.shape[1] > _BOX:
        # A detector's rows begin with a box's four numbers and the score of any object.
        return scores.shape[1] - _BOX, image.shape[1]
    if len(scores.shape) != 1:
        raise InputError(
            f"output '{scores.name}' {list(scores.shape)} is neither class scores nor rows of "
            "boxes",
            fix,
        )
    return scores.shape[0], image.shape[1]


def _reader(artifact: Artifact) -> tuple[int, int]:
    """Scores of a token or of the text, and the longest text, from the declared tensors."""
    fix = "correct inputs or outputs in the model's manifest"
    if len(artifact.outputs) != 1:
        raise InputError("a state-dict of PyTorch has one output", fix)
    scores, length = artifact.outputs[0], artifact.inputs[0].shape
    for info in artifact.inputs:
        if info.dtype not in ("int32", "int64") or len(info.shape) != 1 or info.shape != length:
            raise InputError(
                f"input '{info.name}' is {info.dtype} {list(info.shape)}; a text is rows of int32 "
                "or int64, all of one length",
                fix,
            )
    if scores.dtype != "float32" or not scores.shape or scores.shape[:-1] not in ((), length):
        raise _other_scores(scores, "for each token, or of the text")
    return scores.shape[-1], length[0]


def _require_scores(network: nn.Module, artifact: Artifact) -> None:
    """Refuse scores for each token that are declared as those of a text, and the reverse."""
    scores = artifact.outputs[0]
    is_whole = isinstance(network, BertForTexts)
    if is_whole != (len(scores.shape) == 1):
        raise _other_scores(scores, "of the text" if is_whole else "for each token")


def _other_scores(scores: TensorInfo, wanted: str) -> InputError:
    return InputError(
        f"output '{scores.name}' is {scores.dtype} {list(scores.shape)}, not float32 scores "
        f"{wanted}",
        "correct inputs or outputs in the model's manifest",
    )


def _parameters(network: nn.Module, artifact: Artifact) -> list[str]:
    """The declared inputs in the order in which a network takes them."""
    wanted = list(inspect.signature(network.forward).parameters)
    names = [info.name for info in artifact.inputs]
    if sorted(names) != sorted(wanted):
        raise InputError(
            f"{artifact.architecture} takes {', '.join(wanted)}; the manifest has "
            f"{', '.join(names)}",
            "correct inputs in the model's manifest",
        )
    return wanted
