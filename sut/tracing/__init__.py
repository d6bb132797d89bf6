"""What a framework tells of its layers, one collector a framework, on the unix clock."""

from loadscope.sut.tracing.record import (
    CountingTracer,
    LayerRecord,
    LibraryTracer,
    PredictTrace,
    Primitive,
    TraceableBackend,
    Tracer,
    layers,
    tracer_of,
)

__all__ = [
    "CountingTracer",
    "LayerRecord",
    "LibraryTracer",
    "PredictTrace",
    "Primitive",
    "TraceableBackend",
    "Tracer",
    "layers",
    "tracer_of",
]
