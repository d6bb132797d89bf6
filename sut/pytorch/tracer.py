"""Layers of PyTorch, from code that torch.fx writes: the network, with a stamp at each step.

Hooks would miss the functions between modules, and interpreting the graph costs a twelfth of
the time at batch 1; generated code runs as fast as the network's own. A layer lasts from the
stamp before it to its own, so PyTorch's dispatch is within the layer. Where counters are read,
a layer ends before the reading and the next begins after it.
"""

import math
import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from time import time_ns
from typing import Any

import torch
from torch import fx, nn

from loadscope.errors import WorkError
from loadscope.sut.architectures.onednn import OneDnnLinear
from loadscope.sut.flops import flops
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.counters import Counters
from loadscope.sut.tracing.record import LayerRecord, PredictTrace, Shapes
from loadscope.tensors import Tensors

_TYPES = {
    "AdaptiveAvgPool2d": "GlobalAveragePool",
    "AvgPool2d": "AveragePool",
    "BatchNorm2d": "BatchNormalization",
    "Conv1d": "Conv",
    "Conv2d": "Conv",
    "ConvTranspose2d": "ConvTranspose",
    "Embedding": "Gather",
    "GELU": "Gelu",
    "Hardswish": "HardSwish",
    "LayerNorm": "LayerNormalization",
    "Linear": "Gemm",
    "OneDnnLinear": "Gemm",
    "MaxPool2d": "MaxPool",
    "ReLU": "Relu",
    "ReLU6": "Clip",
    "SiLU": "Swish",
    "Upsample": "Resize",
    "adaptive_avg_pool2d": "GlobalAveragePool",
    "add": "Add",
    "avg_pool2d": "AveragePool",
    "batch_norm": "BatchNormalization",
    "bmm": "MatMul",
    "cat": "Concat",
    "chunk": "Split",
    "clamp": "Clip",
    "conv1d": "Conv",
    "conv2d": "Conv",
    "conv_transpose2d": "ConvTranspose",
    "div": "Div",
    "embedding": "Gather",
    "flatten": "Flatten",
    "gelu": "Gelu",
    "getitem": "Slice",
    "hardswish": "HardSwish",
    "hardtanh": "Clip",
    "iadd": "Add",
    "interpolate": "Resize",
    "layer_norm": "LayerNormalization",
    "linear": "Gemm",
    "matmul": "MatMul",
    "max_pool2d": "MaxPool",
    "mean": "ReduceMean",
    "mul": "Mul",
    "pad": "Pad",
    "permute": "Transpose",
    "relu": "Relu",
    "reshape": "Reshape",
    "scaled_dot_product_attention": "Attention",
    "select": "Gather",
    "sigmoid": "Sigmoid",
    "silu": "Swish",
    "slice": "Slice",
    "softmax": "Softmax",
    "split": "Split",
    "sub": "Sub",
    "sum": "ReduceSum",
    "to": "Cast",
    "transpose": "Transpose",
    "truediv": "Div",
    "unflatten": "Reshape",
    "unsqueeze": "Unsqueeze",
    "view": "Reshape",
}
_Key = tuple[tuple[torch.Size, torch.dtype, torch.device], ...]
Stamp = tuple[int, Sequence[int], int]
"""The end of a layer, the counters, and the start of the next layer."""


class StampedTracer(CallTracer):
    """Runs a copy of the network, sharing its weights, that stamps before and after each step.

    Args:
        network: The loaded network.
        run: Runs a batch through a network given as a callable.
        inputs: The batch's names in the order in which the network takes them.
        stamp: Called at each step.

    Raises:
        WorkError: The network's code depends on the values of tensors.
    """

    names: Sequence[str] = ()

    def __init__(
        self,
        network: nn.Module,
        run: Callable[[Callable[..., Any], Tensors], Tensors],
        inputs: Sequence[str],
        stamp: Callable[[], Any],
    ) -> None:
        self._graph, stamped = _stamped(network, stamp)
        self._network = network
        own = threading.local()

        def forward(*tensors: Any) -> Any:
            own.key = tuple((each.shape, each.dtype, each.device) for each in tensors)
            result, own.stamps = stamped(*tensors)
            return result

        def traced(batch: Tensors) -> Tensors:
            outputs = run(forward, batch)
            # One tuple, so that the notes of other threads do not come between.
            self._notes.append((self._note(own.stamps), own.key, threading.get_native_id()))
            return outputs

        self._notes: list[tuple[list[Any], _Key, int]] = []
        super().__init__(traced)

    def _note(self, stamps: list[Any]) -> list[Any]:
        """What is kept of a call."""
        return stamps

    def _stamps(self, noted: list[Any]) -> list[Stamp]:
        """The times of what was kept."""
        return [(one, (), one) for one in noted]

    def forget(self) -> None:
        """Drop the notes so far."""
        super().forget()
        self._notes.clear()

    def finish(self) -> list[PredictTrace]:
        """The calls and their layers."""
        described: dict[_Key, list[dict[str, Any] | None]] = {}
        notes: dict[int, list[tuple[list[Any], _Key]]] = {}
        for noted, key, thread in self._notes:
            notes.setdefault(thread, []).append((noted, key))
            if key not in described:
                described[key] = _describe(self._network, self._graph, key)
        traces = []
        for call in super().finish():
            noted, key = notes[call.thread].pop(0)
            stamps = self._stamps(noted)
            parts = zip(described[key], stamps[:-1], stamps[1:], strict=True)
            kept = [(what, before, after) for what, before, after in parts if what is not None]
            layers = tuple(
                LayerRecord(
                    index=at,
                    start_ns=before[2],
                    duration_ns=after[0] - before[2],
                    thread=call.thread,
                    counters=dict(
                        zip(self.names, map(operator.sub, after[1], before[1]), strict=True)
                    ),
                    **what,
                )
                for at, (what, before, after) in enumerate(kept)
            )
            traces.append(PredictTrace(call.start_ns, call.duration_ns, call.thread, layers))
        return traces


