"""PyTorch behind the backend protocol: networks written here or programs saved by PyTorch."""

import contextlib
import threading
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from loadscope.device_memory import DeviceMemory
from loadscope.devices import canonical
from loadscope.errors import DeviceMemoryError, InputError
from loadscope.memory import keep_freed_memory
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, filled, samples
from loadscope.sut.effective import Effective
from loadscope.sut.openmp import within_limit
from loadscope.sut.pytorch.compile import CompiledModel
from loadscope.sut.pytorch.formats import (
    Model,
    declared_outputs,
    open_model,
    require_format_options,
)
from loadscope.sut.pytorch.info import INFO
from loadscope.sut.pytorch.lanes import STREAMED, Lanes
from loadscope.sut.pytorch.settings import HALVES, settle_tf32, tf32_in_force, torch_device
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors


class PyTorchBackend:
    """Runs a network or a saved program on the CPU, a GPU, or the accelerator of an IBM Z.

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
        cuda_graphs: Launch the kernels of each shape of a batch as one CUDA graph (default false).
        dtype: ``bfloat16`` or ``float16`` turns the weights of a ``state-dict`` into that; inputs
            and outputs stay float32.
        tf32: Have a GPU multiply float32 with ten bits of fraction (default false; PyTorch's own
            default is true for convolutions).
        device: ``cpu`` (the default), ``cuda``, ``xpu``, ``mps``, or ``nnpa`` with IBM's package
            torch_nnpa; of several ``cuda:1``.
    """

    _lanes: Lanes | None = None

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
        # Before the device, whose kind one of them may not go with.
        require_format_options(artifact)
        self._device = torch_device(artifact.options)
        settle_tf32(artifact.options, self._device)
        with self._out_of_memory(0):
            model, self._inputs = open_model(artifact, self._device)
        self._module = model if isinstance(model, nn.Module) else None
        if artifact.options.get("compile", False):
            model = CompiledModel(model, any_length=not artifact.layout)
        # A saved program does not always say which of its sizes are fixed.
        self._fixed = artifact.max_batch
        self._format = artifact.format
        self._half = HALVES.get(artifact.options.get("dtype", ""))
        self._lanes = None
        if self._device.type in STREAMED:
            # Weights are copied on the device's own stream, for which no other waits.
            getattr(torch, self._device.type).synchronize(self._device)
            self._lanes = Lanes(self._device, artifact.options.get("cuda_graphs", False))
        self._model: Model | None = model

    def effective(self) -> Effective:
        """Threads as PyTorch counts them, and device and numbers of the model's weights."""
        self._set_threads()
        found: dict[str, Any] = {
            "threads": within_limit(torch.get_num_threads()),
            "fixed_batch": self._fixed,
        }
        weights = list(self._module.parameters()) if self._module is not None else []
        numbers = {
            str(each.dtype).removeprefix("torch.") for each in weights if each.is_floating_point()
        }
        if weights:
            found["device"] = canonical(str(weights[0].device))
        if len(numbers) == 1:
            (found["dtype"],) = numbers
        if self._device.type == "cuda":
            found["tf32"] = tf32_in_force()
        return Effective(found)

    def device_memory(self) -> DeviceMemory | None:
        """See ``TellsDeviceMemory``: a GPU's, as its driver and PyTorch's allocator tell it."""
        if self._lanes is None:
            return None
        api: Any = getattr(torch, self._device.type)
        free, total = api.mem_get_info(self._device)
        # What the allocator holds and does not use is free to this process.
        held, used = api.memory_reserved(self._device), api.memory_allocated(self._device)
        peak = api.max_memory_allocated(self._device)
        return DeviceMemory(total, free + held - used, used, peak)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the model.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The declared outputs. Of a ``state-dict`` it is the class scores, float32:
            ``(batch, classes)`` for images and texts, ``(batch, length, classes)`` for tokens; a
            detector's rows, ``(batch, anchors, 5 + classes)``.

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
            InputError: Layers are asked of TorchScript or a compiled program, which show none.
        """
        model = self._model
        if model is None:
            raise RuntimeError("tracer was called after close")
        if not with_layers:
            return CallTracer(lambda batch: self._run(model, batch))
        if self._format == "torchscript" or not isinstance(model, nn.Module):
            what = "a compiled model" if isinstance(model, CompiledModel) else self._format
            raise InputError(
                f"PyTorch shows no layers of {what}",
                "trace a state-dict or an exported-program without compile, or use "
                "--level framework",
            )
        if self._lanes is not None:
            if self._lanes.graphs:
                raise InputError(
                    "PyTorch shows no layers of a CUDA graph",
                    "trace without cuda_graphs, or use --level framework",
                )
            from loadscope.sut.pytorch.gpu_tracer import GpuTracer

            api = getattr(torch, self._device.type)
            return GpuTracer(model, self._run, self._inputs, api)
        from loadscope.sut.pytorch.tracer import PyTorchTracer

        return PyTorchTracer(model, self._run, self._inputs)

    def _run(self, model: Model, batch: Tensors) -> Tensors:
        self._set_threads()
        count = samples(batch)
        short = self._fixed is not None and count != self._fixed
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        given = [batch[name] for name in self._inputs]

        def forward(*tensors: Tensor) -> dict[str, Tensor]:
            half = self._half
            if half is not None:
                tensors = tuple(
                    each.to(half) if each.is_floating_point() else each for each in tensors
                )
            results = declared_outputs(model(*tensors), self._outputs)
            if half is not None:
                results = {name: each.float() for name, each in results.items()}
            if short:
                results = {name: each[:count] for name, each in results.items()}
            return {name: each.contiguous() for name, each in results.items()}

        with torch.inference_mode(), self._out_of_memory(count):
            if self._lanes is not None:
                return self._lanes.run(forward, given)
            results = forward(*(torch.from_numpy(each).to(self._device) for each in given))
            return {name: each.cpu().numpy() for name, each in results.items()}

    @contextlib.contextmanager
    def _out_of_memory(self, count: int) -> Iterator[None]:
        """Turn what PyTorch raises on a full device into an error of ours, its memory freed."""
        try:
            yield
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            if self._lanes is not None:
                self._lanes.close()
            # The frames of the failed call hold its activations.
            traceback.clear_frames(error.__traceback__)
            if self._device.type in STREAMED:
                getattr(torch, self._device.type).empty_cache()
            raise DeviceMemoryError.of_batch(canonical(str(self._device)), count) from error

    def _set_threads(self) -> None:
        if not hasattr(self._prepared, "threads"):
            # oneDNN asks the OpenMP runtime, which keeps this number for each thread.
            torch.set_num_threads(self._threads)
            self._prepared.threads = self._threads

    def close(self) -> None:
        """Drop the model."""
        self._model = self._module = None
        if self._lanes is not None:
            self._lanes.close()


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error is that of a full device, or came of one (a CUDA graph's capture ends)."""
    while error is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        error = error.__context__
    return False


def _spend_readonly_warning() -> None:
    # PyTorch warns once a process when it shares an array that must not be written; samples
    # are such arrays, and the networks write to none of their inputs.
    array = np.zeros(1, np.float32)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(array)
