"""LiteRT's profiler, which has no Python interface: its C library, by ctypes.

The calls are those of ``litert/c/*.h`` of version 2.3; the library is in LiteRT's wheel.
"""

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np

from loadscope.errors import WorkError
from loadscope.sut.litert.model import Port
from loadscope.sut.native_output import held_back
from loadscope.tensors import Tensors

OPERATOR, INSIDE = 2, 8
"""Kinds of events: an operator of the file, and a kernel inside of a delegate."""

_CPU = 1
_HOST_MEMORY = 1
_READ, _WRITE = 0, 1
_BUILTIN_KERNELS = 2
_MOST_AXES = 8
# TfLiteType.
_ELEMENTS = {
    "float32": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9,
    "float16": 10, "float64": 11,
}  # fmt: skip


class _Layout(ctypes.Structure):
    _fields_ = (
        ("rank", ctypes.c_uint32, 7),
        ("has_strides", ctypes.c_uint32, 1),
        ("sizes", ctypes.c_int32 * _MOST_AXES),
        ("strides", ctypes.c_uint32 * _MOST_AXES),
    )


class _TensorType(ctypes.Structure):
    _fields_ = (("element", ctypes.c_int), ("layout", _Layout))


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory", ctypes.c_size_t * 6),
        ("index", ctypes.c_uint64),
        ("status", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """One operator that was run.

    Attributes:
        kernel: What LiteRT or XNNPACK calls it.
        kind: ``OPERATOR`` or ``INSIDE``.
        index: Of an operator its number in the file, inside of a delegate the number there.
        duration_ns: Whole microseconds.
    """

    kernel: str
    kind: int
    index: int
    duration_ns: int


class ProfiledModel:
    """A file in LiteRT's C library, which notes every operator; for one thread at a time.

    Args:
        path: The file.
        threads: For each call.
        with_xnnpack: Whether XNNPACK takes over what it can.
        inputs: All inputs of the file, in its order.
        outputs: All outputs of the file, in its order.

    Raises:
        WorkError: The library refuses the file, or is of another version.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        with_xnnpack: bool,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
    ) -> None:
        # The wheel's loader maps it too; it is the same library then.
        self._library = ctypes.CDLL(str(Path(ai_edge_litert.__file__).with_name("libLiteRt.so")))
        self._inputs, self._outputs = inputs, outputs
        self._shapes: tuple[tuple[int, ...], ...] = ()
        with held_back():
            self._environment = self._made("CreateEnvironment", 0, None)
            self._model = self._made("CreateModelFromFile", self._environment, str(path).encode())
            options = self._made("CreateOptions")
            self._call("SetOptionsHardwareAccelerators", options, _CPU)
            mode = "" if with_xnnpack else f"kernel_mode = {_BUILTIN_KERNELS}\n"
            self._add(options, b"runtime_options_string", "enable_profiling = true\n")
            self._add(options, b"xnnpack", f"num_threads = {threads}\n{mode}")
            self._compiled = self._made(
                "CreateCompiledModel", self._environment, self._model, options
            )
            self._library.LiteRtDestroyOptions(options)
        self._profiler = self._made("CompiledModelGetProfiler", self._compiled)
        self._given: Any = None
        self._found: Any = None
        self._answers: list[tuple[int, ...]] = []

    def run(self, batch: Tensors) -> tuple[Tensors, list[Event]]:
        """Run the model.

        Args:
            batch: The inputs by name.

        Returns:
            All outputs by name, and what was run, in its order.

        Raises:
            WorkError: LiteRT fails.
        """
        given = [np.ascontiguousarray(batch[port.name]) for port in self._inputs]
        shapes = tuple(array.shape for array in given)
        if shapes != self._shapes:
            self._resize(shapes)
        for buffer, array in zip(self._given, given, strict=True):
            self._copy(buffer, array, _WRITE)
        self._call("ResetProfiler", self._profiler)
        self._call("StartProfiler", self._profiler)
        self._call(
            "RunCompiledModel",
            self._compiled,
            ctypes.c_size_t(0),
            ctypes.c_size_t(len(self._given)),
            self._given,
            ctypes.c_size_t(len(self._found)),
            self._found,
        )
        self._call("StopProfiler", self._profiler)
        answers = {}
        for port, buffer, shape in zip(self._outputs, self._found, self._answers, strict=True):
            array = np.empty(shape, port.dtype)
            self._copy(buffer, array, _READ)
            answers[port.name] = array
        return answers, self._events()

    def close(self) -> None:
        """Release what the library holds."""
        self._release()
        with held_back():
            self._library.LiteRtDestroyCompiledModel(self._compiled)
            self._library.LiteRtDestroyModel(self._model)
            self._library.LiteRtDestroyEnvironment(self._environment)

    def _resize(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        self._release()
        for at, shape in enumerate(shapes):
            sizes = (ctypes.c_int * len(shape))(*shape)
            place, count = ctypes.c_size_t(at), ctypes.c_size_t(len(shape))
            first = ctypes.c_size_t(0)
            self._call("CompiledModelResizeInputTensor", self._compiled, first, place, sizes, count)
        layouts = (_Layout * len(self._outputs))()
        self._call(
            "GetCompiledModelOutputTensorLayouts",
            self._compiled,
            ctypes.c_size_t(0),
            ctypes.c_size_t(len(layouts)),
            layouts,
            ctypes.c_bool(True),
        )
        self._answers = [tuple(one.sizes[: one.rank]) for one in layouts]
        self._given = self._buffers(self._inputs, shapes)
        self._found = self._buffers(self._outputs, self._answers)
        self._shapes = shapes

    def _buffers(self, ports: Sequence[Port], shapes: Sequence[tuple[int, ...]]) -> Any:
        made = []
        for port, shape in zip(ports, shapes, strict=True):
            kind = _TensorType(_ELEMENTS[port.dtype])
            kind.layout.rank = len(shape)
            kind.layout.sizes[: len(shape)] = shape
            size = ctypes.c_size_t(math.prod(shape) * np.dtype(port.dtype).itemsize)
            made.append(
                self._made(
                    "CreateManagedTensorBuffer",
                    self._environment,
                    _HOST_MEMORY,
                    ctypes.byref(kind),
                    size,
                )
            )
        return (ctypes.c_void_p * len(made))(*made)

    def _release(self) -> None:
        for buffer in (*(self._given or ()), *(self._found or ())):
            self._library.LiteRtDestroyTensorBuffer(ctypes.c_void_p(buffer))
        self._given = self._found = None

    def _copy(self, buffer: int, array: "np.ndarray[Any, Any]", mode: int) -> None:
        held, place = ctypes.c_void_p(buffer), ctypes.c_void_p()
        self._call("LockTensorBuffer", held, ctypes.byref(place), mode)
        own = array.ctypes.data
        target, source = (place, own) if mode == _WRITE else (own, place)
        ctypes.memmove(target, source, array.nbytes)
        self._call("UnlockTensorBuffer", held)

    def _events(self) -> list[Event]:
        count = ctypes.c_int()
        self._call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * count.value)()
        self._call("GetProfilerEvents", self._profiler, count, events)
        return [
            Event(one.tag.decode(), one.kind, one.index, one.elapsed_us * 1000)
            for one in events
            if one.kind in (OPERATOR, INSIDE)
        ]

    def _add(self, options: Any, key: bytes, text: str) -> None:
        """Add settings of LiteRT's own; the library frees the text."""
        c = ctypes.CDLL(None)
        c.strdup.restype = ctypes.c_void_p
        held = ctypes.c_void_p(c.strdup(text.encode()))
        free = ctypes.cast(c.free, ctypes.c_void_p)
        made = self._made("CreateOpaqueOptions", key, held, free)
        self._call("AddOpaqueOptions", options, made)

    def _made(self, name: str, *arguments: Any) -> ctypes.c_void_p:
        """Call what gives an object at its last argument."""
        found = ctypes.c_void_p()
        self._call(name, *arguments, ctypes.byref(found))
        return found

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            status = getattr(self._library, f"LiteRt{name}")(*arguments)
        except AttributeError:
            status = "missing"
        if status:
            raise WorkError(
                f"LiteRT's profiler: LiteRt{name}: status {status}",
                "use --level framework; layers need ai-edge-litert 2.3",
            )