class PyTorchTracer(StampedTracer):
    """Times layers by the clock of the processor that computes them.

    Args:
        network: See ``StampedTracer``.
        run: Likewise.
        inputs: Likewise.
        counters: Read at each step, if given.
    """

    def __init__(
        self,
        network: nn.Module,
        run: Callable[[Callable[..., Any], Tensors], Tensors],
        inputs: Sequence[str],
        counters: Counters | None = None,
    ) -> None:
        self._loaded, self._counted = (network, run, inputs), counters is not None
        self.names = counters.names if counters else ()
        super().__init__(network, run, inputs, _reading(counters) if counters else time_ns)

    def counted(self, counters: Counters) -> "PyTorchTracer":
        """See ``CountingTracer``."""
        return PyTorchTracer(*self._loaded, counters)

    def _stamps(self, noted: list[Any]) -> list[Stamp]:
        return noted if self._counted else super()._stamps(noted)


class _InPlace(fx.Proxy):
    """Writes ``x += y`` as the network does it, where torch.fx would make a new tensor."""

    def __iadd__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})

    def __imul__(self, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.imul, (self, other), {})


class _Tracer(fx.Tracer):
    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _InPlace(node, self)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, OneDnnLinear) or super().is_leaf_module(m, module_qualified_name)


def _reading(counters: Counters) -> Callable[[], Stamp]:
    counts = counters.counts

    def stamp() -> Stamp:
        return time_ns(), counts(), time_ns()

    return stamp


def _stamped(network: nn.Module, stamp: Callable[[], Any]) -> tuple[fx.Graph, fx.GraphModule]:
    """The network's graph, and its code that also returns a stamp before and after each step."""
    try:
        plain = _Tracer().trace(network)
        graph = _Tracer().trace(network)
    except (fx.proxy.TraceError, TypeError) as error:
        raise WorkError(
            f"torch.fx cannot follow {type(network).__name__}: {error}",
            "trace it with --level framework",
        ) from error
    steps = [node for node in graph.nodes if _is_step(node)]
    with graph.inserting_before(steps[0]):
        stamps = graph.call_function(list)
        graph.call_method("append", (stamps, graph.call_function(stamp)))
    for node in steps:
        with graph.inserting_after(node):
            now = graph.call_function(stamp)
        with graph.inserting_after(now):
            graph.call_method("append", (stamps, now))
    (output,) = [node for node in graph.nodes if node.op == "output"]
    output.args = ((output.args[0], stamps),)
    return plain, fx.GraphModule(network, graph)


def _is_step(node: fx.Node) -> bool:
    return node.op in ("call_module", "call_function", "call_method")


def _describe(network: nn.Module, graph: fx.Graph, key: _Key) -> list[dict[str, Any] | None]:
    """What each step of the graph is for a batch of these shapes; None for no tensors."""
    run = _Describing(fx.GraphModule(network, graph))
    tensors = [torch.zeros(shape, dtype=dtype, device=device) for shape, dtype, device in key]
    with torch.inference_mode():
        run.run(*tensors)
    return run.found


class _Describing(fx.Interpreter):
    """Runs a graph once to see types and shapes."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.found: list[dict[str, Any] | None] = []

    def run_node(self, n: fx.Node) -> Any:
        given: list[Any] = []
        if _is_step(n):
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            given = _tensors((args, kwargs))
            # An operation in place changes what it was given, though not its shape.
        result = super().run_node(n)
        if _is_step(n):
            self.found.append(self._description(n, given, result))
        return result

    def _description(self, n: fx.Node, given: list[Any], result: Any) -> dict[str, Any] | None:
        results = _tensors(result)
        if not results:
            return None
        module = self.fetch_attr(str(n.target)) if n.op == "call_module" else None
        own = type(module).__name__ if module is not None else _called(n)
        # An operator in place ends in an underscore.
        kind = _TYPES.get(own.strip("_"), own if module is not None else _camel(own))
        inputs: Shapes = tuple(tuple(one.shape) for one in given)
        outputs: Shapes = tuple(tuple(one.shape) for one in results)
        return {
            "name": str(n.target) if module is not None else n.name,
            "type": kind,
            "input_shapes": inputs,
            "output_shapes": outputs,
            "dtype": str(results[0].dtype).removeprefix("torch."),
            "bytes": sum(one.numel() * one.element_size() for one in results),
            "flops": flops(kind, inputs, outputs[0], _window(kind, module, given)),
            "attributes": {"constituents": [], "operator": own},
        }


def _window(kind: str, module: nn.Module | None, given: list[Any]) -> int:
    if kind in ("Gemm", "MatMul"):
        return int(given[0].shape[-1])
    if kind in ("Conv", "ConvTranspose"):
        weight: Any = module.weight if module is not None else given[1]
        return math.prod(weight.shape[1:])
    if kind in ("MaxPool", "AveragePool") and module is not None:
        size: Any = module.kernel_size
        return size * size if isinstance(size, int) else math.prod(size)
    return 0


def _tensors(value: Any) -> list[torch.Tensor]:
    """All tensors in nested lists, tuples and mappings, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [tensor for each in value for tensor in _tensors(each)]
    return []


def _called(n: fx.Node) -> str:
    if isinstance(n.target, torch._ops.OpOverload):
        # Of a program of torch.export; the kinds of its arguments follow a dot.
        return n.target.__name__.partition(".")[0]
    return n.target if isinstance(n.target, str) else str(getattr(n.target, "__name__", n.target))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.strip("_").split("_"))
