"""A session of MNN's with the arrays that go in and come out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError, WorkError
from loadscope.sut.mnn.mnn_import import MNN
from loadscope.sut.tracing.onednn import captured
from loadscope.tensors import Tensors

_PRECISIONS = {"float32": "high", "float16": "low"}
_KINDS = (
    (MNN.Halide_Type_Float, "float32"),
    (MNN.Halide_Type_Int, "int32"),
    (MNN.Halide_Type_Int64, "int64"),
    (MNN.Halide_Type_Uint8, "uint8"),
)
# Interpreter::SessionInfoCode of MNN/Interpreter.hpp.
_BACKENDS, _RESIZE_STATUS, _THREADS = 2, 3, 4
# MNNForwardType: plain code, and that for the vector units of the processor.
_CPU = (0, 13)
_INT32 = np.iinfo(np.int32)

Run = Callable[[Any, Any], int]
"""Runs an interpreter's session and gives MNN's code of how it ended, 0 for well."""


def _plain(interpreter: Any, session: Any) -> int:
    return int(interpreter.runSession(session))


class Session:
    """A model with one session, for one call at a time.

    MNN plans for the shapes of the inputs, so a batch of other ones is planned first.

    Args:
        path: The ``.mnn`` file.
        threads: Threads of a call.
        dtype: What is computed with.

    Raises:
        InputError: MNN cannot read the file.
    """

    def __init__(self, path: Path, threads: int, dtype: str) -> None:
        config = {"numThread": threads, "backend": "CPU", "precision": _PRECISIONS[dtype]}
        failure = None
        with captured() as said:
            try:
                self._interpreter = MNN.Interpreter(str(path))
                self._session = self._interpreter.createSession(config)
            # MNN's own class is Exception.
            except Exception as error:
                failure = error
        if failure is not None:
            raise InputError(
                f"MNN {MNN.version()} cannot load {path}: {(said or [str(failure)])[-1].strip()}",
                "fetch it again, or correct source and format in the model's manifest",
            ) from failure
        self._inputs: dict[str, Any] = self._interpreter.getSessionInputAll(self._session)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._given: dict[str, tuple[Any, NDArray[Any]]] = {}
        self._found: dict[str, tuple[Any, Any, NDArray[Any]]] = {}

    def inputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and sizes of each input; -1 for an open size, though not for the batch's."""
        return {name: _described(tensor) for name, tensor in self._inputs.items()}

    def outputs(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and sizes of each output, for the shapes that were planned last."""
        return {name: _described(tensor) for name, tensor in self._results().items()}

    def threads(self) -> int:
        """How many threads a call has, as MNN tells it."""
        # MNN writes a whole number where Python reads a float.
        return int(np.float32(self._told(_THREADS)).view(np.int32))

    def device(self) -> str:
        """Where it computes, as MNN tells it."""
        kind = int(self._told(_BACKENDS))
        return "cpu" if kind in _CPU else f"backend {kind}"

    def plan(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Have MNN plan for inputs of these shapes.

        Raises:
            InputError: The model cannot take them.
        """
        for name, tensor in self._inputs.items():
            self._interpreter.resizeTensor(tensor, shapes[name])
        self._interpreter.resizeSession(self._session)
        if self._told(_RESIZE_STATUS):
            self._shapes = {}
            raise InputError(
                f"MNN cannot run the model on inputs of the shapes {_shown(shapes)}",
                "correct inputs in the model's manifest; a file whose batch size is fixed needs "
                "max_batch",
            )
        self._given = {
            name: _host(_described(tensor)[0], shapes[name])
            for name, tensor in self._inputs.items()
        }
        self._found = {
            name: (tensor, *_host(*_described(tensor))) for name, tensor in self._results().items()
        }
        self._shapes = dict(shapes)

    def run(self, batch: Tensors, names: Sequence[str], run: Run = _plain) -> Tensors:
        """Run a batch.

        Args:
            batch: The inputs; of int64 those that int32 can hold.
            names: The outputs to give.
            run: What runs the session.

        Returns:
            New arrays, whole numbers as MNN has them, in int32.

        Raises:
            InputError: A number is too large, or the model cannot take the shapes.
            WorkError: MNN fails.
        """
        shapes = {name: batch[name].shape for name in self._inputs}
        if shapes != self._shapes:
            self.plan(shapes)
        for name, tensor in self._inputs.items():
            array, (host, view) = batch[name], self._given[name]
            if array.dtype == np.int64 and view.dtype == np.int32 and not _fits(array):
                raise InputError(
                    f"input '{name}' has numbers beyond int32, which MNN computes with",
                    "use another framework for this model",
                )
            np.copyto(view, array, casting="same_kind")
            # Each time: MNN may have used the memory of its own for another tensor since.
            tensor.copyFrom(host)
        status = run(self._interpreter, self._session)
        if status:
            raise WorkError(
                f"MNN {MNN.version()} failed with its error code {status}",
                "use another version of MNN, or another framework",
            )
        found = {}
        for name in names:
            tensor, host, view = self._found[name]
            tensor.copyToHostTensor(host)
            found[name] = view.copy()
        return found

    def _results(self) -> dict[str, Any]:
        found: dict[str, Any] = self._interpreter.getSessionOutputAll(self._session)
        return found

    def _told(self, code: int) -> float:
        found: float = self._interpreter.getSessionInfo(self._session, code)
        return found


def _described(tensor: Any) -> tuple[str, tuple[int, ...]]:
    return dtype_of(tensor), tuple(tensor.getShape())


def dtype_of(tensor: Any) -> str:
    """Numpy's name of the type of a tensor of MNN's."""
    kind = tensor.getDataType()
    return next((name for each, name in _KINDS if each == kind), "unknown")


def _host(dtype: str, shape: tuple[int, ...]) -> tuple[Any, NDArray[Any]]:
    """A tensor of MNN's in plain order and its memory as an array."""
    kind = next(each for each, name in _KINDS if name == dtype)
    zeros = np.zeros(shape, dtype)
    tensor = MNN.Tensor(shape, kind, zeros, MNN.Tensor_DimensionType_Caffe)
    return tensor, tensor.getNumpyData().reshape(shape)


def _fits(array: NDArray[Any]) -> bool:
    return not array.size or bool(_INT32.min <= array.min() and array.max() <= _INT32.max)


def _shown(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
