"""Layers of JAX, from running the model's operators one by one."""

import math
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any

import jax
import numpy as np

from loadscope.sut.flops import flops
from loadscope.sut.jax.graph import Graph, Node
from loadscope.sut.tracing.calls import Call, CallTracer
from loadscope.sut.tracing.record import LayerRecord, PredictTrace
from loadscope.tensors import Tensors

_WEIGHTED = ("Conv", "Gemm", "MatMul")

_Layer = tuple[Node, int, int, tuple[Any, ...], tuple[Any, ...]]
"""A node, unix nanoseconds before and after it, and the types and shapes in and out."""


class JaxTracer(CallTracer):
    """Compiles each operator of the file by itself, and waits for its results.

    XLA makes few loops of many operators and does not tell the time of each; so what is timed
    here is not the compiled model: the layers are longer by what XLA saves where it joins them.
    ``separate`` among a record's attributes says so.

    Args:
        graph: The model.
        known: Its constants that are known while it is compiled.
        weights: Those on the device.
        traced: Runs a batch by what is given.
    """

    def __init__(
        self,
        graph: Graph,
        known: Mapping[str, Any],
        weights: Mapping[str, Any],
        traced: Callable[[Tensors, Callable[[Mapping[str, Any]], Any]], Tensors],
    ) -> None:
        self._graph, self._known, self._weights, self._traced = graph, known, weights, traced
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._noted: list[tuple[Call, list[_Layer]]] = []
        super().__init__(lambda batch: batch)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the operators and note the call."""
        layers: list[_Layer] = []

        def step(node: Node, given: tuple[Any, ...]) -> tuple[Any, ...]:
            if not any(isinstance(one, jax.Array) for one in given) or node.op == "Shape":
                return self._graph.step(node, *given)
            # Known values are a part of what is compiled, so shapes stay known.
            places = [at for at, one in enumerate(given) if isinstance(one, jax.Array)]
            key = node.name + repr([one for one in given if not isinstance(one, jax.Array)])
            run = self._compiled.get(key)
            if run is None:
                run = self._compiled[key] = jax.jit(self._alone(node, given, places))
            start = time_ns()
            found = jax.block_until_ready(run(*(given[at] for at in places)))
            layers.append((node, start, time_ns(), _forms(given), _forms(found)))
            return tuple(found)

        start = time_ns()
        outputs = self._traced(
            batch,
            lambda inputs: self._graph.run({**self._known, **self._weights, **inputs}, step),
        )
        self._noted.append(((start, time_ns(), threading.get_native_id()), layers))
        return outputs

    def forget(self) -> None:
        """Drop the notes so far."""
        self._noted.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        return [
            PredictTrace(
                start,
                end - start,
                thread,
                tuple(_record(index, *layer) for index, layer in enumerate(layers)),
            )
            for (start, end, thread), layers in self._noted
        ]

    def _alone(
        self, node: Node, given: tuple[Any, ...], places: list[int]
    ) -> Callable[..., tuple[Any, ...]]:
        """An operator as a function of what is not known while it is compiled."""
        known = {at: one for at, one in enumerate(given) if at not in places}

        def run(*values: Any) -> tuple[Any, ...]:
            taken = known | dict(zip(places, values, strict=True))
            return self._graph.step(node, *(taken[at] for at in range(len(taken))))

        return run


def _forms(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple((one.shape, one.dtype) for one in values if one is not None)


def _record(
    index: int,
    node: Node,
    start: int,
    end: int,
    inputs: tuple[Any, ...],
    outputs: tuple[Any, ...],
) -> LayerRecord:
    shapes, results = ([tuple(shape) for shape, _ in forms] for forms in (inputs, outputs))
    dtype = outputs[0][1]
    return LayerRecord(
        index=index,
        name=node.name,
        type=node.op,
        start_ns=start,
        duration_ns=end - start,
        input_shapes=tuple(shapes),
        output_shapes=tuple(results),
        dtype=np.dtype(dtype).name,
        bytes=sum(map(math.prod, results)) * np.dtype(dtype).itemsize,
        flops=flops(node.op, shapes, results[0], _window(node, shapes)),
        attributes={"constituents": [node.name], "operator": node.op, "separate": True},
    )


def _window(node: Node, shapes: list[tuple[int, ...]]) -> int:
    """The products, or cells, for each number of an operator's result."""
    if node.op == "Conv":
        return math.prod(shapes[1][1:])
    if node.op in _WEIGHTED:
        return shapes[0][0 if node.attributes.get("transA") else -1]
    return math.prod(node.attributes.get("kernel_shape", (0,)))
