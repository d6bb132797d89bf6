"""Layer records, and the protocol of what collects them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from loadscope.errors import InputError
from loadscope.sut.backend import Backend
from loadscope.sut.tracing.counters import Counters
from loadscope.tensors import Tensors

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One operator that a framework ran in one predict.

    Attributes:
        index: Its place in the order of execution, from 0.
        name: The framework's name of it, or that of the model's file.
        type: ONNX's name of the operator (``Conv``); the framework's own where ONNX has none.
        start_ns: Unix time, nanoseconds.
        duration_ns: Nanoseconds.
        input_shapes: Of its tensors, without weights where the framework has packed them.
        output_shapes: Of its results.
        dtype: The numpy type name of the first result.
        bytes: Size of the results, or what the framework's allocator says it took for them.
        flops: Floating-point operations, a multiply and an add being two.
        thread: A stable number of the thread that ran it.
        parent: The index of the record whose body it is of (``If``, ``Loop``, ``Scan``), which
            comes before it and lasts as long as all of its body; None at the top.
        attributes: ``constituents``, the names of the model's operators that are fused into
            it, and what else the framework tells.
        counters: What was counted while it ran, where counters were read between layers.
    """

    index: int
    name: str
    type: str
    start_ns: int
    duration_ns: int
    input_shapes: Shapes
    output_shapes: Shapes
    dtype: str
    bytes: int
    flops: int
    thread: int = 0
    parent: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Primitive:
    """One primitive of a library below the framework (oneDNN); times as in ``LayerRecord``."""

    name: str
    implementation: str
    shapes: str
    start_ns: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class PredictTrace:
    """The framework's own call in one predict, and the layers within.

    Attributes:
        start_ns: Unix time at which the framework was called.
        duration_ns: Until it returned.
        thread: The calling thread's id in the operating system.
        layers: In the order of execution.
    """

    start_ns: int
    duration_ns: int
    thread: int
    layers: tuple[LayerRecord, ...] = ()


class Tracer(Protocol):
    """A model whose calls are noted; notes become records only when the work is over.

    Attributes:
        one_at_a_time: Whether calls must not overlap, since the framework's records do not
            tell them apart.
    """

    one_at_a_time: bool

    def predict(self, batch: Tensors) -> Tensors:
        """As ``Backend.predict``, with the same answers."""

    def forget(self) -> None:
        """Drop the notes of the calls so far (warm-up)."""

    def finish(self) -> list[PredictTrace]:
        """One trace a call since ``forget``, in the order in which they ended.

        The tracer cannot be used afterwards.
        """


@runtime_checkable
class CountingTracer(Tracer, Protocol):
    """A tracer whose framework can be stopped between layers, to read counters."""

    def counted(self, counters: Counters) -> Tracer:
        """Make a tracer of the same model that counts each layer."""


@runtime_checkable
class LibraryTracer(Tracer, Protocol):
    """A tracer that tells itself what was run below the layers: the kernels of a GPU."""

    def with_library(self) -> Tracer:
        """A tracer of the same model that records them; it is a ``LibraryTracer`` too."""

    def primitives(self) -> list[Primitive]:
        """What was run, by start; known after ``finish``."""


@runtime_checkable
class TraceableBackend(Backend, Protocol):
    """A backend that can tell of its layers."""

    def tracer(self, with_layers: bool) -> Tracer:
        """Make a tracer of the loaded model.

        Args:
            with_layers: Whether layers are recorded; otherwise the framework's call alone.
        """


def tracer_of(backend: Backend, with_layers: bool) -> Tracer:
    """A backend's tracer.

    Raises:
        InputError: The backend does not tell of its calls.
    """
    if not isinstance(backend, TraceableBackend):
        raise InputError(
            f"{type(backend).__name__} has no tracing inside predict",
            "use --level application or --level model",
        )
    return backend.tracer(with_layers)


def layers(backend: Backend, batch: Tensors, warm_up: int = 1) -> list[LayerRecord]:
    """The layers of one predict.

    Args:
        backend: A loaded backend.
        batch: The declared inputs.
        warm_up: Predicts before the one that is recorded.

    Raises:
        InputError: The backend cannot tell.
    """
    tracer = tracer_of(backend, with_layers=True)
    for _ in range(warm_up):
        tracer.predict(batch)
    tracer.forget()
    tracer.predict(batch)
    return list(tracer.finish()[0].layers)
