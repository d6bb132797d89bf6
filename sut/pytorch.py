"""PyTorch behind the backend protocol: networks written here, weights from a state dict."""

import inspect
import threading
import warnings

import numpy as np
import torch
from torch import nn

from loadscope.errors import InputError
from loadscope.sut.architectures.fold import fold_batch_norms
from loadscope.sut.architectures.state_dict import load_network
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, check_options
from loadscope.tensors import Tensors

_BOX = 5
"""Numbers before the class scores in a row of a detector: a box, and the score of any object."""
_OPTIONS = {"channels_last": bool, "fold_batch_norm": bool, "device": str}
_DEVICES = ("cpu", "nnpa")


class PyTorchBackend:
    """Runs a network eagerly on the CPU, or on the accelerator of an IBM Z.

    Options of the artifact:
        channels_last: Keep weights and activations in NHWC order inside (default false); the
            input stays NCHW.
        fold_batch_norm: Fold each batch norm into the convolution before it (default false).
        device: ``cpu`` (the default), or ``nnpa`` with IBM's package torch_nnpa.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Make the network and load its weights, all of them.

        Args:
            artifact: A ``state-dict``; one NCHW image input or a text's integers, one output
                of class scores.
            threads: Threads for each call of ``predict``.

        Raises:
            InputError: The weights do not fit, an option is unknown, or the declared tensors
                are not those of the network.
        """
        check_options(artifact, _OPTIONS, "PyTorch")
        text = len(artifact.inputs) > 1
        classes, size = _reader(artifact) if text else _classifier(artifact)
        self._check = BatchCheck(artifact.inputs)
        self._inputs = [info.name for info in artifact.inputs]
        self._output = artifact.outputs[0].name
        self._threads = threads
        self._prepared = threading.local()
        _spend_readonly_warning()
        network = load_network(artifact.architecture, classes, size, artifact.path)
        if text:
            self._inputs = _parameters(network, artifact)
        if artifact.options.get("fold_batch_norm", False):
            fold_batch_norms(network)
        if artifact.options.get("channels_last", False):
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = _device(artifact)
        self._network: nn.Module | None = network.to(self._device)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the network.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The class scores, float32: ``(batch, classes)`` for images,
            ``(batch, length, classes)`` for texts; a detector's rows,
            ``(batch, anchors, 5 + classes)``.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if not hasattr(self._prepared, "threads"):
            # oneDNN asks the OpenMP runtime, which keeps this number for each thread.
            torch.set_num_threads(self._threads)
            self._prepared.threads = self._threads
        if self._network is None:
            raise RuntimeError("predict was called after close")
        with torch.inference_mode():
            given = [torch.from_numpy(batch[name]).to(self._device) for name in self._inputs]
            return {self._output: self._network(*given).cpu().numpy()}

    def close(self) -> None:
        """Drop the network."""
        self._network = None


def _device(artifact: Artifact) -> torch.device:
    name = artifact.options.get("device", "cpu")
    if name not in _DEVICES:
        raise InputError(f"PyTorch: unknown device '{name}'", f"use one of: {', '.join(_DEVICES)}")
    if name == "nnpa":
        try:
            # Its import registers the device.
            import torch_nnpa  # noqa: F401
        except ImportError as error:
            raise InputError(
                "device nnpa needs the package torch_nnpa, which is not installed here",
                "install IBM's torch_nnpa beside PyTorch (IBM Z, z16 or later); see docs/ibm-z.md",
            ) from error
    return torch.device(name)


def _classifier(artifact: Artifact) -> tuple[int, int]:
    """Classes and side of the image, from the declared tensors."""
    fix = "correct inputs, outputs or layout in the model's manifest"
    if len(artifact.inputs) != 1 or len(artifact.outputs) != 1:
        raise InputError("a state-dict of PyTorch has one input and one output", fix)
    image, scores = artifact.inputs[0], artifact.outputs[0]
    for info in (image, scores):
        if info.dtype != "float32":
            raise InputError(f"'{info.name}' is {info.dtype}; PyTorch's networks are float32", fix)
    if artifact.layout != "NCHW" or len(image.shape) != 3 or image.shape[1] != image.shape[2]:
        raise InputError(
            f"input '{image.name}' {list(image.shape)} in layout '{artifact.layout}' is not a "
            "square NCHW image",
            fix,
        )
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
    """Scores for each token and the longest text, from the declared tensors."""
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
    if scores.dtype != "float32" or len(scores.shape) != 2 or scores.shape[:1] != length:
        raise InputError(
            f"output '{scores.name}' is {scores.dtype} {list(scores.shape)}, not float32 scores "
            "for each token",
            fix,
        )
    return scores.shape[1], length[0]


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


def _spend_readonly_warning() -> None:
    # PyTorch warns once a process when it shares an array that must not be written; samples
    # are such arrays, and the networks write to none of their inputs.
    array = np.zeros(1, np.float32)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(array)
