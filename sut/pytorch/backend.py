"""PyTorch behind the backend protocol: networks written here or programs saved by PyTorch."""

import threading
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from loadscope.errors import InputError
from loadscope.memory import keep_freed_memory
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, filled, samples
from loadscope.sut.effective import Effective
from loadscope.sut.openmp import within_limit
from loadscope.sut.pytorch.compile import CompiledModel
from loadscope.sut.pytorch.formats import Model, declared_outputs, open_model
from loadscope.sut.pytorch.info import INFO
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors


class PyTorchBackend:
    """Runs a network or a saved program on the CPU, or on the accelerator of an IBM Z.

    Options of the artifact:
        channels_last: Keep weights and activations in NHWC order inside (default false); the
            input stays NCHW.
        fold_batch_norm: Fold each batch norm of a ``state-dict`` into the convolution before it
            (default false).
        onednn_linear: Have oneDNN multiply in the linear layers of a ``state-dict``, not MKL
            (default false).
        freeze: Make weights of a ``torchscript`` constants and fold what follows (default false).
        compile: Compile with ``torch.compile`` and frozen weights (default false); needs a C++
            compiler, and some 10 to 40 s at the first batch.
        dtype: ``bfloat16`` turns the weights of a ``state-dict`` into that; inputs and outputs
            stay float32.
        device: ``cpu`` (the default), or ``nnpa`` with IBM's package torch_nnpa.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Load the model, all of its weights.

        Args:
            artifact: A ``state-dict`` (one NCHW image or a text's integers in, one output of
                scores), a ``torchscript`` archive, or an ``exported-program`` (``.pt2``); the
                last two take the declared inputs in their order, and give a dict with the
                declared outputs, or a tuple that begins with them in their order.
            threads: Threads for each call of ``predict``.

        Raises:
            InputError: The weights do not fit, an option is unknown or not for this format, or
                the declared tensors are not those of the model.
        """
        INFO.check_options(artifact.options)
        # PyTorch takes each activation from malloc.
        keep_freed_memory()
        self._check = BatchCheck(artifact.inputs)
        self._outputs = [info.name for info in artifact.outputs]
        self._threads = threads
        self._prepared = threading.local()
        _spend_readonly_warning()
        model, self._inputs = open_model(artifact)
        if artifact.options.get("compile", False):
            model = CompiledModel(model, any_length=not artifact.layout)
        # A saved program does not always say which of its sizes are fixed.
        self._fixed = artifact.max_batch
        self._format = artifact.format
        self._device = _device(artifact)
        if isinstance(model, nn.Module):
            model = model.to(self._device)
        self._half = artifact.options.get("dtype") == "bfloat16"
        self._model: Model | None = model

    def effective(self) -> Effective:
        """Threads as PyTorch counts them, and device and numbers of the model's weights."""
        self._set_threads()
        found: dict[str, Any] = {
            "threads": within_limit(torch.get_num_threads()),
            "fixed_batch": self._fixed,
        }
        network = self._model if isinstance(self._model, nn.Module) else None
        weights = [each for each in network.parameters()] if network is not None else []
        numbers = {
            str(each.dtype).removeprefix("torch.") for each in weights if each.is_floating_point()
        }
        if weights:
            found["device"] = weights[0].device.type
        if len(numbers) == 1:
            (found["dtype"],) = numbers
        return Effective(found)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The declared outputs. Of a ``state-dict`` it is the class scores, float32:
            ``(batch, classes)`` for images, ``(batch, length, classes)`` for texts; a detector's
            rows, ``(batch, anchors, 5 + classes)``.

        Raises:
            InputError: The batch does not fit the declared inputs, or the model gives other
                outputs than the declared ones.
        """
        self._check(batch)
        if self._model is None:
            raise RuntimeError("predict was called after close")
        return self._run(self._model, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the network's code is written anew.

        Raises:
            InputError: Layers are asked of a saved or compiled program, which shows none.
        """
        model = self._model
        if model is None:
            raise RuntimeError("tracer was called after close")
        if not with_layers:
            return CallTracer(lambda batch: self._run(model, batch))
        if self._format != "state-dict" or not isinstance(model, nn.Module):
            what = "a compiled model" if isinstance(model, CompiledModel) else self._format
            raise InputError(
                f"PyTorch shows no layers of {what}",
                "trace a state-dict without compile, or use --level framework",
            )
        from loadscope.sut.pytorch.tracer import PyTorchTracer

        return PyTorchTracer(model, self._run, self._inputs)

    def _run(self, model: Model, batch: Tensors) -> Tensors:
        self._set_threads()
        count = samples(batch)
        short = self._fixed is not None and count != self._fixed
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        with torch.inference_mode():
            given = [torch.from_numpy(batch[name]).to(self._device) for name in self._inputs]
            if self._half:
                given = [each.bfloat16() if each.is_floating_point() else each for each in given]
            results = declared_outputs(model(*given), self._outputs)
            if self._half:
                results = {name: each.float() for name, each in results.items()}
            if short:
                results = {name: each[:count] for name, each in results.items()}
            return {name: each.contiguous().cpu().numpy() for name, each in results.items()}

    def _set_threads(self) -> None:
        if not hasattr(self._prepared, "threads"):
            # oneDNN asks the OpenMP runtime, which keeps this number for each thread.
            torch.set_num_threads(self._threads)
            self._prepared.threads = self._threads

    def close(self) -> None:
        """Drop the model."""
        self._model = None


def _device(artifact: Artifact) -> torch.device:
    name = artifact.options.get("device", "cpu")
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


def _spend_readonly_warning() -> None:
    # PyTorch warns once a process when it shares an array that must not be written; samples
    # are such arrays, and the networks write to none of their inputs.
    array = np.zeros(1, np.float32)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(array)
